"""Sales orders and dispatches: fields, how U8 recomputes amounts, what a dispatch does to stock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandboxes.common import Books, Row, Table
from sandboxes.yonyou_u8 import words
from sandboxes.yonyou_u8.fields import (
    BODY_DEFINES,
    HEAD_DEFINES,
    Fields,
    as_text,
    fields,
    refuse_missing,
    refuse_unknown,
)
from sandboxes.yonyou_u8.ledger import NEW, VERIFIED, Ledger
from sandboxes.yonyou_u8.masters import FREE
from sandboxes.yonyou_u8.seed import DEFAULT_OPERATOR
from sandboxes.yonyou_u8.words import Refusal

DEFAULT_TAX_RATE = "16"
"""The documentation's own default, long outdated: who does not send a rate gets it."""
CENT, PRICE = Decimal("0.01"), Decimal("0.000001")
CLOSED = "关闭"
STATES = {"Opening": NEW, "Approved": VERIFIED, "Closed": CLOSED}
"""What the filter `state` calls the words of the rows; the third is [U]."""
LIKE = ("cusname", "personname", "deptname", "memo", "remark")
EQUAL = ("custcode", "deptcode", "personcode", "maker", "verifier", "closer")


@dataclass(frozen=True, slots=True)
class Trade:
    """One kind of sales document. The same idea has another name in each."""

    resource: str
    label: str
    prefix: str
    inventory: str
    price: str
    tax_price: str
    exchange: str
    defaults: Mapping[str, str]
    head: Fields
    entry: Fields
    sign: int = 1
    """Of its quantities."""

    @property
    def listing(self) -> str:
        return f"{self.resource}list"


