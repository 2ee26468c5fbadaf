"""The same two mappings as a careful person writes them in Python: absent fields stay out, and what is wrong
with a field is told for that field, all in one pass. Plain texts are taken as they are.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Any

from bench.mappings_cases import CHANNELS, CURRENCIES, CUSTOMERS, MATERIALS

Found = tuple[dict[str, Any], list[tuple[str, str]]]

NOTHING: Mapping[str, Any] = {}
GENDERS = {"1": "male", "2": "female"}
SIZES = {"1-50": "small", "51-500": "medium"}
CENTS = Decimal("0.01")
MILLIONTHS = Decimal("0.000001")
CENT = Decimal(100)
ONE = Decimal(1)
DIGITS = Context(prec=34, rounding=ROUND_HALF_UP)
WRONG = (ValueError, TypeError, AttributeError, OverflowError, DecimalException)


def lead(r: Mapping[str, Any]) -> Found:  # noqa: C901 (one document, from top to bottom)
    o: dict[str, Any] = {}
    wrong: list[tuple[str, str]] = []
    form = r.get("form") or NOTHING
    place = r.get("location") or NOTHING
    account = r.get("advertiser") or NOTHING
    source = r.get("ad") or NOTHING
    page = r.get("page") or NOTHING
    device = r.get("device") or NOTHING

    v = r.get("clue_id")
    if v is None or v == "":
        wrong.append(("missing", "vendor_id"))
    else:
        o["vendor_id"] = str(v)
    if v := r.get("req_id"):
        o["request_id"] = v
    try:
        v = r.get("create_time")
        if v is None or v == "":
            wrong.append(("missing", "created_at"))
        else:
            o["created_at"] = datetime.fromtimestamp(int(v), UTC)
    except WRONG:
        wrong.append(("invalid", "created_at"))
    if v := (r.get("name") or "").strip():
        o["name"] = v[:100]
    if v := (r.get("telephone") or "").strip():
        o["phone"] = v
    else:
        wrong.append(("missing", "phone"))
    if v := (r.get("email") or "").strip():
        o["email"] = v.lower()
    if (v := r.get("weixin")) and v != "-":
        o["wechat"] = v
    if v := r.get("qq"):
        o["qq"] = v
    o["gender"] = GENDERS.get(str(r.get("gender")), "unknown")
    try:
        v = r.get("age")
        if v is not None and v != "":
            o["age"] = int(v)
    except WRONG:
        wrong.append(("invalid", "age"))
    company: dict[str, Any] = {}
    if v := (form.get("company") or "").strip():
        company["name"] = v
    if v := form.get("industry"):
        company["industry"] = v
    if v := form.get("size"):
        company["size"] = SIZES.get(v, v)
    if company:
        o["company"] = company
    if v := form.get("title"):
        o["title"] = v
    if v := (place.get("province") or "").strip():
        o["region"] = v
    if v := (place.get("city") or "").strip():
        o["city"] = v
    if v := place.get("district"):
        o["district"] = v
    if v := place.get("address"):
        o["address"] = v[:200]
    o["channel"] = CHANNELS.get(r.get("app_name") or "", "other")
    pair: dict[str, Any] = {}
    if v := account.get("id"):
        pair["id"] = v
    if v := account.get("name"):
        pair["name"] = v
    if pair:
        o["advertiser"] = pair
    pair = {}
    if v := source.get("plan_id"):
        pair["id"] = v
    if v := source.get("plan_name"):
        pair["name"] = v
    if pair:
        o["campaign"] = pair
    pair = {}
    if v := source.get("id"):
        pair["id"] = v
    if v := source.get("name"):
        pair["name"] = v
    if pair:
        o["ad"] = pair
    pair = {}
    if v := source.get("creative_id"):
        pair["id"] = v
    if v := source.get("creative_name"):
        pair["name"] = v
    if pair:
        o["creative"] = pair
    pair = {}
    if v := page.get("title"):
        pair["title"] = v[:100]
    if v := page.get("url"):
        pair["url"] = v
    if pair:
        o["page"] = pair
    if v := r.get("keyword"):
        o["keyword"] = v
    used: dict[str, Any] = {}
    if v := device.get("os"):
        used["os"] = v.lower()
    if v := device.get("brand"):
        used["brand"] = v
    if v := device.get("ip"):
        used["ip"] = v
    if v := device.get("agent"):
        used["agent"] = v[:255]
    if used:
        o["device"] = used
    try:
        v = form.get("budget")
        if v is not None and v != "":
            o["budget"] = Decimal(v).quantize(CENTS, ROUND_HALF_UP)
    except WRONG:
        wrong.append(("invalid", "budget"))
    try:
        v = r.get("cost_fen")
        if v is not None and v != "":
            o["cost"] = Decimal(int(v)).scaleb(-2)
    except WRONG:
        wrong.append(("invalid", "cost"))
    level = r.get("level")
    o["intent"] = "high" if level is not None and level >= 3 and not r.get("repeated") else "normal"
    if v := (form.get("message") or "").strip():
        o["message"] = v[:2000]
    v = f"{place.get('city') or ''} {form.get('product') or ''} {form.get('company') or ''}"
    if len(v) > 255:
        wrong.append(("too_long", "summary"))
    else:
        o["summary"] = v
    o["test"] = r.get("source") == "4" or r.get("status") == "广告预览"
    return o, wrong


def receivable(r: Mapping[str, Any]) -> Found:  # noqa: C901 (one document, from top to bottom)
    o: dict[str, Any] = {"FID": 0}
    wrong: list[tuple[str, str]] = []
    book = r.get("book") or NOTHING

    if v := book.get("receivable_type"):
        o["FBillTypeID"] = {"FNUMBER": v}
    else:
        wrong.append(("missing", "FBillTypeID.FNUMBER"))
    if not (v := r.get("number")):
        wrong.append(("missing", "FBillNo"))
    elif len(v) > 30:
        wrong.append(("too_long", "FBillNo"))
    else:
        o["FBillNo"] = v
    if isinstance(v := r.get("document_date"), date):
        o["FDATE"] = v.isoformat()
    else:
        wrong.append(("invalid" if v else "missing", "FDATE"))
    if isinstance(v := r.get("due_date"), date):
        o["FENDDATE_H"] = v.isoformat()
    else:
        wrong.append(("invalid" if v else "missing", "FENDDATE_H"))
    if not (v := (r.get("customer") or NOTHING).get("id")):
        wrong.append(("missing", "FCUSTOMERID.FNumber"))
    elif not (code := CUSTOMERS.get(v)):
        wrong.append(("no_code", "FCUSTOMERID.FNumber"))
    else:
        o["FCUSTOMERID"] = {"FNumber": code}
    if not (v := (r.get("amount") or NOTHING).get("currency")):
        wrong.append(("missing", "FCURRENCYID.FNumber"))
    elif not (code := CURRENCIES.get(v)):
        wrong.append(("no_code", "FCURRENCYID.FNumber"))
    else:
        o["FCURRENCYID"] = {"FNumber": code}
    if v := book.get("organization"):
        o["FSETTLEORGID"] = {"FNumber": v}
    else:
        wrong.append(("missing", "FSETTLEORGID.FNumber"))
    o["FBUSINESSTYPE"] = "BZ"
    lines = r.get("lines") or ()
    try:
        total = Decimal(0)
        for line in lines:
            total += line["amount"]
        o["FALLAMOUNTFOR"] = total.quantize(CENTS, ROUND_HALF_UP)
    except (KeyError, *WRONG):
        wrong.append(("expression", "FALLAMOUNTFOR"))
    v = f"合同 {r.get('contract_number') or ''} 第{r.get('instalment') or ''}期"
    if len(v) > 255:
        wrong.append(("too_long", "FAR_Remark"))
    else:
        o["FAR_Remark"] = v
    if lines:
        o["FEntityDetail"] = [
            _line(line, book, f"FEntityDetail[{n}].", wrong) for n, line in enumerate(lines)
        ]
    else:
        wrong.append(("missing", "FEntityDetail"))
    return o, wrong


def _line(
    line: Mapping[str, Any], book: Mapping[str, Any], place: str, wrong: list[tuple[str, str]]
) -> dict[str, Any]:
    o: dict[str, Any] = {}
    if v := line.get("sku"):
        o["FMATERIALID"] = {"FNumber": MATERIALS.get(v, v)}
    else:
        wrong.append(("missing", f"{place}FMATERIALID.FNumber"))
    if v := line.get("title"):
        o["FMaterialDesc"] = v[:255]
    if v := book.get("unit"):
        o["FPRICEUNITID"] = {"FNumber": v}
    else:
        wrong.append(("missing", f"{place}FPRICEUNITID.FNumber"))
    quantity: Any = line.get("quantity")
    amount: Any = line.get("amount")
    rate: Any = line.get("tax_rate")
    if isinstance(quantity, Decimal):
        o["FPriceQty"] = quantity
    else:
        wrong.append(("missing" if quantity is None else "invalid", f"{place}FPriceQty"))
    try:
        o["FTaxPrice"] = DIGITS.divide(amount, quantity).quantize(MILLIONTHS, ROUND_HALF_UP)
    except WRONG:
        wrong.append(("expression", f"{place}FTaxPrice"))
    try:
        o["FEntryTaxRate"] = (rate * CENT).quantize(CENTS, ROUND_HALF_UP)
    except WRONG:
        wrong.append(("expression", f"{place}FEntryTaxRate"))
    try:
        o["FALLAMOUNTFOR_D"] = amount.quantize(CENTS, ROUND_HALF_UP)
        net = DIGITS.divide(amount, ONE + rate).quantize(CENTS, ROUND_HALF_UP)
        o["FNoTaxAmountFor_D"] = net
        o["FTAXAMOUNTFOR_D"] = amount - net
    except WRONG:
        wrong.append(("expression", f"{place}FALLAMOUNTFOR_D"))
    return o
