"""法大大 (FASC OpenAPI 5.1)."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.fadada.adapter import open_connection
from connectors.fadada.settings import FadadaSettings

CONNECTOR = Connector(
    manifest=load_manifest(Path(__file__).parent), settings=FadadaSettings, open=open_connection
)

__all__ = ["CONNECTOR"]