ORDER = Trade(
    resource="saleorder",
    label="销售订单",
    prefix="SO",
    inventory="inventorycode",
    price="unitprice",
    tax_price="taxunitprice",
    exchange="currencyrate",
    defaults={"businesstype": "普通销售", "fhstatus": "0"},
    head=fields(
        "code:s30 date:d state:s20 businesstype:s20 typecode:s2 typename:s20 custcode*:s20 cusname:s98",
        "cusabbname:s60 deptcode:s12 deptname:s255 personcode:s20 personname:s40 dpremodatebt:d dpredatebt:d",
        "sendaddress:s255 ccusperson:s50 ccuspersoncode:s20 caddcode:s30 taxrate:n memo:s60 maker:s20",
        "verifier:s20 closer:s20",
        # The gateway hands the object to EAI, whose template has these too.
        "id:s32 outid:s60 sendcode:s20 paycondition_code:s3 currency:s8 currencyrate:n earnest:n disflag:s2",
        "cgatheringplan:s30 bmustbook:b fbookratio:n fbooksum:n fbooknatsum:n retaildates:d",
        HEAD_DEFINES,
    ),
    entry=fields(
        "inventorycode*:s20 inventoryname:s255 invstd:s255 unitcode:s35 unitname:s35 unitrate:n quantity*:n",
        "num:n unitprice:n quotedprice:n taxunitprice:n money:n sum:n discount:n natdiscount:n",
        "discountrate:n discountrate2:n natmoney:n natunitprice:n tax:n nattax:n natsum:n bgift:b rowno:i",
        "taxrate:n id:s32 body_outid:s60 preparedate:d assistantunit:s35 memo:s60 cfree1:s20 cfree2:s20",
        "mid:s20 itemcode:s20 item_class:s2 itemname:s255 itemclass_name:s60 dreleasedate:d",
        "dpredate:d dpremodate:d demandtype:s10 demandcode:s60 demandmemo:s255 retailxsquantity:n",
        "retailxsmoney:n retailkcquantity:n retailyhmoney:n ccusinvcode:s60 ccusinvname:s255",
        FREE,
        BODY_DEFINES,
    ),
)
DISPATCH = Trade(
    resource="consignment",
    label="发货单",
    prefix="FH",
    inventory="inventory_code",
    price="price",
    tax_price="taxprice",
    exchange="currency_rate",
    defaults={"operation_type": "普通销售"},
    head=fields(
        "code:s30 date:d state:s20 operation_type:s20 saletype:s2 saletypename:s20 custcode*:s20 cusname:s98",
        "cusabbname:s60 deptcode*:s12 deptname:s255 personcode:s20 personname:s40 cdeliverunit:s60",
        "ccontactname:s50 cofficephone:s50 cmobilephone:s50 cdeliveradd:s255 remark:s60 maker:s20",
        "verifier:s20 closer:s20 id:s32 outid:s60 vouchertype:s2 paycondition_code:s3 shippingchoice:s20",
        "address:s255 currency_name:s8 currency_rate:n taxrate:n beginflag:b returnflag:b sale_cons_flag:b",
        "retail_custname:s98 cverifier:s20 caddcode:s30 cgatheringplan:s30 dcreditstart:d icreditdays:i",
        "dgatheringdate:d bcredit:b",
        HEAD_DEFINES,
    ),
    entry=fields(
        "inventory_code*:s20 inventory_name:s255 warehouse_code*:s10 warehouse_name:s20 invstd:s255",
        "ccomunitcode:s35 cinvm_unit:s35 quantity*:n price:n quotedprice:n taxprice:n money:n sum:n",
        "taxrate:n tax:n natprice:n natmoney:n nattax:n natsum:n discount:n natdiscount:n discount1:n",
        "discount2:n socode:s30 batch:s60 dmdate:d overdate:d imassdate:i cmassunit:s10 expirationdate:d",
        "expirationitem:d expiratdatecalcu:i item_code:s20 unit_code:s35 num:n unitrate:n rowno:i",
        "headid:s32 itb:b iinvexchrate:n cinva_unit:s35 assistantunit:s35 remark:s255 backflag:b",
        "backquantity:n backnum:n inventory_printname:s255 item_class:s2 item_classname:s60 item_name:s255",
        "retail_price:n retail_money:n vendor_name:s98 ccorcode:s30 icorid:s20 ccusinvcode:s60",
        "ccusinvname:s255 ippartseqid:s20 ippartqty:n ippartid:s20 bqaneedcheck:b bqaurgency:b",
        "cordercode:s30 iorderrowno:i cvmivencode:s20 irowno:i ExpirationDate:d",
        "ExpiratDateCalcu:i ExpirationItem:d ReasonCode:s20",
        " ".join(f"batchproperty{number}:s60" for number in range(1, 11)),
        FREE,
        BODY_DEFINES,
    ),
)
RETURN = replace(
    DISPATCH,
    resource="returnorder",
    label="退货单",
    prefix="TH",
    entry={**DISPATCH.entry, **fields("reasoncode:s20 reasonname:s60")},
    sign=-1,
)
TRADES: Mapping[str, Trade] = {trade.resource: trade for trade in (ORDER, DISPATCH, RETURN)}
LISTINGS: Mapping[str, Trade] = {trade.listing: trade for trade in TRADES.values()}


