"""Expressions at random: by the grammar, and near misses; and what may not happen whatever they are."""

import ast
import random
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

from expressions import FUNCTIONS, CodeUnit, EvaluationError, ExpressionError, compile_expression, place_of
from expressions.paths import RECORD

MOST_SECONDS = 0.05

PATHS = (
    *("amount", "rate", "qty", "huge", "tiny", "whole", "nan", "infinite", "none", "empty", "flag", "absent"),
    *(
        "region",
        "text",
        "words",
        "due",
        "at",
        "day",
        "this",
        "trap",
        "foreign",
        "odd",
        "lines",
        "many",
        "tags",
    ),
    *("customer.name", "customer.address.city", "lines[0].sku", "lines[-1].price", "lines[9].sku", "tags[0]"),
    *(
        'this["class"]',
        'customer["a.b"]',
        "customer.none.deeper",
        "trap.attribute",
        "foreign.name",
        "客户.名称",
    ),
)
ITEM_PATHS = ("item", "item.sku", "item.qty", "item.price", "item.none.x", "item.notes[0]")
LITERALS = (
    *("0", "1", "-1", "3", "0.06", "1200.50", "9" * 40, "0." + "9" * 38, ".5", "1_000", "1e3", "0x1f", "1j"),
    *('""', '"a"', "'华东'", '"2026-01-31"', '"2026年1月5日 12:00"', '"1,234.50"', '"*a*"', '"%s{0}{x!r}"'),
    *('"' + "ab" * 300 + '"', "None", "True", "False", '["a", "华东"]', "[1, 2.50, -3]", "()", "[None]"),
)
OPERATORS = (
    *("+", "-", "*", "/", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"),
    *("+", "*", "/", "<", "is", "is not", "**", "%", "//", "|", "@", "<<"),
)
ATTACKS = (
    *("a.__class__", "().__class__.__base__.__subclasses__()", "__import__('os')", "open('/etc/passwd')"),
    *("eval('1')", "exec('1')", "globals()", "getattr(region, 'upper')", "region.upper()", "f'{region}'"),
    *("lambda: 1", "[x for x in lines]", "{**this}", "(x := 1)", "region.format(this)", "'%s' % region"),
    *("await x", "yield x", "print", "region[::-1]", "lines[lines]", "type(region)", "vars()", "...", "b'x'"),
    *("evaluate", "k0", "t1", "r", "f_upper(region)", "Decimal('1')", "CONTEXT.prec", "step.__globals__"),
)
TOKENS = (
    *(
        "__class__",
        ".__dict__",
        "import os",
        "lambda x:",
        "**9**9",
        "*" * 2,
        "\x00",
        "（",
        "，",
        "“",
        "\\",
        "#",
    ),
    *(
        "\n",
        "\t",
        ";",
        "=",
        ":=",
        "@",
        "`",
        "$",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ".",
        ",",
        "'",
        '"',
        "not ",
        "-",
    ),
    *(" if ", " else ", " for x in lines", "\ud800", "\u202e", "ª", "𝓂", "ﬁ", "9" * 50, "\r", "\f", "\xa0"),
)


class Trap:
    """Data whose attributes must never be touched."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"reached {name}")


class Foreign(Mapping[str, object]):
    """A record that is no dict."""

    def __getitem__(self, key: str) -> object:
        return {"name": "示例", "qty": 2}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("name", "qty"))

    def __len__(self) -> int:
        return 2


def nested(levels: int) -> object:
    return {"a": nested(levels - 1)} if levels else 1


DATA: Mapping[str, object] = {
    "amount": Decimal("120000.00"),
    "rate": 0.06,
    "qty": 3,
    "huge": 10**400,
    "tiny": Decimal("1E-900"),
    "whole": Decimal("9" * 60),
    "nan": Decimal("NaN"),
    "infinite": float("inf"),
    "none": None,
    "empty": "",
    "flag": True,
    "region": "华东",
    "text": "ab" * 2_000,
    "words": "甲, 乙,丙",
    "due": "2026-01-31",
    "at": datetime(2026, 1, 4, 16, 30, tzinfo=UTC),
    "day": date(2026, 2, 28),
    "trap": Trap(),
    "foreign": Foreign(),
    "odd": [Decimal("sNaN"), None, "x", 1.5, {"qty": 1}, [1], b"bytes", {1, 2}, nested(200)],
    "lines": [{"sku": f"S-{n}", "qty": n, "price": n / 10, "notes": ["a" * n]} for n in range(40)],
    "many": list(range(300)),
    "tags": ["vip", "new"],
    "customer": {"name": " 测试公司 ", "address": {"city": "杭州"}, "a.b": 1},
    "class": "A",
    "客户": {"名称": "示例"},
}


class Grammar:
    """Texts by the grammar of the language; now and then something that it does not know."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def text(self) -> str:
        found = self._expression(self.chance.randrange(1, 6), False)
        for _ in range(self.chance.choice((0, 0, 0, 1, 1, 2, 5))):
            found = self._mutated(found)
        return found

    def _expression(self, depth: int, in_list: bool) -> str:
        if depth == 0 or self.chance.random() < 0.15:
            return self._leaf(in_list)
        form = self.chance.choice(
            (self._binary, self._binary, self._call, self._call, self._call, self._other)
        )
        return form(depth - 1, in_list)

    def _leaf(self, in_list: bool) -> str:
        roll = self.chance.random()
        if roll < 0.02:
            return self.chance.choice(ATTACKS)
        if in_list and roll < 0.4:
            return self.chance.choice(ITEM_PATHS)
        return self.chance.choice(PATHS if roll < 0.7 else LITERALS)

    def _binary(self, depth: int, in_list: bool) -> str:
        # The odd operators stand at the end of the list.
        among = OPERATORS if self.chance.random() < 0.1 else OPERATORS[:18]
        sides = [self._expression(depth, in_list) for _ in range(self.chance.choice((2, 2, 2, 3)))]
        chained = sides[0]
        for side in sides[1:]:
            chained += f" {self.chance.choice(among)} {side}"
        return f"({chained})"

    def _call(self, depth: int, in_list: bool) -> str:
        known = [name for name, each in FUNCTIONS.items() if not (in_list and each.over_list)]
        name = self.chance.choice(known if self.chance.random() < 0.98 else list(FUNCTIONS))
        function = FUNCTIONS[name]
        amount = self.chance.randint(function.minimum, min(function.maximum, function.minimum + 2))
        if self.chance.random() < 0.02:
            amount += self.chance.choice((-1, 1, 60))
        arguments = [
            self._expression(depth, in_list or (function.over_list and n > 0)) for n in range(amount)
        ]
        if function.over_list and arguments and self.chance.random() < 0.8:
            arguments[0] = self.chance.choice(("lines", "many", "odd", "tags", "foreign", "none"))
        return f"{name}({', '.join(arguments)})"

    def _other(self, depth: int, in_list: bool) -> str:
        first = self._expression(depth, in_list)
        match self.chance.randrange(6):
            case 0:
                return f"(not {first})"
            case 1:
                return f"(-{first})"
            case 2:
                others = [self._expression(depth, in_list) for _ in range(2)]
                return f"({first} if {others[0]} else {others[1]})"
            case 3:
                return f"({first} is{self.chance.choice((' not', ''))} None)"
            case 4:
                return f"({first} in {self.chance.choice(LITERALS[-4:])})"
            case _:
                return self._repeated(first)

    def _repeated(self, part: str) -> str:
        """Much of the same: long, deep, or growing."""
        times = self.chance.choice((2, 8, 28, 40, 200))
        match self.chance.randrange(5):
            case 0:
                return self.chance.choice((" + ", " * ", " and ", " < ")).join([part] * times)
            case 1:
                return f"{self.chance.choice(('upper(', 'not (', '-(', '(', 'text(concat('))}" * times + part
            case 2:
                wrapper = self.chance.choice(
                    ("upper({})", "concat({0}, {0})", "(-{})", 'replace({}, "a", "aaaaaaaaa")')
                )
                return self._wrapped(wrapper, part, min(times, 12))
            case 3:
                return part + ".x" * times
            case _:
                return part + "[0]" * times

    def _wrapped(self, wrapper: str, part: str, times: int) -> str:
        for _ in range(times):
            if len(part) > 3_000:
                break
            part = wrapper.format(part)
        return part

    def _mutated(self, text: str) -> str:
        place = self.chance.randrange(len(text) + 1)
        other = self.chance.randrange(len(text) + 1)
        start, end = sorted((place, other))
        match self.chance.randrange(6):
            case 0:
                return text[:place] + self.chance.choice(TOKENS) + text[place:]
            case 1:
                return text[:start] + text[min(end, start + 5) :]
            case 2:
                return text[:end] + text[start:end] + text[end:]
            case 3:
                return text[:start]
            case 4:
                return text[:place] + self.chance.choice(ATTACKS) + text[place:]
            case _:
                names = list(re.finditer(r"[a-z_]+", text))
                found = self.chance.choice(names) if names else None
                swapped = self.chance.choice((*PATHS, *FUNCTIONS, "eval", "getattr", "__import__"))
                return text[: found.start()] + swapped + text[found.end() :] if found else text


_ALLOWED: tuple[type[ast.AST], ...] = (
    *(
        ast.Expression,
        ast.Constant,
        ast.Name,
        ast.Load,
        ast.Store,
        ast.NamedExpr,
        ast.IfExp,
        ast.List,
        ast.Tuple,
    ),
    *(ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.BitAnd, ast.Compare),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In),
    *(ast.Call, ast.Lambda, ast.arguments, ast.arg, ast.Attribute),
)
_METHODS = frozenset({"get", "quantize", "join"})
_OWN_NAME = re.compile(r"[tk]\d+|t\d+_m\d+|r")


