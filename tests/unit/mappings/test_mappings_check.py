"""Wrong mappings, each with what is said about it: place, target, remedy. The shipped ones are clean."""

import dataclasses
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configuration import ConfigurationError, parse
from expressions import FUNCTIONS
from mappings import CONVERTERS, Source, check, check_text, compile_mapping, kinds, load, names
from mappings import shipped as shelf
from mappings.schemas import Schema, neutral, read, shipped

HEAD = "mapping: t.bill\nfrom: neutral.receivable\nto: demo.bill\nfields:\n"
BILL = """
schema: demo.bill
closed: true
fields:
  Code: {type: text, required: true, max: 30}
  Total: number
  Due: date
  Paid: boolean
  A: any
  Head.X: text
  Entries:
    type: list
    closed: true
    fields: {Sku: {type: text, required: true}, Price: number}
"""
TABLES = {"customers"}
# The rows; then, for each finding, where it is and what it says, and the beginning of the remedy.
WRONG = """
  A: {form: number}
! 5:7 error: A: unknown key 'form'
> did you mean 'from'?

  A: {from: lines..sku}
! 5:18 error: A: 'lines..sku' is not a path
> write it like lines[0].sku

  A: {from: number, as: decimol(2)}
! 5:25 error: A: unknown converter 'decimol'
> did you mean 'decimal'?

  A: {from: number, as: decimal(two)}
! 5:25 error: A: decimal: 'places' is of the wrong type
> write decimal(places, rounding)

  A: {from: number, as: pad}
! 5:25 error: A: pad: missing a required argument: 'width'
> write pad(width, fill, side)

  A: {from: due_date, as: format_date('yyyy-MM-dd')}
! 5:27 error: A: format_date: 'format' is written like %Y-%m-%d %H:%M:%S
> write format_date(format, zone)

  A: {from: due_date, as: 'date(zone="Asia/Shangai")'}
! 5:27 error: A: date: unknown time zone 'Asia/Shangai', write it like Asia/Shanghai
> write date(format, zone)

  A: {expr: 'number = 1'}
! 5:21 error: A: a single = does not compare
> write ==

  A: {expr: uper(number)}
! 5:13 error: A: unknown function 'uper'
> did you mean 'upper'?

  A: {expr: open(number)}
! 5:13 error: A: unknown function 'open'
> known: abs

  A: {from: number, expr: number}
! 5:3 error: 'A' has from and expr
> give one of from, expr, value, each

  A: {lookup: customers}
! 5:3 error: 'A' has no source
> give one of from, expr, value, each

  A: {from: number, lookup: customers, on_miss: prak}
! 5:49 error: A: unknown on_miss 'prak'
> did you mean 'park'?

  A: {from: number, max: 0}
! 5:26 error: A: 'max' is at least 1
> write 1 or more

  A: {from: number, required: yes}
! 5:31 error: A: expected true or false, found the text 'yes'
> write true or false

  A: number
  A.B: number
! 6:3 error: 'A' is a value and an object at once
> line 5 fills 'A'; keep one of them

  A[0]: number
! 5:3 error: 'A[0]' has a bracket
> write a list with each: and fields:

  A: {each: lines, as: text, fields: {B: sku}}
! 5:20 error: A: 'as' does not go with each:
> put it on a row inside fields:

  A: {each: lines}
! 5:6 error: A: 'fields' is missing
> add 'fields: …'

  A: {from: number, where: 'qty > 0'}
! 5:21 error: A: 'where' goes with each:
> add 'each: list.path'

  A: numbr
! 5:6 error: A: 'numbr' is not a field of the source
> did you mean 'number'?

  A: {from: amount.curency}
! 5:13 error: A: 'curency' is not a field of the source
> did you mean 'currency'?

  A: {expr: 'instalment + 1 if contract_nmber else 0'}
! 5:32 error: A: 'contract_nmber' is not a field of the source
> did you mean 'contract_number'?

  A: {from: number, when: customer_cod}
! 5:27 error: A: 'customer_cod' is not a field of the source
> did you mean 'customer_code'?

  A: {from: lines.sku}
! 5:13 error: A: 'sku' is looked for in a list
> take one, [0].sku, all, [*].sku, or write rows inside each:

  A: {from: 'number[0]'}
! 5:13 error: A: a text is no list
> leave out [0]

  A: {from: number.length}
! 5:13 error: A: 'length' is looked for in a text
> leave out .length

  A: {each: lines, fields: {B: skuu}}
! 5:32 error: A[*].B: 'skuu' is not a field of the source
> did you mean 'sku'?

  A: {each: lines, fields: {B: parent.numbr}}
! 5:32 error: A[*].B: 'numbr' is not a field of the source
> did you mean 'number'?

  A: {each: lines, where: quantiy > 0, fields: {B: sku}}
! 5:27 error: A: 'quantiy' is not a field of the source
> did you mean 'quantity'?

  A: {each: number, fields: {B: this}}
! 5:13 error: A: a text is no list
> take the path of a list

  Totl: amount.amount
! 5:3 error: 'Totl' is not a field of demo.bill
> did you mean 'Total'?

  Total.Tax: amount.amount
! 5:3 error: 'Total.Tax': 'Total' is a number, it has no fields
> write 'Total: …'

  Entries: number
! 5:12 error: Entries: a text where a list is wanted
> write each: … with fields:

  Entries: {each: lines, fields: {Skku: sku}}
! 5:3 error: the required target 'Entries[*].Sku' has no source
> add 'Sku: …'
! 5:35 error: 'Entries[*].Skku' is not a field of demo.bill
> did you mean 'Sku'?

  Entries: {each: lines, fields: {Price: unit_price}}
! 5:3 error: the required target 'Entries[*].Sku' has no source
> add 'Sku: …'

  Head: {each: lines, fields: {X: sku}}
! 5:3 error: 'Head': a list where a record is wanted
> write rows 'Target.Field', without each:

  Total: number
! 5:10 error: Total: a text where a number is wanted
> write as: decimal

  Total: {from: 'lines[*].amount.amount', as: decimal(2)}
! 5:47 error: Total: decimal cannot read a list
> take one of it with [0], join it with 'as: join', or write each:

  Total: {from: amount, as: decimal(2)}
! 5:29 error: Total: decimal cannot read a record
> take a field of it

  Due: {from: amount.amount, as: date}
! 5:34 error: Due: date cannot read a number
> take another source or converter

  Code: instalment
! 5:9 error: Code: a whole number where a text is wanted
> write as: text

  Code: {expr: instalment * 2}
! 5:16 error: Code: a number where a text is wanted
> write as: text

  Code: {from: due_date}
! 5:16 error: Code: a date where a text is wanted
> write as: format_date

  Due: {from: due_date, as: datetime}
! 5:29 error: Due: a moment where a date is wanted
> write as: date

  Paid: {value: 'true'}
! 5:17 error: Paid: a text where true or false is wanted
> write as: boolean

  Code: {from: lines, lookup: customers}
! 5:31 error: Code: a list is no key of a code table
> take one of it with [0], join it with 'as: join', or write each:

  Code: {from: number, max: 99}
! 5:29 error: Code: takes 30 characters
> write max: 30

  Code: {from: number, when: 1 == 2}
! 5:30 error: Code: 'when' is always false: the row is never filled
> remove the row, or 'when'

  Code: {from: number, when: false}
! 5:30 error: Code: 'when' is always false: the row is never filled
> remove the row, or 'when'

  Code: {from: number, when: '"a" in ["a"]'}
! 5:30 warning: Code: 'when' is always true
> remove 'when'

  Entries: {each: lines, where: 2 < 1, fields: {Sku: sku}}
! 5:33 error: Entries: 'where' is always false: the list is always empty
> remove the row, or 'where'

  Code: {value: X, default: Y}
! 5:29 warning: Code: 'default' never acts: the value is given
> remove it

  Code: {from: number, required: true, default: Y}
! 5:34 warning: Code: 'required' never acts: there is a default
> remove one of them

  Code: {from: number, as: upper, table: {ab: x, AB: y}}
! 5:43 warning: Code: the row 'ab' is never reached after upper
> write 'AB'

  Code: {from: number, as: boolean, table: {yes: x, 'true': y}}
! 5:45 warning: Code: the row 'yes' is never reached after boolean
> write 'true'

  Code: {from: number, lookup: custmers}
! 5:32 error: Code: no code table 'custmers'
> did you mean 'customers'?

  Code: {from: number, lookup: prices.inverse}
! 5:32 error: Code: no code table 'prices.inverse'
> add it, or write 'table: …'
"""