@dataclass(frozen=True, slots=True)
class Sales:
    books: Books
    ledger: Ledger

    def add(self, trade: Trade, body: Mapping[str, Any]) -> str:
        try:
            row = _read(trade, body)
            self._check(trade, row)
        except (Refusal, ArithmeticError) as error:
            text = error.text if isinstance(error, Refusal) else words.OVERFLOW
            raise Refusal(text, key=str(body.get("code") or "")) from error
        series = f"{trade.prefix}{row['date'][2:4]}{row['date'][5:7]}"
        code = row.get("code") or f"{series}{self.books.next_number(series):06d}"
        if code in self._table(trade):
            raise Refusal(f"单据编号[{code}]已存在，不可重复！", key=code)
        made = {"maker": DEFAULT_OPERATOR, "createsystime": self._now()}
        kept = _without(row, "verifier", "closer")
        self._table(trade)[code] = {**trade.defaults, **made, **kept, "code": code, "state": NEW}
        return code

    def verify(self, trade: Trade, code: str, *, by: str) -> None:
        row = self._existing(trade, code)
        if row["state"] != NEW:
            raise Refusal(f"单据[{code}]已{row['state']}，不能重复审核！", key=code)
        verified = {"state": VERIFIED, "verifier": by, "verifysystime": self._now()}
        self._table(trade)[code] = {**row, **verified}
        self._move_stock(trade, row, -1)

    def unverify(self, trade: Trade, code: str) -> None:
        row = self._existing(trade, code)
        if row["state"] != VERIFIED:
            raise Refusal(f"单据[{code}]未审核，不能弃审！", key=code)
        self._table(trade)[code] = {**_without(row, "verifier", "verifysystime"), "state": NEW}
        self._move_stock(trade, row, 1)

    def close(self, code: str, *, by: str) -> None:
        row = self._existing(ORDER, code)
        if row["state"] != VERIFIED:
            raise Refusal(f"单据[{code}]未审核，不能关闭！", key=code)
        self._table(ORDER)[code] = {**row, "state": CLOSED, "closer": by}

    def reopen(self, code: str) -> None:
        row = self._existing(ORDER, code)
        if row["state"] != CLOSED:
            raise Refusal(f"单据[{code}]未关闭，不能打开！", key=code)
        self._table(ORDER)[code] = {**_without(row, "closer"), "state": VERIFIED}

    def rows(self, trade: Trade) -> list[Row]:
        return sorted(self._table(trade).values(), key=lambda row: (row["date"], row["code"]))

    def shown(self, trade: Trade, code: str) -> Row | None:
        row = self._table(trade).get(code)
        return None if row is None else self._printed(row)

    def listed(self, trade: Trade, query: Mapping[str, str]) -> list[Row]:
        """Heads with their totals as texts; lines are for `get`."""
        shown = (self._printed(row) for row in self.rows(trade))
        return [_without(row, "entry") | _totals(row) for row in shown if _matches(row, query)]

    def stock(self, query: Mapping[str, str]) -> list[Row]:
        rows = sorted(
            self.books.table("currentstock").values(), key=lambda row: (row["whcode"], row["invcode"])
        )
        return [
            row
            for row in rows
            if _between(row["whcode"], query.get("whcode_begin"), query.get("whcode_end"))
            and _between(row["invcode"], query.get("invcode_begin"), query.get("invcode_end"))
            and query.get("batch", "") in ("", row.get("batch"))
            and all(query.get(name, "") in row[name] for name in ("whname", "invname"))
        ]

    def _table(self, trade: Trade) -> Table:
        return self.books.table(trade.resource)

    def _existing(self, trade: Trade, code: str) -> Row:
        row = self._table(trade).get(code)
        if row is None:
            raise Refusal(f"{trade.label}[{code}]不存在！", key=code)
        self.ledger.refuse_locked(trade.resource, code)
        return row

    def _now(self) -> str:
        return f"{self.ledger.clock.china():%Y-%m-%d %H:%M:%S}.000"

    def _check(self, trade: Trade, row: Row) -> None:
        row.setdefault("date", self.ledger.clock.china().date().isoformat())
        checks = {
            "custcode": self.ledger.customer,
            "deptcode": self.ledger.department,
            "personcode": self.ledger.person,
            "maker": self.ledger.operator,
            "currency": self.ledger.currency,
            "currency_name": self.ledger.currency,
        }
        for name, check in checks.items():
            if row.get(name):
                check(row[name])
        for line in row["entry"]:
            self._check_line(trade, line)
            rate = line.get("taxrate") or row.get("taxrate") or DEFAULT_TAX_RATE
            _recompute(trade, line, Decimal(rate), exchange=Decimal(row.get(trade.exchange, "1")))

    def _check_line(self, trade: Trade, line: Row) -> None:
        if line[trade.inventory] not in self.books.table("inventory"):
            raise Refusal(f"存货编码[{line[trade.inventory]}]不存在！")
        warehouse = line.get("warehouse_code")
        if warehouse and warehouse not in self.books.table("warehouse"):
            raise Refusal(f"仓库编码[{warehouse}]不存在！")
        if Decimal(line["quantity"]) * trade.sign <= 0:
            raise Refusal(words.bad_field("quantity"))

    def _move_stock(self, trade: Trade, row: Row, sign: int) -> None:
        """Only goods that are kept in stock have a row there; services have none."""
        table = self.books.table("currentstock")
        for line in row["entry"] if "warehouse_code" in trade.entry else ():
            key = f"{line['warehouse_code']}/{line['inventory_code']}"
            if key in table:
                moved = sign * Decimal(line["quantity"])
                stock = table[key]
                table[key] = {**stock, **{n: str(Decimal(stock[n]) + moved) for n in ("qty", "availqty")}}

    def _printed(self, row: Row) -> Row:
        customer = self.books.table("customer").get(row["custcode"], {})
        names = {
            "cusname": customer.get("name", ""),
            "cusabbname": customer.get("abbrname", ""),
            "deptname": self.books.table("department").get(row.get("deptcode", ""), {}).get("name", ""),
            "personname": self.books.table("person").get(row.get("personcode", ""), {}).get("name", ""),
        }
        return {**row, **{name: value for name, value in names.items() if value}}


