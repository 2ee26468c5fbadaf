"""Log lines for people and machines, without the secrets of any connection."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from connector_kit.redact import MASK, masked_everywhere, sounds_secret


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
        # The stream of the moment of writing: one kept from here may be replaced, or closed, by then.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(_Masking("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return _by_name(event)


def _by_name(values: Mapping[Any, Any]) -> dict[str, Any]:
    named = {masked_everywhere(str(name)): value for name, value in values.items()}
    return {name: MASK if sounds_secret(name) else _masked(value) for name, value in named.items()}


def _masked(value: Any) -> Any:
    """What JSON does not know is written as Python shows it."""
    match value:
        case bool() | int() | float() | None:
            return value
        case Mapping():
            return _by_name(value)
        case list() | tuple() | set() | frozenset():
            return [_masked(each) for each in value]
        case _:
            return masked_everywhere(str(value))
