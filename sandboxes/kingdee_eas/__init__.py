"""A stand-in for Kingdee EAS over SOAP (Apache Axis 1.4, rpc/encoded)."""

from sandboxes.common import Sandbox
from sandboxes.kingdee_eas.app import KingdeeEasSandbox

SANDBOX: type[Sandbox] = KingdeeEasSandbox

__all__ = ["SANDBOX"]
