"""腾讯电子签 (Tencent ESS, enterprise edition)."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.tencent_ess.adapter import open_connection
from connectors.tencent_ess.settings import TencentEssSettings

CONNECTOR = Connector(
    manifest=load_manifest(Path(__file__).parent), settings=TencentEssSettings, open=open_connection
)

__all__ = ["CONNECTOR"]
