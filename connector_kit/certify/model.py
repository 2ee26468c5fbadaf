"""Checks, their results, and the tier that follows from them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from connector_kit.certify.stand import Stand

Tier = Literal["none", "bronze", "silver", "gold"]
Level = Literal["bronze", "silver", "gold"]
Status = Literal["passed", "failed", "skipped"]
LEVELS: tuple[Level, ...] = ("bronze", "silver", "gold")
FOR_GOLD, FOR_GOLD_UNDER_FAULTS = 30, 12
"""Checks that must have run and passed, and how many of them while the vendor misbehaved."""

RULE = (
    "bronze: every bronze check passed; silver: every silver check too; gold: every check, at least "
    f"{FOR_GOLD} of them, {FOR_GOLD_UNDER_FAULTS} under faults. "
    "A skipped check counts for nothing and against nothing."
)


class Failed(Exception):
    """The connector does not do what the check asks; the text says what was seen."""


class Skipped(Exception):
    """The check does not apply; the text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """`capability`: name of a protocol in domain/ports.py, or `any`."""

    name: str
    capability: str
    level: Level
    title_zh: str
    title_en: str
    run: Callable[[Stand], Awaitable[None]]
    under_faults: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    capability: str
    level: Level
    title_zh: str
    title_en: str
    under_faults: bool
    status: Status
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    connector: str
    variant: str
    results: Sequence[Result]
    note: str = ""

    def of(self, status: Status) -> Sequence[Result]:
        return [result for result in self.results if result.status == status]

    @property
    def under_faults(self) -> int:
        return sum(result.under_faults for result in self.of("passed"))

    @property
    def missed(self) -> Sequence[str]:
        """Why it is not gold: each failed check, and the numbers that are too small."""
        reasons = [f"{result.name}: {result.reason}" for result in self.of("failed")]
        if len(self.of("passed")) < FOR_GOLD:
            reasons.append(f"{len(self.of('passed'))} checks passed, gold needs {FOR_GOLD}")
        if self.under_faults < FOR_GOLD_UNDER_FAULTS:
            reasons.append(f"{self.under_faults} passed under faults, gold needs {FOR_GOLD_UNDER_FAULTS}")
        return reasons

    @property
    def tier(self) -> Tier:
        reached: Tier = "none"
        for level in LEVELS:
            if any(result.level == level for result in self.of("failed")):
                return reached
            if level == "gold" and self.missed:
                return reached
            reached = level
        return reached

    def as_json(self) -> dict[str, object]:
        return {
            "connector": self.connector,
            "variant": self.variant,
            "tier": self.tier,
            "passed": len(self.of("passed")),
            "failed": len(self.of("failed")),
            "skipped": len(self.of("skipped")),
            "under_faults": self.under_faults,
            "missed": list(self.missed),
            "checks": [asdict(result) for result in self.results],
        }
