"""One suite over every connector and its sandbox, chosen by the connector's capabilities."""

from connector_kit.certify.bench import Act, Bench
from connector_kit.certify.model import Report, Result
from connector_kit.certify.runner import certify, suite

__all__ = ["Act", "Bench", "Report", "Result", "certify", "suite"]