def schemas() -> Mapping[str, Schema]:
    return {**neutral(), "demo.bill": read(parse(BILL, file="bill.yaml"), neutral())}


def cases() -> list[tuple[str, list[str], list[str]]]:
    found = []
    for block in WRONG.strip("\n").split("\n\n"):
        lines = block.split("\n")
        said = [line[2:] for line in lines if line.startswith("! ")]
        remedies = [line[2:] for line in lines if line.startswith("> ")]
        rows = [line for line in lines if line[:2] == "  "]
        found.append(("\n".join(rows), said, remedies))
    return found


def test_there_are_many() -> None:
    assert len(cases()) >= 30


@pytest.mark.parametrize(("rows", "said", "remedies"), cases(), ids=[rows.strip() for rows, *_ in cases()])
def test_wrong_mapping(rows: str, said: list[str], remedies: list[str]) -> None:
    code = "" if "Code:" in rows else "  Code: number\n"
    source = Source(f"{HEAD}{rows}\n{code}", "x.yaml")
    findings = check_text(source, schemas=schemas(), tables=TABLES)
    told = [f"{each.line}:{each.column} {each.severity}: {each.message}" for each in findings]
    assert told == said
    for each, remedy in zip(findings, remedies, strict=True):
        assert each.file == "x.yaml"
        assert each.remedy.startswith(remedy)
        assert str(each).startswith(f"x.yaml:{each.line}:{each.column}: {each.severity}: ")


