"""The sandbox's own clock, which the control API can move."""

import time
from collections.abc import MutableMapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sandboxes.common.books import Row
from sandboxes.common.faults import UNDER_WAY

CHINA = ZoneInfo("Asia/Shanghai")
FIRST_YEAR, LAST_YEAR = 1971, 2199
FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (FIRST_YEAR, LAST_YEAR + 1))
SHIFT = "shift"


class Clock:
    def __init__(self, kept: MutableMapping[str, Row] | None = None) -> None:
        """`kept`: a table that outlives the process."""
        self._kept = {} if kept is None else kept
        self._shift = float(self._kept.get(SHIFT, {"seconds": 0})["seconds"])

    def now(self) -> datetime:
        """Aware, in UTC. A fault may put it wrong for the request under way."""
        struck = UNDER_WAY.get()
        return datetime.now(UTC) + timedelta(seconds=self._shift + (struck.skew if struck else 0))

    def china(self) -> datetime:
        """Aware, in Asia/Shanghai: what the vendors print."""
        return self.now().astimezone(CHINA)

    def millis(self) -> int:
        return int(self.now().timestamp() * 1000)

    def advance(self, seconds: float) -> None:
        """Raises ValueError beyond the years that a vendor can print."""
        shift = self._shift + seconds
        if not FIRST <= time.time() + shift < LAST:
            raise ValueError(f"只能拨到 {FIRST_YEAR} 至 {LAST_YEAR} 年之间 (within these years)")
        self._kept[SHIFT] = {"seconds": shift}
        self._shift = shift

    def reset(self) -> None:
        self._kept.pop(SHIFT, None)
        self._shift = 0.0