def check_code(code: str, namespace: Mapping[str, object]) -> None:
    """Generated code holds nothing but what the generator is known to write."""
    tree = ast.parse(code, mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        assert isinstance(node, _ALLOWED), type(node)
        if isinstance(node, ast.Attribute):
            assert node.attr in _METHODS
            assert id(node) in called
            assert isinstance(node.value, ast.Name | ast.Constant)
        if isinstance(node, ast.Name):
            assert _OWN_NAME.fullmatch(node.id) or node.id in namespace, node.id
            assert not node.id.startswith("__")
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name | ast.Attribute)
            assert not node.keywords
        if isinstance(node, ast.Constant):
            assert node.value is None or isinstance(node.value, str | int)


class Audit:
    """What the interpreter reports while it is armed: files, imports, code, sockets, processes and so on."""

    def __init__(self) -> None:
        self._events: list[str] | None = None
        self._thread = threading.get_ident()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, _: object) -> None:
        if self._events is not None and threading.get_ident() == self._thread:
            self._events.append(event)

    @contextmanager
    def armed(self) -> Iterator[list[str]]:
        self._thread = threading.get_ident()
        events: list[str] = []
        self._events = events
        try:
            yield events
        finally:
            self._events = None


AUDIT = Audit()


def attempt(source: str) -> str:
    """Compiles and evaluates; says what became of it, and asserts that nothing else happened."""
    try:
        expression = compile_expression(source)
    except ExpressionError as error:
        if not 1 <= error.column <= len(source) + 1:
            raise AssertionError(f"column {error.column}") from error
        return "refused"
    unit = CodeUnit()
    check_code(expression.inline(unit, RECORD), unit.namespace)
    unfit: EvaluationError | None = None
    with AUDIT.armed() as events:
        start = time.thread_time()
        try:
            result, outcome = expression(DATA), "evaluated"
        except EvaluationError as error:
            result, outcome, unfit = None, "did not fit", error
        spent = time.thread_time() - start
    assert not events, events
    if unfit is not None:
        place = place_of(unfit)
        assert place is not None
        assert (place.expression, 1 <= place.column <= len(source)) == (source, True)
    assert not callable(result)
    assert not isinstance(result, float)
    if spent > MOST_SECONDS:  # the collector's or the machine's time may be in it
        spent = min(_again(source) for _ in range(3))
    assert spent <= MOST_SECONDS, spent
    return outcome


def _again(source: str) -> float:
    expression = compile_expression(source)
    start = time.thread_time()
    try:
        expression(DATA)
    except EvaluationError:
        return time.thread_time() - start
    return time.thread_time() - start


def play(cases: int, *, seed: int) -> Counter[str]:
    grammar = Grammar(seed)
    outcomes: Counter[str] = Counter()
    for _ in range(cases):
        source = grammar.text()
        try:
            outcomes[attempt(source)] += 1
        except BaseException as error:
            error.add_note(f"the expression: {source!r}")
            raise
    return outcomes