XML = "mapping: t.x\nfrom: a\nto: b\nformat: xml\nroot: r\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "mapping: t\nfrom: a\nto: b\nformat: yaml\nfields: {A: a}",
            "4:9: unknown format 'yaml' — write json or",
        ),
        (
            "mapping: t\nfrom: a\nto: b\nroot: r\nfields: {A: a}",
            "4:1: 'root' goes with XML — add 'format: xml'",
        ),
        ("mapping: t\nfrom: a\nto: b\nformat: xml\nfields: {A: a}", "1:1: 'root' is missing — add 'root: …'"),
        (
            XML.replace("root: r", "root: r r") + "fields: {A: a}",
            "5:7: 'r r' is no name of an element — a name",
        ),
        (XML + "fields: {1A: a}", "6:10: '1A' is no name in XML — letters, digits"),
        (
            XML + "fields: {'@A.B': a}",
            "6:10: '@A' has nothing below it — put it at the end: Amount.@currency",
        ),
        (XML + "fields: {'@A': {each: l, fields: {B: a}}}", "6:10: '@A' cannot repeat — an attribute and"),
        (XML + "fields: {p:A: a}", "6:10: the prefix of 'p:A' is not known — add 'namespaces: {p: …}'"),
        (XML + "fields: {'@xmlns': a}", "6:10: '@xmlns' is no name in XML"),
        (
            XML + "fields: {A: a, A.@b: c}",
            "6:16: 'A' has attributes and a text — write the text as 'A.#text'",
        ),
        (XML + "fields: {A: {each: l, fields: {'x y': a}}}", "6:32: 'x y' is no name in XML"),
    ],
)
def test_wrong_xml(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        compile_mapping(text, file="x.yaml")
    assert message in str(caught.value)


def test_a_right_mapping_has_no_findings() -> None:
    rows = """\
  Code: {from: customer_code, lookup: customers.inverse, required: true}
  Total: {expr: 'sum(lines, item.amount.amount)'}
  Due: due_date
  Paid: {expr: amount.amount == 0}
  Head.X: "lines[0].sku"
  A: {from: 'lines[*].title', as: join}
  Entries: {each: lines, when: lines, fields: {Sku: sku, Price: {from: parent.amount.amount, as: decimal(2)}}}
"""
    assert check_text(Source(HEAD + rows, "x.yaml"), schemas=schemas(), tables=TABLES) == []


def test_without_a_schema_only_the_rows_are_checked() -> None:
    text = "mapping: t.x\nfrom: some.thing\nto: other.thing\nfields: {A: b.c.d, B: {from: c, when: 1 > 2}}\n"
    (finding,) = check_text(Source(text, "x.yaml"))
    assert "'when' is always false" in finding.message


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(names()), st.data())
def test_whatever_is_written_gets_findings_and_nothing_else(name: str, data: st.DataObject) -> None:
    text = shelf.source(name).text.split("samples:")[0]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        gone = data.draw(st.integers(0, 6))
        text = (
            text[:place]
            + data.draw(st.text("{}[]:,.'\"@#*&()-_ \n%abF0<=|!", max_size=3))
            + text[place + gone :]
        )
    for finding in check_text(Source(text, "x.yaml"), tables=TABLES):
        assert finding.remedy
        assert finding.line >= 1


def test_a_schema_that_was_misspelt() -> None:
    text = "mapping: t.x\nfrom: neutral.recievable\nto: x.y\nfields: {A: b}\n"
    (finding,) = check_text(Source(text, "x.yaml"))
    assert (finding.line, finding.severity) == (2, "warning")
    assert finding.remedy == "did you mean 'receivable'?"


def test_an_open_schema_only_suggests() -> None:
    text = "mapping: kingdee.x\nfrom: neutral.receivable\nto: kingdee.BD_Customer\nfields:\n"
    rows = "  FNme: number\n  F_DEMO_X: number\n  FName: number\n  FCreateOrgId: {value: {FNumber: x}}\n"
    more = "  FTRADINGCURRID.FNumber: book.locl_currency\n"
    findings = check_text(Source(text + rows + more, "x.yaml"))
    assert [(each.line, each.severity, each.remedy) for each in findings] == [
        (5, "warning", "did you mean 'FName'?"),
        (9, "error", "did you mean 'local_currency'?"),
    ]


