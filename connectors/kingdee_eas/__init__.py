"""Kingdee EAS (金蝶 EAS) over SOAP: import of vouchers and receivables."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.kingdee_eas.adapter import KingdeeEasAdapter
from connectors.kingdee_eas.settings import KingdeeEasSettings

CONNECTOR = Connector(load_manifest(Path(__file__).parent), KingdeeEasSettings, KingdeeEasAdapter)

__all__ = ["CONNECTOR"]
