"""What every sandbox shares: books, clock, faults, callbacks, the control API and the server."""

from sandboxes.common.app import Act, Sandbox
from sandboxes.common.books import Books, Row, Table
from sandboxes.common.callbacks import Callbacks, Outgoing
from sandboxes.common.clock import Clock
from sandboxes.common.faults import FaultPlan, FaultRule
from sandboxes.common.serve import PLAIN, Running, running, serve
from sandboxes.common.signing import Contracts, SigningSandbox

__all__ = [
    "PLAIN",
    "Act",
    "Books",
    "Callbacks",
    "Clock",
    "Contracts",
    "FaultPlan",
    "FaultRule",
    "Outgoing",
    "Row",
    "Running",
    "Sandbox",
    "SigningSandbox",
    "Table",
    "running",
    "serve",
]
