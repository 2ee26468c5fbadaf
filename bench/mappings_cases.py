"""The two documents of the mapping benchmark: an ad lead of 40 fields and a receivable with five lines."""

import random
from datetime import date, timedelta
from decimal import Decimal

from mappings import DictTable
from mappings.tables import CodeTable

LEAD = """
mapping: bench.lead
from: ads.lead
to: neutral.lead
fields:
  vendor_id:          {from: clue_id, as: text, required: true}
  request_id:         req_id
  created_at:         {from: create_time, as: epoch_seconds, required: true}
  name:               {from: name, as: strip, max: 100, truncate: true}
  phone:              {from: telephone, as: strip, required: true}
  email:              {from: email, as: [strip, lower]}
  wechat:             {from: weixin, when: 'weixin != "-"'}
  qq:                 qq
  gender:             {from: gender, table: {1: male, 2: female}, on_miss: default, default: unknown}
  age:                {from: age, as: integer}
  company.name:       {from: form.company, as: strip}
  company.industry:   form.industry
  company.size:       {from: form.size, table: {1-50: small, 51-500: medium}, on_miss: pass}
  title:              form.title
  region:             {from: location.province, as: strip}
  city:               {from: location.city, as: strip}
  district:           location.district
  address:            {from: location.address, max: 200, truncate: true}
  channel:            {from: app_name, lookup: channels, on_miss: default, default: other}
  advertiser.id:      advertiser.id
  advertiser.name:    advertiser.name
  campaign.id:        ad.plan_id
  campaign.name:      ad.plan_name
  ad.id:              ad.id
  ad.name:            ad.name
  creative.id:        ad.creative_id
  creative.name:      ad.creative_name
  page.title:         {from: page.title, max: 100, truncate: true}
  page.url:           page.url
  keyword:            keyword
  device.os:          {from: device.os, as: lower}
  device.brand:       device.brand
  device.ip:          device.ip
  device.agent:       {from: device.agent, max: 255, truncate: true}
  budget:             {from: form.budget, as: decimal(2)}
  cost:               {from: cost_fen, as: yuan}
  intent:             {expr: '"high" if level >= 3 and not repeated else "normal"'}
  message:            {from: form.message, as: strip, max: 2000, truncate: true}
  summary:            {expr: 'concat(location.city, " ", form.product, " ", form.company)', max: 255}
  test:               {expr: 'source == "4" or status == "广告预览"'}
"""

RECEIVABLE = """
mapping: bench.receivable
from: neutral.receivable
to: kingdee.AR_receivable
fields:
  FID:                  {value: 0}
  FBillTypeID.FNUMBER:  {from: book.receivable_type, required: true}
  FBillNo:              {from: number, required: true, max: 30}
  FDATE:                {from: document_date, as: format_date, required: true}
  FENDDATE_H:           {from: due_date, as: format_date, required: true}
  FCUSTOMERID.FNumber:  {from: customer.id, lookup: customers, required: true}
  FCURRENCYID.FNumber:  {from: amount.currency, lookup: currencies, required: true}
  FSETTLEORGID.FNumber: {from: book.organization, required: true}
  FBUSINESSTYPE:        {value: BZ}
  FALLAMOUNTFOR:        {expr: "sum(lines, item.amount)", as: decimal(2)}
  FAR_Remark:           {expr: 'concat("合同 ", contract_number, " 第", instalment, "期")', max: 255}
  FEntityDetail:
    each: lines
    required: true
    fields:
      FMATERIALID.FNumber:  {from: sku, lookup: materials, on_miss: pass, required: true}
      FMaterialDesc:        {from: title, max: 255, truncate: true}
      FPRICEUNITID.FNumber: {from: parent.book.unit, required: true}
      FPriceQty:            {from: quantity, as: decimal, required: true}
      FTaxPrice:            {expr: amount / quantity, as: decimal(6), required: true}
      FEntryTaxRate:        {expr: tax_rate * 100, as: decimal(2), required: true}
      FALLAMOUNTFOR_D:      {from: amount, as: decimal(2), required: true}
      FNoTaxAmountFor_D:    {expr: amount / (1 + tax_rate), as: decimal(2)}
      FTAXAMOUNTFOR_D:      {expr: "amount - round(amount / (1 + tax_rate), 2)", as: decimal(2)}
"""

