"""Yonyou U8 (用友 U8+)."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.yonyou_u8.adapter import open_connection
from connectors.yonyou_u8.settings import U8Settings

CONNECTOR = Connector(load_manifest(Path(__file__).parent), U8Settings, open_connection)

__all__ = ["CONNECTOR"]
