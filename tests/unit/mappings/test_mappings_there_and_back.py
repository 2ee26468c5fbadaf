"""A mapping and its inverse, both generated: what goes there and comes back is the same record."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import compile_mapping
from mappings.tables import both_ways

Record = dict[str, object]

CODES = {"C-1": "CUST0001", "C-2": "CUST0002", "华东": "East", "7300000000000000001": "1"}
TABLES = both_ways({"codes": CODES})
MONEY = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2)
DAYS = st.dates(date(1000, 1, 1), date(9999, 12, 31))
# Printable, with something in it, and no blanks around: blank texts count as absent.
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1
)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(  # noqa: DTZ001 (UTC follows)
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=UTC)
)


@dataclass(frozen=True)
class Way:
    """Rows that undo each other; `{}` is the path of the source."""

    values: st.SearchStrategy[object]
    there: str
    back: str


WAYS = (
    Way(WORDS, "{{from: {}}}", "{{from: {}}}"),
    Way(st.sampled_from(sorted(CODES)), "{{from: {}, lookup: codes}}", "{{from: {}, lookup: codes.inverse}}"),
    Way(st.one_of(WORDS, st.sampled_from(sorted(CODES))).filter(lambda word: word not in CODES.values()),
        "{{from: {}, lookup: codes, on_miss: pass}}", "{{from: {}, lookup: codes.inverse, on_miss: pass}}"),
    Way(DAYS, "{{from: {}, as: format_date}}", "{{from: {}, as: date}}"),
    Way(DAYS, "{{from: {}, as: 'format_date(\"%Y%m%d\")'}}", "{{from: {}, as: date}}"),
    Way(DAYS, "{{from: {}, as: 'format_date(\"%d.%m.%Y\")'}}", "{{from: {}, as: 'date(\"%d.%m.%Y\")'}}"),
    Way(DAYS, "{{from: {}, as: 'format_date(\"%Y年%m月%d日\")'}}", "{{from: {}, as: date}}"),
    Way(MOMENTS, "{{from: {}, as: to_epoch_millis}}", "{{from: {}, as: epoch_millis}}"),
    Way(MOMENTS, "{{from: {}, as: text}}", "{{from: {}, as: datetime}}"),
    Way(MOMENTS.map(lambda moment: moment.replace(microsecond=0)),
        "{{from: {}, as: [to_epoch_seconds, text]}}", "{{from: {}, as: epoch_seconds}}"),
    Way(MONEY, "{{from: {}, as: fen}}", "{{from: {}, as: yuan}}"),
    Way(MONEY, "{{from: {}, as: [decimal(2), text]}}", "{{from: {}, as: decimal(2)}}"),
    Way(MONEY, "{{expr: '{} * 100'}}", "{{expr: '{} / 100'}}"),
    Way(MONEY, "{{expr: '-{} + 1'}}", "{{expr: '1 - {}'}}"),
    Way(st.integers(10**18, 9 * 10**18), "{{from: {}, as: text}}", "{{from: {}, as: integer}}"),
    Way(st.booleans(), "{{from: {}, table: {{true: 合格, false: 不合格}}}}",
        "{{from: {}, as: 'boolean(合格, 不合格)'}}"),
    Way(st.lists(WORDS, min_size=1, max_size=3),
        "{{from: {}, as: join(\"/\")}}", "{{from: {}, as: split(\"/\")}}"),
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    way: Way
    source: str
    target: str


@st.composite
def fields(draw: st.DrawFn) -> list[Field]:
    """Names that do not clash; some of them nested, on either side."""
    found = []
    for number, way in enumerate(draw(st.lists(st.sampled_from(WAYS), min_size=1, max_size=8))):
        source = draw(st.sampled_from([f"a{number}", f"deep.a{number}", f"deep.er.a{number}"]))
        target = draw(st.sampled_from([f"T{number}", f"G.T{number}", f"H.T{number}.N"]))
        found.append(Field(way, source, target))
    return found


@st.composite
def records(draw: st.DrawFn, filled: list[Field]) -> Record:
    """Now and then a field is absent."""
    record: Record = {}
    for field in filled:
        if draw(st.integers(0, 9)) == 0:
            continue
        place = record
        *above, last = field.source.split(".")
        for name in above:
            inner = place.setdefault(name, {})
            assert isinstance(inner, dict)
            place = inner
        place[last] = draw(field.way.values)
    return record


def written(name: str, head: list[Field], line: list[Field], *, back: bool) -> str:
    lists = ("Lines", "lines") if back else ("lines", "Lines")
    rows = [f"mapping: {name}", "from: a", "to: b", "fields:"]
    rows += [f"  {row}" for row in _rows(head, back=back)]
    rows += [f"  {lists[1]}:", f"    each: {lists[0]}", "    fields:"]
    rows += [f"      {row}" for row in _rows(line, back=back)]
    return "\n".join(rows)


def _rows(filled: list[Field], *, back: bool) -> list[str]:
    if back:
        return [f"{field.source}: {field.way.back.format(field.target)}" for field in filled]
    return [f"{field.target}: {field.way.there.format(field.source)}" for field in filled]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_there_and_back_is_the_same_record(data: st.DataObject) -> None:
    head, line = data.draw(fields()), data.draw(fields())
    there = compile_mapping(written("demo.there", head, line, back=False), file="there.yaml")
    back = compile_mapping(written("demo.back", head, line, back=True), file="back.yaml")
    record = data.draw(records(head))
    record["lines"] = data.draw(st.lists(records(line), max_size=3))
    sent = there.apply(record, tables=TABLES)
    assert sent.problems == []
    returned = back.apply(sent.data, tables=TABLES)
    assert returned.problems == []
    assert returned.data == record
    assert _kinds(returned.data) == _kinds(record)


def _kinds(value: object) -> object:
    """Equal is not enough: 1 == True, 1 == Decimal(1)."""
    if isinstance(value, dict):
        return {key: _kinds(each) for key, each in value.items()}
    return [_kinds(each) for each in value] if isinstance(value, list) else type(value)


def test_every_way_is_its_own_inverse_only() -> None:
    """The property is worth something only if a wrong inverse is noticed."""
    wrong = Way(st.just(Decimal("1.005")), "{{from: {}, as: decimal(2)}}", "{{from: {}}}")
    head = [Field(wrong, "a", "T")]
    there = compile_mapping(written("demo.there", head, head, back=False), file="there.yaml")
    back = compile_mapping(written("demo.back", head, head, back=True), file="back.yaml")
    record: Record = {"a": Decimal("1.005"), "lines": []}
    assert back.apply(there.apply(record).data).data != record
