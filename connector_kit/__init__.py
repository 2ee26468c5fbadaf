"""What every connector shares: send, log in, redact, keep the evidence."""

from connector_kit.breaker import Breaker
from connector_kit.budget import Budget, MemoryPlaces, Places, background_calls
from connector_kit.connector import ConnectionSettings, Connector, Manifest, Tools, load_manifest
from connector_kit.exchanges import Exchange, MemoryRecorder, Recorder, exchange_subject, subject
from connector_kit.paging import Page, read_whole
from connector_kit.redact import Redactor, secrets_of
from connector_kit.send import Operation, Reply, Request, Sender, new_client
from connector_kit.tokens import MemoryTokens, Token, Tokens

__all__ = [
    "Breaker",
    "Budget",
    "ConnectionSettings",
    "Connector",
    "Exchange",
    "Manifest",
    "MemoryPlaces",
    "MemoryRecorder",
    "MemoryTokens",
    "Operation",
    "Page",
    "Places",
    "Recorder",
    "Redactor",
    "Reply",
    "Request",
    "Sender",
    "Token",
    "Tokens",
    "Tools",
    "background_calls",
    "exchange_subject",
    "load_manifest",
    "new_client",
    "read_whole",
    "secrets_of",
    "subject",
]
