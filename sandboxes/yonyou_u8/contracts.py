"""Contract management behind the XML door: the `u8api` root tag, SaveVouch and QueryVouch.

Fields come as name, value and row; what is said of a saved contract is the text of `sRetMsg`: its number, or
why it was refused. How the answer is wrapped is not published in full [U].
"""

from decimal import Decimal, InvalidOperation
from xml.sax.saxutils import quoteattr

from lxml import etree

from sandboxes.common import Books, Row
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.words import Refusal
from sandboxes.yonyou_u8.xml import Element

ROOTTAG = "u8api"
SAVE, QUERY = ("add", "U8API/CM/SaveVouch"), ("load", "U8API/CM/QueryVouch")
REQUIRED = (
    "strContractID",
    "strContractName",
    "cTypeName",
    "strBisectionUnitName",
    "strCurrency",
    "strContractType",
    "strContractKind",
    "strWay",
)
HEAD = {*REQUIRED, "cBusType", "dblExchange", "intPre", "strSource"}
GOODS = {
    "id",
    "strCode",
    "strName",
    "strCorrSource",
    "dblQuantity",
    "dblPrice",
    "dblPriceRMB",
    "dblUntaxSum",
    "dblUntaxSumRMB",
    "dblSum",
    "dblSumRMB",
    "strInvoiceID",
    "strXMDL",
    "intEnd",
}
PLAN = {"id", "dtPayDate", "dblPayCurrency", "dblPayRatio"}
CURRENCIES = {"RMB", "美元", "欧元", "港币", "日元", "英镑"}
SHOWN = (
    "strContractID",
    "strContractName",
    "strBisectionUnitName",
    "strCurrency",
    "strContractKind",
    "strWay",
    "dblTotalCurrency",
)


def answered(books: Books, call: Element, *, proc: str, answer: Element) -> Element:
    """Fills in `answer`. Raises Refusal for what this door does not offer."""
    service = call.find("u8apiservice")
    url = service.find("apiurl") if service is not None else None
    if service is None or url is None:
        raise Refusal(words.MISSING_FIELD)
    params = {param.get("name", ""): param for param in service.iter("param")}
    returns = etree.SubElement(etree.SubElement(answer, "u8apiservice"), "returns")
    asked = (proc, url.get("value"))
    if asked == SAVE:
        _returned(returns, "sRetMsg", _saved(books, params))
    elif asked == QUERY:
        _returned(returns, "domHead", _found(books, params))
    else:
        raise Refusal(words.NOT_OFFERED)
    return answer


def _returned(returns: Element, name: str, text: str) -> None:
    param = etree.SubElement(returns, "param", {"name": name})
    param.text = etree.CDATA(text) if text else None


def _saved(books: Books, params: dict[str, Element]) -> str:
    """Its number; a refusal is a sentence in the same place."""
    try:
        return _save(books, params)
    except Refusal as refusal:
        return refusal.text


def _save(books: Books, params: dict[str, Element]) -> str:
    head = _rows(params.get("oHeadGY"), HEAD)
    goods, plan = _rows(params.get("oBodyBD"), GOODS), _rows(params.get("oBodySF"), PLAN)
    setup = _rows(params.get("oHeadSetUp"), {"strContractID", "strSource"})
    contracts = books.table("contract")
    if len(head) != 1 or len(setup) != 1:
        raise Refusal(words.MISSING_FIELD)
    _check_head(books, head[0], setup[0])
    number = str(head[0]["strContractID"])
    if number in contracts:
        raise Refusal(f"合同编码[{number}]已经存在！")
    if not goods:
        raise Refusal("合同标的不能为空！")
    total = sum((_amount(line, "dblSum") for line in goods), Decimal())
    if sum((_amount(line, "dblPayCurrency") for line in plan), Decimal()) > total:
        raise Refusal("收付计划金额合计不能大于合同金额！")
    contracts[number] = {**head[0], "goods": goods, "plan": plan, "dblTotalCurrency": str(total)}
    return number


def _check_head(books: Books, head: Row, setup: Row) -> None:
    for name in REQUIRED:
        if not head.get(name):
            raise Refusal(f"{name}不能为空！")
    if setup.get("strContractID") != head["strContractID"] or len(head["strContractID"]) > 64:
        raise Refusal(words.bad_field("strContractID"))
    if head["strBisectionUnitName"] not in books.table("customer"):
        raise Refusal(f"客户编码[{head['strBisectionUnitName']}]不存在！")
    if head["strCurrency"] not in CURRENCIES:
        raise Refusal(words.bad_field("strCurrency"))
    if head["strWay"] not in ("收", "付"):
        raise Refusal(words.bad_field("strWay"))


def _amount(line: Row, name: str) -> Decimal:
    try:
        return Decimal(line.get(name) or "0")
    except InvalidOperation as error:
        raise Refusal(words.bad_field(name)) from error


def _rows(param: Element | None, known: set[str]) -> list[Row]:
    """The fields of a parameter, by their row."""
    rows: dict[str, Row] = {}
    for field in param.iter("field") if param is not None else ():
        name = field.get("name", "")
        if name not in known:
            raise Refusal(words.bad_field(name))
        rows.setdefault(field.get("row", "0"), {})[name] = field.get("value", "")
    return list(rows.values())


def _found(books: Books, params: dict[str, Element]) -> str:
    """ADO's rowset as text: a row per contract, NULL columns absent."""
    wanted = {}
    for item in params["xmlcondition"].iter("conditionitem") if "xmlcondition" in params else ():
        if item.get("name") != "strcontractid":
            raise Refusal(words.NOT_OFFERED)
        wanted[item.get("name")] = item.get("value1", "")
    number = wanted.get("strcontractid")
    found = [row for key, row in books.table("contract").items() if number in (None, "", key)]
    return f"<rs:data>{''.join(_row(row) for row in found)}</rs:data>" if found else ""


def _row(contract: Row) -> str:
    shown = {name: str(contract.get(name) or "") for name in SHOWN}
    return f"<z:row {' '.join(f'{name}={quoteattr(value)}' for name, value in shown.items() if value)}/>"
