"""The sandbox's own clock, which the control API can move."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sandboxes.common.faults import UNDER_WAY

CHINA = ZoneInfo("Asia/Shanghai")


class Clock:
    def __init__(self) -> None:
        self._shift = timedelta()

    def now(self) -> datetime:
        """Aware, in UTC. A fault may put it wrong for the request under way."""
        struck = UNDER_WAY.get()
        return datetime.now(UTC) + self._shift + timedelta(seconds=struck.skew if struck else 0)

    def china(self) -> datetime:
        """Aware, in Asia/Shanghai: what the vendors print."""
        return self.now().astimezone(CHINA)

    def millis(self) -> int:
        return int(self.now().timestamp() * 1000)

    def advance(self, seconds: float) -> None:
        self._shift += timedelta(seconds=seconds)

    def reset(self) -> None:
        self._shift = timedelta()
