"""The same two documents in other expression engines, as far as they can: plain JSON in, plain JSON out.

Empty fields make them fail, so these are taken out before; they tell no problem of a single field, and
calculate with doubles (zen-engine with decimals inside and doubles at its border). JSONata's trim squeezes
blanks inside a text as well. zen-engine keeps no table between two calls: it is handed the tables with each
record. It cannot shorten a text that may be short already.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import cast

import jlens
import jsonata  # type: ignore[import-untyped]
import zen

from bench.mappings_cases import CHANNELS, CURRENCIES, CUSTOMERS, MATERIALS, Record

Engine = Callable[[Record], object]

JSONATA_LEAD = """{
  "vendor_id": $string(clue_id),
  "request_id": req_id,
  "created_at": $fromMillis(create_time * 1000),
  "name": $substring($trim(name), 0, 100),
  "phone": $trim(telephone),
  "email": $lowercase($trim(email)),
  "wechat": weixin != "-" ? weixin,
  "qq": qq,
  "gender": [$lookup({"1": "male", "2": "female"}, $string(gender)), "unknown"][0],
  "age": age,
  "company": {
    "name": $trim(form.company),
    "industry": form.industry,
    "size": [$lookup({"1-50": "small", "51-500": "medium"}, form.size), form.size][0]
  },
  "title": form.title,
  "region": $trim(location.province),
  "city": $trim(location.city),
  "district": location.district,
  "address": $substring(location.address, 0, 200),
  "channel": [$lookup($channels, app_name), "other"][0],
  "advertiser": {"id": advertiser.id, "name": advertiser.name},
  "campaign": {"id": ad.plan_id, "name": ad.plan_name},
  "ad": {"id": ad.id, "name": ad.name},
  "creative": {"id": ad.creative_id, "name": ad.creative_name},
  "page": {"title": $substring(page.title, 0, 100), "url": page.url},
  "keyword": keyword,
  "device": {
    "os": $lowercase(device.os),
    "brand": device.brand,
    "ip": device.ip,
    "agent": $substring(device.agent, 0, 255)
  },
  "budget": $round($number(form.budget), 2),
  "cost": cost_fen / 100,
  "intent": level >= 3 and $not(repeated) ? "high" : "normal",
  "message": $substring($trim(form.message), 0, 2000),
  "summary": location.city & " " & form.product & " " & form.company,
  "test": source = "4" or status = "广告预览"
}"""

JSONATA_RECEIVABLE = """(
  $unit := book.unit;
  {
    "FID": 0,
    "FBillTypeID": {"FNUMBER": book.receivable_type},
    "FBillNo": number,
    "FDATE": document_date,
    "FENDDATE_H": due_date,
    "FCUSTOMERID": {"FNumber": $lookup($customers, customer.id)},
    "FCURRENCYID": {"FNumber": $lookup($currencies, amount.currency)},
    "FSETTLEORGID": {"FNumber": book.organization},
    "FBUSINESSTYPE": "BZ",
    "FALLAMOUNTFOR": $round($sum(lines.amount), 2),
    "FAR_Remark": "合同 " & contract_number & " 第" & instalment & "期",
    "FEntityDetail": lines.{
      "FMATERIALID": {"FNumber": [$lookup($materials, sku), sku][0]},
      "FMaterialDesc": $substring(title, 0, 255),
      "FPRICEUNITID": {"FNumber": $unit},
      "FPriceQty": quantity,
      "FTaxPrice": $round(amount / quantity, 6),
      "FEntryTaxRate": $round(tax_rate * 100, 2),
      "FALLAMOUNTFOR_D": $round(amount, 2),
      "FNoTaxAmountFor_D": $round(amount / (1 + tax_rate), 2),
      "FTAXAMOUNTFOR_D": $round(amount - $round(amount / (1 + tax_rate), 2), 2)
    }
  }
)"""

ZEN_LEAD = """{
  vendor_id: string(clue_id),
  request_id: req_id,
  created_at: d(create_time * 1000).format("%Y-%m-%dT%H:%M:%SZ"),
  name: trim(name),
  phone: trim(telephone),
  email: email == null ? null : lower(trim(email)),
  wechat: weixin != "-" ? weixin : null,
  qq: qq,
  gender: gender == 1 ? "male" : gender == 2 ? "female" : "unknown",
  age: age,
  company: {
    name: trim(form.company),
    industry: form.industry,
    size: form.size == "1-50" ? "small" : form.size == "51-500" ? "medium" : form.size
  },
  title: form.title,
  region: trim(location.province),
  city: trim(location.city),
  district: location.district,
  address: location.address,
  channel: channels[app_name] ?? "other",
  advertiser: {id: advertiser.id, name: advertiser.name},
  campaign: {id: ad.plan_id, name: ad.plan_name},
  ad: {id: ad.id, name: ad.name},
  creative: {id: ad.creative_id, name: ad.creative_name},
  page: {title: page.title, url: page.url},
  keyword: keyword,
  device: {
    os: lower(device.os),
    brand: device.brand,
    ip: device.ip,
    agent: device.agent
  },
  budget: round(number(form.budget), 2),
  cost: cost_fen == null ? null : cost_fen / 100,
  intent: level >= 3 and not repeated ? "high" : "normal",
  message: trim(form.message),
  summary: location.city + " " + form.product + " " + form.company,
  test: source == "4" or status == "广告预览"
}"""

ZEN_RECEIVABLE = """{
  FID: 0,
  FBillTypeID: {FNUMBER: book.receivable_type},
  FBillNo: number,
  FDATE: document_date,
  FENDDATE_H: due_date,
  FCUSTOMERID: {FNumber: customers[customer.id]},
  FCURRENCYID: {FNumber: currencies[amount.currency]},
  FSETTLEORGID: {FNumber: book.organization},
  FBUSINESSTYPE: "BZ",
  FALLAMOUNTFOR: sum(map(lines, #.amount)),
  FAR_Remark: "合同 " + contract_number + " 第" + string(instalment) + "期",
  FEntityDetail: map(lines as l, {
    FMATERIALID: {FNumber: materials[l.sku] ?? l.sku},
    FMaterialDesc: l.title,
    FPRICEUNITID: {FNumber: book.unit},
    FPriceQty: l.quantity,
    FTaxPrice: round(l.amount / l.quantity, 6),
    FEntryTaxRate: round(l.tax_rate * 100, 2),
    FALLAMOUNTFOR_D: round(l.amount, 2),
    FNoTaxAmountFor_D: round(l.amount / (1 + l.tax_rate), 2),
    FTAXAMOUNTFOR_D: round(l.amount - round(l.amount / (1 + l.tax_rate), 2), 2)
  })
}"""

TABLES: dict[str, object] = {
    "channels": CHANNELS,
    "customers": CUSTOMERS,
    "currencies": CURRENCIES,
    "materials": MATERIALS,
}


def in_jlens(source: str) -> Engine:
    compiled = jlens.Expression(source)
    return lambda record: compiled.evaluate(record, TABLES)


def in_jsonata_python(source: str) -> Engine:
    compiled = jsonata.Jsonata(source)
    for name, rows in TABLES.items():
        compiled.assign(name, rows)
    return lambda record: cast("object", compiled.evaluate(record))


def in_zen(source: str) -> Engine:
    """A decision with a row for each target, as such mappings are kept in zen."""
    rows = re.findall(r"^  (\w+): (.+?),?(?=\n  \w|\n})", source, re.DOTALL | re.MULTILINE)
    expressions = [{"id": key, "key": key, "value": value} for key, value in rows]
    kinds = ("inputNode", "expressionNode", "outputNode")
    nodes: list[dict[str, object]] = [
        {"id": kind, "type": kind, "name": kind, "content": {}} for kind in kinds
    ]
    nodes[1]["content"] = {"expressions": expressions}
    edges = [
        {"id": target, "type": "edge", "sourceId": source, "targetId": target}
        for source, target in pairwise(kinds)
    ]
    content = {"mapping": {"nodes": nodes, "edges": edges}}
    engine = zen.ZenEngine({"loader": {"type": "static", "content": content}})
    used = _used_tables(source)
    return lambda record: engine.evaluate("mapping", {**record, **used})["result"]


def in_zen_at_once(source: str) -> Engine:
    """The same as one expression: faster, and no longer a table of rows."""
    compiled = zen.compile_expression(source)
    used = _used_tables(source)
    return lambda record: cast("object", compiled.evaluate({**record, **used}))


def _used_tables(source: str) -> Record:
    return {name: rows for name, rows in TABLES.items() if f"{name}[" in source}


def plain(value: object) -> object:
    """What these engines take: no decimals, no dates."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items() if each is not None and each != ""}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
