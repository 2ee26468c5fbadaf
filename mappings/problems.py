"""What can be wrong with a record, in words for the person who has to act."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["missing", "invalid", "no_code", "too_long", "expression"]
Action = Literal["park", "fail"]


class RowFault(ValueError):
    """One row of a mapping cannot be filled from this record."""

    def __init__(self, kind: Kind, message: str, message_zh: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.message_zh = message_zh


class ConversionError(RowFault):
    """A converter cannot read the value."""

    def __init__(self, message: str, message_zh: str) -> None:
        super().__init__("invalid", message, message_zh)


@dataclass(frozen=True, slots=True)
class Problem:
    """One target that could not be filled. The messages never hold the value: it may be personal."""

    kind: Kind
    target: str
    source: str
    value: object
    message_zh: str
    message_en: str
    action: Action
    table: str | None = None
    """The code table that lacks `value`, where a row in it would solve the problem."""


class MappingProblem(Exception):
    """A record that does not fit its mapping."""

    def __init__(self, mapping: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"{mapping}: " + "; ".join(problem.message_en for problem in problems))
        self.mapping = mapping
        self.problems = tuple(problems)

    @property
    def action(self) -> Action:
        return "fail" if any(problem.action == "fail" for problem in self.problems) else "park"

    @property
    def message_zh(self) -> str:
        return "；".join(problem.message_zh for problem in self.problems)
