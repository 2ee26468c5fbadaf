"""A stand-in for the WebAPI of Kingdee Cloud Galaxy (金蝶云星空)."""

from sandboxes.common import Sandbox
from sandboxes.kingdee.app import KingdeeSandbox

SANDBOX: type[Sandbox] = KingdeeSandbox

__all__ = ["SANDBOX"]
