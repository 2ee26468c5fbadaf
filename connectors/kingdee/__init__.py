"""Kingdee Cloud Galaxy (金蝶云星空): customers, receivables, receipts that write off when audited."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.kingdee.adapter import KingdeeAdapter
from connectors.kingdee.settings import KingdeeSettings

CONNECTOR = Connector(load_manifest(Path(__file__).parent), KingdeeSettings, KingdeeAdapter)

__all__ = ["CONNECTOR"]