def _read(trade: Trade, body: Mapping[str, Any]) -> Row:
    entries = body.get("entry")
    refuse_unknown(body, trade.head, also=("entry",))
    if not isinstance(entries, list) or not entries:
        raise Refusal(words.MISSING_FIELD)
    for entry in entries:
        refuse_unknown(entry, trade.entry)
    refuse_missing(body, trade.head)
    for entry in entries:
        refuse_missing(entry, trade.entry)
    row: Row = dict(as_text(body, trade.head))
    row["entry"] = [as_text(entry, trade.entry) for entry in entries]
    return row


def _recompute(trade: Trade, line: Row, tax_rate: Decimal, *, exchange: Decimal) -> None:
    """A price makes U8 compute every amount anew; of two prices the one with tax wins."""
    rate, quantity = 1 + tax_rate / 100, Decimal(line["quantity"])
    if trade.tax_price in line:
        total = _cents(quantity * Decimal(line[trade.tax_price]))
    elif trade.price in line:
        total = _cents(_cents(quantity * Decimal(line[trade.price])) * rate)
    else:
        total = _cents(Decimal(line.get("sum", "0")))
    net = _cents(total / rate)
    for prefix, factor in (("", Decimal(1)), ("nat", exchange)):
        whole, part = _cents(total * factor), _cents(net * factor)
        line[f"{prefix}sum"], line[f"{prefix}money"] = str(whole), str(part)
        line[f"{prefix}tax"] = str(whole - part)
    line[trade.tax_price] = str((total / quantity).quantize(PRICE))
    line[trade.price] = str((net / quantity).quantize(PRICE))
    line[f"nat{trade.price}"] = str((net * exchange / quantity).quantize(PRICE))


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, rounding=ROUND_HALF_UP)


def _totals(row: Row) -> dict[str, str]:
    return {name: f"{sum(Decimal(line[name]) for line in row['entry']):.4f}" for name in ("money", "sum")}


def _matches(row: Row, query: Mapping[str, str]) -> bool:
    wanted = STATES.get(query.get("state", ""), query.get("state"))
    ranges = ("code", "date", "dpredatebt", "dpremodatebt")
    return (
        all(
            _between(row.get(name, ""), query.get(f"{name}_begin"), query.get(f"{name}_end"))
            for name in ranges
        )
        and all(row.get(name) == query[name] for name in EQUAL if query.get(name))
        and all(query[name] in row.get(name, "") for name in LIKE if query.get(name))
        and query.get("socode", "") in ("", *(line.get("socode") for line in row["entry"]))
        and (not wanted or row["state"] == wanted)
    )


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _between(value: str, begin: str | None, end: str | None) -> bool:
    return (begin or "") <= value and (not end or value <= end)
