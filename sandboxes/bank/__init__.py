"""A bank that keeps accounts and issues camt.053 statements."""

from sandboxes.bank.app import Bank
from sandboxes.common import Sandbox

SANDBOX: type[Sandbox] = Bank

__all__ = ["SANDBOX"]
