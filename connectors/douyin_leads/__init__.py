"""Leads of Ocean Engine (巨量引擎): Feiyu pushes and the open API's pull."""

from pathlib import Path

from connector_kit import Connector, load_manifest
from connectors.douyin_leads.adapter import DouyinLeads
from connectors.douyin_leads.settings import Settings

CONNECTOR = Connector(manifest=load_manifest(Path(__file__).parent), settings=Settings, open=DouyinLeads)

__all__ = ["CONNECTOR"]
