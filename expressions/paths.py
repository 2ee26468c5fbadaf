"""Data paths: `customer.region`, `lines[0].sku`, `lines[*].amount`, `data["a.b"]`, `parent.number`."""

import builtins
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from expressions import operations
from expressions.errors import ExpressionError
from expressions.functions import FUNCTIONS, piece
from expressions.places import MARKS, Place

HELPERS: Mapping[str, object] = {
    **{name: getattr(builtins, name) for name in ("dict", "len", "str", "type")},
    **{name: getattr(operations, name) for name in operations.HELPERS},
    "Decimal": Decimal,
    "NUMBERS": operations.NUMBERS,
    "HALF_UP": ROUND_HALF_UP,
    "piece": piece,
    **{f"f_{function.name}": function.call for function in FUNCTIONS.values()},
}
MAX_STEPS = 20
Step = str | int | None  # None is [*]

_STEP = re.compile(
    r"""(?P<dot>\.)?(?P<name>[^\s.\[\]"'](?:[^.\[\]"']*[^\s.\[\]"'])?)
      | \[(?P<index>-?\d{1,6})\] | \[(?P<all>\*)\] | \["(?P<double>[^"]*)"\] | \['(?P<single>[^']*)'\]""",
    re.VERBOSE,
)


class CodeUnit:
    """One function being generated: its constants and its temporary variables."""

    def __init__(self) -> None:
        self._marks: list[Place] = []
        self.namespace: dict[str, object] = {"__builtins__": {}, **HELPERS, MARKS: self._marks}
        self._names: dict[object, str] = {}
        self._temporaries = 0

    def constant(self, value: object) -> str:
        """A name for a value in the generated code; the same value gets the same name."""
        key = repr(value) if isinstance(value, Decimal) else id(value)
        name = self._names.setdefault(key, f"k{len(self._names)}")
        self.namespace[name] = value
        return name

    def temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def marked(self, name: str, place: Place) -> str:
        """The name, so that what fails under it tells its place."""
        marked = f"{name}_m{len(self._marks)}"
        self._marks.append(place)
        if name in self.namespace:
            self.namespace[marked] = self.namespace[name]
        return marked


@dataclass(frozen=True, slots=True)
class Scope:
    """Which variables of the generated code hold the data.

    `records`: the current record (a mapping for certain) and its parents, innermost first.
    `this`: the current value, whatever it is. `item`: the item of a list function, if inside one.
    `hold`: gives a variable for a record below a record, so that rows whose paths begin alike walk it once.
    """

    records: tuple[str, ...]
    this: str
    item: str | None = None
    hold: Callable[[str, str], str] | None = None


RECORD = Scope(records=("r",), this="r")


@dataclass(frozen=True, slots=True)
class Path:
    steps: tuple[Step, ...]
    text: str = field(compare=False)

    def __str__(self) -> str:
        return self.text

    def inline(self, unit: CodeUnit, scope: Scope) -> str:
        """Python source of the value at this path."""
        code, steps, certain = _root(self.steps, scope)
        while scope.hold and certain and len(steps) > 1 and all(isinstance(each, str) for each in steps[:2]):
            code, steps = scope.hold(code, str(steps[0])), steps[1:]
        for position, each in enumerate(steps):
            if each is None:
                return f"pluck({code}, {steps[position + 1 :]!r})"
            if isinstance(each, int):
                code = f"index({code}, {each})"
            elif certain:
                code = f"{code}.get({each!r})"
            else:
                held = code if code.isidentifier() else unit.temporary()
                test = held if held == code else f"{held} := {code}"
                code = f"({held}.get({each!r}) if type({test}) is dict else step({held}, {each!r}))"
            certain = False
        return code


def _root(steps: tuple[Step, ...], scope: Scope) -> tuple[str, tuple[Step, ...], bool]:
    """The variable a path starts from, the steps left, and whether the variable is a mapping for certain."""
    if steps[0] == "item" and scope.item:
        return scope.item, steps[1:], False
    if steps[0] == "this":
        return (scope.records[0], steps[1:], True) if len(steps) > 1 else (scope.this, (), False)
    up = 0
    while up < min(len(steps), len(scope.records) - 1) and steps[up] == "parent":
        up += 1
    return scope.records[up], steps[up:], True


def path_of(steps: tuple[Step, ...]) -> Path:
    return Path(steps, "".join(_written(each) for each in steps).removeprefix("."))


def _written(each: Step) -> str:
    if isinstance(each, str):
        return f".{each}" if re.fullmatch(r"""[^\s.\[\]"']+""", each) else f'["{each}"]'
    return f"[{'*' if each is None else each}]"


def parse_path(text: str) -> Path:
    steps: list[Step] = []
    position = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    while position < end:
        found = _STEP.match(text, position, end)
        dotted = found is not None and (found["name"] is None or bool(steps) == bool(found["dot"]))
        if found is None or not dotted or (not steps and found["name"] is None and found["double"] is None):
            raise ExpressionError(
                f"'{text}' is not a path", position + 1, remedy="write it like lines[0].sku"
            )
        steps.append(_step_of(found.groupdict()))
        position = found.end()
    if not 0 < len(steps) <= MAX_STEPS:
        raise ExpressionError(f"a path has 1 to {MAX_STEPS} steps", 1)
    return path_of(tuple(steps))


def _step_of(found: Mapping[str, str | None]) -> Step:
    if found["all"]:
        return None
    if found["index"] is not None:
        return int(found["index"])
    return next(part for part in (found["name"], found["double"], found["single"]) if part is not None)
