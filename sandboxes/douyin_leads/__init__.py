"""Ocean Engine (巨量引擎): OAuth, the lead pull, and the Feiyu CRM push rules."""

from sandboxes.common import Sandbox
from sandboxes.douyin_leads.app import OceanEngine

SANDBOX: type[Sandbox] = OceanEngine

__all__ = ["SANDBOX"]
