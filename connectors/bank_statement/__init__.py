"""Bank statements that arrive as files: camt.053 in a folder."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.bank_statement.adapter import StatementFolder
from connectors.bank_statement.settings import Settings

CONNECTOR = Connector(manifest=load_manifest(Path(__file__).parent), settings=Settings, open=StatementFolder)

__all__ = ["CONNECTOR"]