def test_findings_in_an_override_point_into_it() -> None:
    base = Source(HEAD + "  Code: number\n  Total: amount.amount\n", "base.yaml")
    override = Source("override: t.bill\nfields:\n  Total: numbr\n", "mine.yaml")
    (finding,) = check_text(base, overrides=[override], schemas=schemas())
    assert (finding.file, finding.line) == ("mine.yaml", 3)
    assert finding.remedy == "did you mean 'number'?"
    removed = Source("override: t.bill\nremove: [Code]\nfields: {A: number}\n", "mine.yaml")
    (finding,) = check_text(base, overrides=[removed], schemas=schemas())
    assert finding.message == "the required target 'Code' has no source"


@pytest.mark.parametrize("name", names())
def test_the_shipped_mappings_are_clean(name: str) -> None:
    assert [str(finding) for finding in check(load(name))] == []


@pytest.mark.parametrize(
    ("name", "row", "severity", "said"),
    [
        ("fadada.create_sign_task", "initiator.openID: corp_id", "error", "did you mean 'openId'?"),
        ("fadada.create_sign_task", "callBackUrl: callback_url", "warning", "did you mean 'callbackUrl'?"),
        ("fadada.create_sign_task", "docs: {fields: {docNme: name}}", "warning", "did you mean 'docName'?"),
        ("fadada.create_sign_task", "expiresTime: expires_at", "error", "write as: format_date"),
        ("tencent_ess.create_flow", "Deadline: {value: 1}", "error", "did you mean 'DeadLine'?"),
        ("tencent_ess.create_flow", "Approvers: {fields: {Phone: phone}}", "error", "known: ApproverEmail, "),
        ("tencent_ess.create_flow_by_files", "DeadLine: {value: 1}", "error", "did you mean 'Deadline'?"),
        (
            "tencent_ess.create_flow_by_files",
            "Approvers: {fields: {SignComponents: {fields: {ComponentPosZ: x}}}}",
            "error",
            "did you mean 'ComponentPosX'?",
        ),
        ("tencent_ess.create_flow_by_files", "UserDate: user_data", "error", "did you mean 'UserData'?"),
        ("yonyou_u8.eai_contract", "head.strCurency: {value: RMB}", "warning", "did you mean 'strCurrency'?"),
        ("yonyou_u8.eai_contract", "goods: {fields: {dblSumm: quantity}}", "error", "did you mean 'dblSum'?"),
        ("yonyou_u8.eai_contract", "plan: {fields: {strMemo: title}}", "error", "known: dblPayCurrency, "),
        (
            "yonyou_u8.eai_contract",
            "head.strSource: custommer_code",
            "error",
            "did you mean 'customer_code'?",
        ),
    ],
)
def test_an_unknown_target_of_a_shipped_mapping_is_found(
    name: str, row: str, severity: str, said: str
) -> None:
    source = Source(f"override: {name}\nfields:\n  {row}\n", "mine.yaml")
    (finding,) = check_text(shelf.source(name), overrides=[source])
    assert (finding.file, finding.line, finding.severity) == ("mine.yaml", 3, severity)
    assert finding.remedy.startswith(said)


def test_every_shipped_schema_that_a_mapping_names_is_read() -> None:
    for name in names():
        # What a company's own template has for fields, nobody else knows.
        known = load(name).target in shipped(name.partition(".")[0])
        assert known is not name.endswith(".template_fields"), name
    assert "feiyu.push" in shipped("douyin_leads")
    assert shipped("kingdee")["neutral.receivable"].shape.fields["book"].closed
    assert "book" not in neutral()["neutral.receivable"].shape.fields


def test_the_kinds_know_every_converter() -> None:
    assert kinds.CONVERSIONS.keys() == CONVERTERS.keys()
    assert FUNCTIONS.keys() >= kinds.FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema: a\nfields: {A: txt}", "s.yaml:2:13: unknown type 'txt' — did you mean 'text'?"),
        ("schema: a\nfields: {A: {typ: text}}", "s.yaml:2:14: unknown key 'typ' — did you mean 'type'?"),
        ("schema: a", "'fields' is missing"),
        (
            "adds_to: neutral.recept\nfields: {A: text}",
            "unknown schema 'neutral.recept' — did you mean 'neutral.r",
        ),
    ],
)
def test_wrong_schema(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(parse(text, file="s.yaml"), neutral())
    assert message in str(caught.value)


def test_a_neutral_schema_follows_its_dataclass() -> None:
    shape = neutral()["neutral.receipt"].shape
    assert shape.closed
    assert shape.fields["amount"].fields["amount"].kind == "number"
    assert not shape.fields["payer_account"].required
    assert shape.fields["received_on"].kind == "date"
    item = shape.fields["allocations"].item
    assert item is not None
    assert item.fields["receivable_number"].required
    assert dataclasses.replace(item.fields["amount"], required=False).kind == "record"
