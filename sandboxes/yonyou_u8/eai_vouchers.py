"""Vouchers through the XML door: records, switches in the envelope and answers of a shape of their own."""

from collections.abc import Mapping

from sandboxes.common import Row
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.fields import refuse_missing, refuse_unknown
from sandboxes.yonyou_u8.vouchers import HEAD, NOT_READ, Vouchers, read_head, read_line, refuse_unbalanced
from sandboxes.yonyou_u8.words import Refusal
from sandboxes.yonyou_u8.xml import Element, flat, tag_of, text_of

ROOTTAG, ANSWER = "voucher", "voucheraddreturn"
SYSTEM = "GL"
SAVED, BAD_LINES = "凭证已成功保存", "凭证分录数据有错"
YES = {"y": True, "n": False, "true": True, "false": False}
"""The manual says the former, the template the latter."""

Item = dict[str, str]


def imported(vouchers: Vouchers, root: Element) -> list[Item]:
    proc = root.get("proc", "").lower()
    if proc not in ("add", "edit"):
        raise Refusal(words.NOT_OFFERED)
    renew = _switch(root, "renewproofno", default=True)
    if proc == "edit" and renew:
        raise Refusal(words.bad_field("renewproofno"))
    imports = _switch(root, "import", default=False)
    if _switch(root, "newadd", default=not imports) == imports:
        raise Refusal(words.bad_field("newadd"))
    return [item for record in root for item in _one(vouchers, record, proc=proc, renew=renew)]


def repeated(key: str) -> Item:
    return _item({}, "0", words.UPLOADED_BEFORE) | {"voucher_id": key}


def _switch(root: Element, name: str, *, default: bool) -> bool:
    value = root.get(name, "").lower()
    if value not in YES and value:
        raise Refusal(words.bad_field(name))
    return YES.get(value, default)


def _one(vouchers: Vouchers, record: Element, *, proc: str, renew: bool) -> list[Item]:
    """A faulty voucher is answered by an item for each bad line, and one more that sums it up."""
    head: Mapping[str, str] = {}
    try:
        if tag_of(record) != ROOTTAG:
            raise Refusal(words.bad_field(tag_of(record)))
        head, lines = _parts(record)
        row = read_head(head)
        if row.get("voucher_making_system") != SYSTEM:
            raise Refusal(words.bad_field("voucher_making_system"))
        vouchers.check_head(row, system=SYSTEM)
        number = vouchers.number(row) if renew else _own_number(vouchers, row, proc)
        row["entry"], bad = [], []
        for line in lines:
            try:
                row["entry"].append(read := read_line(line))
                vouchers.check_line(read)
            except Refusal as refusal:
                bad.append(_item(head, "1", refusal.text, line=line.get("entry_id", "")))
        if bad:
            return [*bad, _item(head, "1", BAD_LINES)]
        refuse_unbalanced(row)
    except Refusal as refusal:
        return [_item(head, "1", refusal.text)]
    vouchers.keep(row, number)
    own = {"u8accounting_period": row["accounting_period"], "u8voucher_id": number}
    return [_item(head, "0", SAVED) | own]


def _own_number(vouchers: Vouchers, row: Row, proc: str) -> str:
    """Without renewal the caller's number counts: new for `add`, known for `edit`."""
    number = str(row.get("voucher_id", ""))
    if not number.isdecimal():
        raise Refusal(words.bad_field("voucher_id"))
    if vouchers.has(row, number) != (proc == "edit"):
        raise Refusal(f"凭证[{number}]{'不存在！' if proc == 'edit' else '已存在，不可重复！'}")
    return number


def _parts(record: Element) -> tuple[dict[str, str], list[dict[str, object]]]:
    head, body = record.find("voucher_head"), record.find("voucher_body")
    if head is None or body is None or body.find("entry") is None:
        raise Refusal(words.MISSING_FIELD)
    given = flat(head)
    refuse_unknown(given, HEAD)
    refuse_missing(given, HEAD)
    return given, [_line(entry) for entry in body.iterchildren("entry")]


def _line(entry: Element) -> dict[str, object]:
    """What the account is kept by stands in items of its own, by name."""
    items = entry.iterfind("auxiliary_accounting/item")
    auxiliary = {item.get("name", ""): text_of(item) for item in items}
    return {**flat(entry, without=("auxiliary_accounting", *NOT_READ)), "auxiliary": auxiliary}


def _item(head: Mapping[str, str], succeed: str, text: str, *, line: object = "") -> Item:
    own = {name: head.get(name, "") for name in ("accounting_period", "voucher_type", "voucher_id")}
    return {**own, "entry_id": str(line), "succeed": succeed, "dsc": text}
