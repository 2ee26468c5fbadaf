"""Log lines for people and machines, without the secrets of any connection."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from connector_kit.redact import masked_everywhere


class _Masking(logging.Formatter):
    """For what libraries log: their tracebacks quote addresses, and some vendors want a token in those."""

    def format(self, record: logging.LogRecord) -> str:
        return masked_everywhere(super().format(record))


def configure() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            _without_secrets,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(_Masking("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {
        name: masked_everywhere(value) if isinstance(value, str) else value for name, value in event.items()
    }
