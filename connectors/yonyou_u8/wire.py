"""The OpenAPI's messages, field names as the vendor prints them. Numbers come as text or as numbers."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _text(value: object) -> object:
    """Codes and flags come as text, numbers or booleans; padded columns come with blanks."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value).strip() if isinstance(value, str | int | Decimal) else value


Text = Annotated[str, BeforeValidator(_text)]


class Message(BaseModel):
    """Empty fields are left out on the wire, and unknown ones appear with every version."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Envelope(Message):
    """`errcode` is text, a number, or missing in an asynchronous acknowledgement."""

    errcode: Text = ""
    errmsg: Text = ""


class TokenBody(Message):
    id: Text
    expiresIn: int


class TokenAnswer(Envelope):
    token: TokenBody


class AddAnswer(Envelope):
    """Either `url` (to be polled) or `id`, which may be empty although the record was written."""

    id: Text = ""
    tradeid: Text = ""
    url: Text = ""


class Page(Envelope):
    """All four figures are text."""

    page_index: int
    page_count: int
    row_count: int


class CustomerRow(Message):
    code: Text
    name: Text = ""
    end_date: Text = ""


class ReceivableRow(Message):
    """应收单. `amount` is in document currency, `natamount` in local currency."""

    model_config = ConfigDict(extra="allow", frozen=True)

    code: Text
    date: Text = ""
    state: Text = ""
    cust_vendor_code: Text
    bdebitcredit: Text = "1"
    amount: Decimal
    natamount: Decimal | None = None
    currency_name: Text = ""


class ReceiptRow(Message):
    """收款单. Here `amount` is in local currency, and `originalamount` in document currency."""

    model_config = ConfigDict(extra="allow", frozen=True)

    vouchcode: Text
    vouchdate: Text = ""
    vouchtype: Text = "48"
    state: Text = ""
    customercode: Text
    amount: Decimal
    originalamount: Decimal | None = None
    foreigncurrency: Text = ""


class DepartmentRow(Message):
    """部门. Documents may only name a leaf."""

    code: Text
    name: Text = ""
    endflag: Text = ""
    ddependdate: Text = ""


class PersonRow(Message):
    """人员. `bpsnperson` 1: a salesman, whom documents may name."""

    code: Text
    name: Text = ""
    cdept_num: Text = ""
    bpsnperson: Text = ""


class InventoryRow(Message):
    """存货."""

    code: Text
    name: Text = ""
    specs: Text = ""
    sort_code: Text = ""
    main_measure: Text = ""
    tax_rate: Decimal | None = None
    end_date: Text = ""


class StockRow(Message):
    """现存量: one row per warehouse, article, batch and free items."""

    whcode: Text
    whname: Text = ""
    invcode: Text
    invname: Text = ""
    batch: Text = ""
    free1: Text = ""
    free2: Text = ""
    qty: Decimal
    availqty: Decimal | None = None

    @property
    def key(self) -> str:
        return "/".join((self.whcode, self.invcode, self.batch, self.free1, self.free2))


class OrderLine(Message):
    inventorycode: Text
    quantity: Decimal
    taxunitprice: Decimal | None = None
    sum: Decimal | None = None


class OrderRow(Message):
    """销售订单."""

    code: Text
    date: Text = ""
    state: Text = ""
    custcode: Text
    entry: tuple[OrderLine, ...] = ()


class DispatchLine(Message):
    """Here the article is `inventory_code`, and the order's number `socode`."""

    inventory_code: Text
    warehouse_code: Text = ""
    quantity: Decimal
    taxprice: Decimal | None = None
    sum: Decimal | None = None
    socode: Text = ""


class DispatchRow(Message):
    """发货单."""

    code: Text
    date: Text = ""
    state: Text = ""
    custcode: Text
    entry: tuple[DispatchLine, ...] = ()


class VoucherRow(Message):
    """凭证, as the list shows it. `ino_id` is its number in month and type, `coutno_id` the external one."""

    i_id: Text
    ino_id: Text = ""
    csign: Text = ""
    date: Text = ""
    digest: Text = ""
    debit_amount: Decimal | None = None
    credit_amount: Decimal | None = None
    coutno_id: Text = ""
    iflag: Text = ""