CHANNELS = {"抖音": "douyin", "今日头条": "toutiao", "西瓜视频": "xigua"}
CUSTOMERS = {f"C-{number}": f"CUST{number:04}" for number in range(200)}
CURRENCIES = {"CNY": "PRE001", "USD": "PRE007"}
MATERIALS = {f"SKU-{number}": f"MAT-{number:04}" for number in range(100)}
ROWS = {"channels": CHANNELS, "customers": CUSTOMERS, "currencies": CURRENCIES, "materials": MATERIALS}
TABLES: dict[str, CodeTable] = {name: DictTable(rows) for name, rows in ROWS.items()}

Record = dict[str, object]


def leads(amount: int, seed: int = 7) -> list[Record]:
    """As a vendor sends them: here and there a field is empty or absent."""
    chance = random.Random(seed)
    return [_with_gaps(_lead(chance), chance) for _ in range(amount)]


def _lead(chance: random.Random) -> Record:
    number = chance.randrange(10**6)
    return {
        "clue_id": chance.randrange(7 * 10**18, 8 * 10**18),
        "req_id": f"2026010512{number:010}",
        "create_time": 1767585600 + number,
        "name": f" 测试用户{number} ",
        "telephone": f"138{number:08}",
        "email": f"User{number}@Example.com ",
        "weixin": chance.choice(["-", f"wx_{number}"]),
        "qq": str(number),
        "gender": chance.choice([0, 1, 2]),
        "age": chance.randrange(18, 70),
        "form": {
            "company": f" 示例公司{number} ",
            "industry": "制造业",
            "size": chance.choice(["1-50", "51-500", "500+"]),
            "title": "采购经理",
            "budget": f"{chance.randrange(10**8) / 1000:.3f}",
            "product": "标准版",
            "message": " 想了解报价，请尽快联系。 " * chance.randrange(1, 4),
        },
        "location": {
            "province": "浙江 ",
            "city": "杭州",
            "district": "西湖区",
            "address": f"示例路 {number} 号",
        },
        "app_name": chance.choice([*CHANNELS, "其他"]),
        "advertiser": {"id": str(chance.randrange(10**15, 10**16)), "name": "示例广告主"},
        "ad": {
            "plan_id": str(chance.randrange(10**15, 10**16)),
            "plan_name": "一月推广",
            "id": str(chance.randrange(10**15, 10**16)),
            "name": "第三组",
            "creative_id": str(chance.randrange(10**15, 10**16)),
            "creative_name": "短片甲",
        },
        "page": {"title": "免费试用", "url": f"https://www.example.com/p/{number}"},
        "keyword": "企业软件",
        "device": {
            "os": chance.choice(["Android", "iOS"]),
            "brand": "示例牌",
            "ip": "192.0.2.7",
            "agent": "Mozilla/5.0 (Linux; Android 14)",
        },
        "cost_fen": chance.randrange(100, 100_000),
        "level": chance.randrange(6),
        "repeated": chance.random() < 0.2,
        "source": str(chance.randrange(6)),
        "status": "有效",
    }


GAPS = ("qq", "keyword", "weixin", "age", "email", "cost_fen")


def _with_gaps(record: Record, chance: random.Random) -> Record:
    for field in GAPS:
        if chance.random() < 0.1:
            record[field] = chance.choice(["", None])
    return record


def receivables(amount: int, seed: int = 7) -> list[Record]:
    chance = random.Random(seed)
    return [_receivable(chance) for _ in range(amount)]


def _receivable(chance: random.Random) -> Record:
    day = date(2026, 1, 5) + timedelta(days=chance.randrange(300))
    amounts = [Decimal(chance.randrange(100, 10**8)).scaleb(-2) for _ in range(5)]
    return {
        "number": f"AR-2026-{chance.randrange(10**6):06}",
        "document_date": day,
        "due_date": day + timedelta(days=30),
        "customer": {"id": f"C-{chance.randrange(len(CUSTOMERS))}", "name": "示例公司"},
        "amount": {"amount": sum(amounts), "currency": "CNY"},
        "contract_number": f"HT-{chance.randrange(10**6)}",
        "instalment": chance.randrange(1, 5),
        "book": {"receivable_type": "YSD01_SYS", "organization": "100", "unit": "Pcs"},
        "lines": [_line(amount, chance) for amount in amounts],
    }


def _line(amount: Decimal, chance: random.Random) -> dict[str, str | Decimal]:
    return {
        "sku": f"SKU-{chance.randrange(110)}",
        "title": "企业软件标准版",
        "quantity": Decimal(chance.randrange(1, 40)),
        "amount": amount,
        "tax_rate": Decimal(chance.choice(["0.06", "0.09", "0.13"])),
    }
