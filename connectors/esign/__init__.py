"""e签宝 (eSign.cn OpenAPI v3)."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.esign.adapter import open_connection
from connectors.esign.settings import EsignSettings

CONNECTOR = Connector(
    manifest=load_manifest(Path(__file__).parent), settings=EsignSettings, open=open_connection
)

__all__ = ["CONNECTOR"]
