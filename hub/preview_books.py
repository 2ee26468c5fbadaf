"""The base data of a company, as far as settings and code tables tell, in the books of a stand-in."""

from collections.abc import Callable, Iterable, Mapping

from pydantic import BaseModel

from connectors.kingdee.settings import KingdeeSettings
from connectors.yonyou_u8.settings import U8Settings
from sandboxes.common import Books, Sandbox
from sandboxes.kingdee import seed as kingdee
from sandboxes.kingdee.archive import Archive

Codes = Mapping[str, Mapping[str, str]]
"""The hub's code tables."""

_KINGDEE_FORMS = {
    "organization": "ORG_Organizations",
    "bank_account": "CN_BANKACNT",
    "exchange_type": "BD_RateType",
    "unit": "BD_UNIT",
    "receivable_type": "BOS_BillType",
    "receipt_type": "BOS_BillType",
    "settle_type": "BD_SETTLETYPE",
    "receipt_purpose": "CN_RECPAYPURPOSE",
    "advance_purpose": "CN_RECPAYPURPOSE",
}
"""Setting to the archive that its code comes from."""


def stock(sandbox: Sandbox, settings: BaseModel, codes: Codes) -> None:
    """What a code table gives is known; what passes it by unmatched is for the stand-in to judge."""
    if isinstance(settings, KingdeeSettings):
        _stock_kingdee(sandbox, settings, codes)
    elif isinstance(settings, U8Settings):
        _stock_u8(sandbox.books, settings, codes)


def _stock_kingdee(sandbox: Sandbox, settings: KingdeeSettings, codes: Codes) -> None:
    known = [(form, getattr(settings, name)) for name, form in _KINGDEE_FORMS.items()]
    known += [("BD_Currency", code) for code in _codes(settings.currencies, codes.get("kingdee_currency"))]
    known += [("BD_MATERIAL", code) for code in _codes(codes.get("kingdee_material"))]
    now = sandbox.clock.china().replace(tzinfo=None, microsecond=0).isoformat()
    for form, code in known:
        kingdee.add(Archive(sandbox.books), form, code, code, now=now)


def _stock_u8(books: Books, settings: U8Settings, codes: Codes) -> None:
    under_control = (settings.receivable_account, settings.advance_account)
    plain = (settings.revenue_account, settings.bank_account, *settings.tax_accounts.values())
    department = settings.department or ""
    add = _adder(books)
    add("customerclass", "code", settings.customer_class, rank="1", end_rank_flag="1")
    add("department", "code", settings.department, endflag="1", rank="1")
    add("person", "code", settings.salesman, cdept_num=department, bpsnperson="1", rEmployState="10")
    add("settlestyle", "csscode", settings.settlement_style, cssname="", issgrade="1", bssend="1")
    add("operator", "user_id", settings.operator, _password="")
    for account in under_control:
        add("code", "code", account, cust_acc="1", end_item_flag="1", _system="AR")
    for account in plain:
        add("code", "code", account, cust_acc="0", end_item_flag="1", _system="")
    for name in _codes(settings.currency_names, codes.get("yonyou_u8_currency")):
        add("currency", "cexch_name", name, cexch_code=name, iotherused="0", bcal="1", idec="5")


def _adder(books: Books) -> Callable[..., None]:
    def add(table: str, key: str, code: str | None, **more: str) -> None:
        if code and code not in books.table(table):
            books.table(table)[code] = {key: code, "name": code, **more}

    return add


def _codes(*tables: Mapping[str, str] | None) -> Iterable[str]:
    return dict.fromkeys(code for table in tables if table for code in table.values())
