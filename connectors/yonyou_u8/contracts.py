"""Sales contracts: only the XML door has them, through the `u8api` root tag. No port asks for them yet.

U8 knows no key of a submission here: our number is the contract's number, and a contract is looked up by it
before it is saved and after every doubt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from connector_kit import Operation, Reply, Request
from connectors.yonyou_u8.eai import Eai
from connectors.yonyou_u8.eai_protocol import answer_root, envelope, literal, refuse, request, typed
from connectors.yonyou_u8.elements import NotXml, parse
from connectors.yonyou_u8.settings import U8Settings
from connectors.yonyou_u8.wire import Message
from domain.faults import Malformed, Mismatch, Rejected, UnknownOutcome
from domain.records import ContractTerms, plain

ROOTTAG = "u8api"
SAVE, QUERY = "U8API/CM/SaveVouch", "U8API/CM/QueryVouch"
MAPPING = "yonyou_u8.eai_contract"
CURRENCIES = "yonyou_u8_contract_currency"
"""The same names as elsewhere in U8, but for our own."""
RESULT, ROWS = "sRetMsg", "domHead"
NAMESPACES = 'xmlns:rs="urn:schemas-microsoft-com:rowset" xmlns:z="#RowsetSchema"'
ROW = "{#RowsetSchema}row"


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesContract:
    number: str
    title: str
    customer_code: str
    terms: ContractTerms
    rate: Decimal = Decimal(1)
    """To 人民币."""


class ContractRow(Message):
    """A row of U8's answer; it prints its columns in any case, and leaves empty ones out."""

    strcontractid: str
    strcontractname: str = ""
    strbisectionunitname: str = ""
    strcurrency: str = ""
    dbltotalcurrency: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Contracts:
    door: Eai

    async def find(self, number: str) -> ContractRow | None:
        reply = await self.door.send(build_query(self.door.settings, number))
        return next((row for row in read_rows(reply) if row.strcontractid == number), None)

    async def save(self, contract: SalesContract) -> ContractRow:
        """Twice is once: what is there already is compared with what was to be saved."""
        found = await self.find(contract.number)
        if found is None:
            await self._save(contract)
            found = await self.find(contract.number)
        if found is None:
            raise UnknownOutcome(f"U8 答复已保存合同 {contract.number}，但查不到")
        if found.strbisectionunitname not in ("", contract.customer_code):
            raise Mismatch(
                f"U8 的合同 {contract.number} 是客户 {found.strbisectionunitname}，"
                f"应为 {contract.customer_code} (another customer)"
            )
        return found

    async def _save(self, contract: SalesContract) -> None:
        """A refusal may mean that somebody was quicker: whether it is there is read afterwards."""
        own = {CURRENCIES: {**self.door.settings.currency_names, "CNY": "RMB"}}
        record = self.door.tools.mappings.translate(MAPPING, plain(contract), tables=own).record
        sent = build_save(self.door.settings, contract.number, record)
        try:
            read_saved(await self.door.send(sent), contract.number)
        except Rejected:
            if await self.find(contract.number) is None:
                raise


class _Parts(BaseModel):
    """What the mapping makes: the contract's head, what is sold (标的), and when it is paid (收付计划)."""

    model_config = ConfigDict(extra="forbid")

    head: dict[str, object]
    goods: list[dict[str, object]]
    plan: list[dict[str, object]] = []


def build_save(settings: U8Settings, number: str, record: Mapping[str, object]) -> Request:
    parts = _Parts.model_validate(record)
    setup = {"strContractID": literal(number), "strSource": "0"}
    params = [
        _param("oHeadGY", "bo", head=_fields([parts.head])),
        _param("oHeadSetUp", "bo", head=_fields([setup])),
        _param("oBodyBD", "bo", body=_fields(parts.goods)),
        _param("oBodySF", "bo", body=_fields(parts.plan)),
        _param("oBodyTK", "bo"),
        _param("oBodyDSJ", "bo"),
        _param(RESULT, "string"),
        _param("IsAdd", "bool", value="true"),
        _param("bEAI", "bool", value="true"),
    ]
    return _call(settings, "add", SAVE, params, Operation("contract.add", "keyed_write"))


def build_query(settings: U8Settings, number: str) -> Request:
    condition = {
        "@name": "strcontractid",
        "@caption": "合同编码",
        "@bspan": "0",
        "@bfromenum": "0",
        "@datatype": "string",
        "@value1": literal(number),
        "@value2": "",
    }
    where = _param("xmlcondition", "xml") | {"condition": {"conditionitem": condition}}
    return _call(settings, "load", QUERY, [where], Operation("contract.query", "read"))


def read_saved(reply: Reply, number: str) -> None:
    """`sRetMsg` is the contract's number, or the sentence of a refusal."""
    said = _answered(reply, RESULT, write=True)
    if said == number:
        return
    if not said:
        raise UnknownOutcome("U8 没有说合同是否已保存 (no answer about the contract)")
    raise Rejected(f"U8 不接受合同 {number}：{said}", fields=("strContractID",))


def read_rows(reply: Reply) -> list[ContractRow]:
    """ADO's rowset inside of the answer, as text."""
    text = _answered(reply, ROWS, write=False)
    if text is None:
        raise Malformed("U8 的回答里没有合同列表 (no list of contracts)", body=reply.body)
    if not text:
        return []
    try:
        rowset = parse(f"<xml {NAMESPACES}>{text}</xml>".encode())
    except NotXml as error:
        raise Malformed(f"U8 的合同列表读不懂 (unreadable): {error}", body=reply.body) from error
    rows = ({str(name).lower(): str(value) for name, value in row.attrib.items()} for row in rowset.iter(ROW))
    return [typed(row, ContractRow) for row in rows]


def _answered(reply: Reply, name: str, *, write: bool) -> str | None:
    root = answer_root(reply, write=write)
    for item in root.iter("item"):
        refuse(item, write=write)
    for param in root.iter("param"):
        if param.get("name") == name:
            return (param.text or param.get("value") or "").strip()
    return None


def _call(
    settings: U8Settings, proc: str, url: str, params: Sequence[object], operation: Operation
) -> Request:
    service = {"apiurl": {"@value": url}, "apiParams": {"param": list(params)}}
    return request(settings, operation, {**envelope(settings, ROOTTAG, proc), "u8apiservice": service})


def _param(
    name: str,
    kind: str,
    *,
    value: str | None = None,
    head: Sequence[object] | None = None,
    body: Sequence[object] | None = None,
) -> dict[str, object]:
    given: dict[str, object] = {"@name": name, **({"@value": value} if value else {}), "@datatype": kind}
    for part, fields in (("head", head), ("body", body)):
        if fields is not None:
            given[part] = {"@type": "bo", "field": list(fields)}
    return given


def _fields(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """A line is told from another by its row number only."""
    return [
        {"@name": name, "@value": value, "@row": str(number)}
        for number, row in enumerate(rows)
        for name, value in row.items()
    ]
