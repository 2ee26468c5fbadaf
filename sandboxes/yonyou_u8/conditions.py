"""Conditions as the vendor's query pastes them into SQL: read with a small grammar, and never executed."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sandboxes.yonyou_u8.words import Refusal


@dataclass(frozen=True, slots=True)
class Condition:
    """`column` in lower case: the server does not look at case."""

    column: str
    operation: str
    value: str


Token = Condition | str
Test = Callable[[Mapping[str, str]], bool]

_WORDS = re.compile(r"\(|\)|\w+")
_SQL_TOKEN = re.compile(
    r"\s*(?:(\w+)\s*(=|<>|>=|<=|>|<|like)\s*(?:N?'((?:[^']|'')*)'|(\d+)\b)|(\(|\)|and\b|or\b))\s*", re.I
)
_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda left, right: left == right,
    "<>": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    "like": lambda left, right: fnmatchcase(left, right.replace("%", "*")),
}


def words_of(logic: str) -> list[str]:
    """The text between two conditions: `and`, ` And ( `, ` ) `."""
    return _WORDS.findall(logic.lower())


def tokens_of(where: str) -> Iterator[Token]:
    position = 0
    while position < len(where):
        found = _SQL_TOKEN.match(where, position)
        if found is None:
            raise _syntax(where[position : position + 20])
        column, operation, text, number, word = found.groups()
        value = number or (text or "").replace("''", "'")
        yield word.lower() if word else Condition(column.lower(), operation.lower(), value)
        position = found.end()


def test_of(tokens: Sequence[Token]) -> Test:
    """No condition at all: everything."""
    if not tokens:
        return lambda row: True
    reader = _Reader(list(tokens))
    test = reader.either()
    if reader.left:
        raise _syntax(reader.left[0])
    return test


@dataclass(slots=True)
class _Reader:
    left: list[Token]

    def either(self) -> Test:
        tests = [self._both()]
        while self._take("or"):
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._take("("):
            inner = self.either()
            if not self._take(")"):
                raise _syntax("(")
            return inner
        if not self.left or not isinstance(self.left[0], Condition):
            raise _syntax(self.left[0] if self.left else "")
        return _compared(self.left.pop(0))

    def _take(self, word: str) -> bool:
        if self.left[:1] != [word]:
            return False
        self.left.pop(0)
        return True


def _compared(condition: Token) -> Test:
    assert isinstance(condition, Condition)
    compare = _COMPARE.get(condition.operation)
    if compare is None:
        raise _syntax(condition.operation)

    def test(row: Mapping[str, str]) -> bool:
        if condition.column not in row:
            raise Refusal(f"列名 '{condition.column}' 无效。")
        # The server compares padded columns as if the blanks were not there.
        return compare(row[condition.column].rstrip(), condition.value)

    return test


def _syntax(near: object) -> Refusal:
    text = near.column if isinstance(near, Condition) else str(near)
    return Refusal(f"'{text}' 附近有语法错误。")
