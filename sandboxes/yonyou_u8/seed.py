"""The base data of a small made-up company, and its accounting periods."""

from calendar import monthrange

from sandboxes.common import Books, Clock, Row

_TABLES: dict[str, tuple[str, list[dict[str, str]]]] = {
    "customerclass": (
        "code",
        [
            {"code": "01", "name": "国内客户", "rank": "1", "end_rank_flag": "1"},
            {"code": "02", "name": "国外客户", "rank": "1", "end_rank_flag": "1"},
        ],
    ),
    "customer": (
        "code",
        [
            {
                "code": "K00017",
                "name": "示例机械（宁波）有限公司",
                "abbrname": "示例机械",
                "sort_code": "01",
                "ccusexch_name": "人民币",
                "ccusmngtypecode": "999",
                "bcusdomestic": "1",
            },
            {
                "code": "K00018",
                "name": "测试食品（杭州）有限公司",
                "abbrname": "测试食品",
                "sort_code": "01",
                "ccusexch_name": "人民币",
                "ccusmngtypecode": "999",
                "bcusdomestic": "1",
            },
        ],
    ),
    "department": (
        "code",
        [
            {"code": "03", "name": "营销中心", "endflag": "0", "rank": "1"},
            {"code": "0301", "name": "销售一部", "endflag": "1", "rank": "2"},
            {"code": "0302", "name": "销售二部", "endflag": "1", "rank": "2"},
        ],
    ),
    "person": (
        "code",
        [
            {"code": "P0007", "name": "测试甲", "cdept_num": "0301", "bpsnperson": "1", "rEmployState": "10"},
            {"code": "P0008", "name": "测试乙", "cdept_num": "0302", "bpsnperson": "1", "rEmployState": "10"},
            {"code": "P0009", "name": "测试丙", "cdept_num": "0302", "bpsnperson": "0", "rEmployState": "10"},
        ],
    ),
    "inventoryclass": (
        "code",
        [
            {"code": "01", "name": "商品", "rank": "1", "end_rank_flag": "1"},
            {"code": "02", "name": "服务", "rank": "1", "end_rank_flag": "1"},
        ],
    ),
    "saletype": ("code", [{"code": "01", "name": "普通销售"}, {"code": "02", "name": "零售"}]),
    "inventory": (
        "code",
        [
            {"code": "SV-01", "name": "实施服务", "sort_code": "02", "main_measure": "次", "tax_rate": "6"},
            {"code": "SV-02", "name": "年度维保", "sort_code": "02", "main_measure": "年", "tax_rate": "6"},
            {
                "code": "HW-01",
                "name": "测试网关",
                "specs": "A1",
                "sort_code": "01",
                "main_measure": "台",
                "tax_rate": "13",
            },
        ],
    ),
    "warehouse": (
        "code",
        [{"code": "01", "name": "成品仓"}, {"code": "02", "name": "备件仓"}],
    ),
    "settlestyle": (
        "csscode",
        [
            {"csscode": "1", "cssname": "现金", "bssflag": "0", "issgrade": "1", "bssend": "1"},
            {"csscode": "2", "cssname": "转账支票", "bssflag": "1", "issgrade": "1", "bssend": "1"},
            {"csscode": "3", "cssname": "电汇", "bssflag": "0", "issgrade": "1", "bssend": "1"},
        ],
    ),
    "code": (
        "code",
        [
            {
                "code": "100201",
                "name": "银行存款-示例银行",
                "cust_acc": "0",
                "end_item_flag": "1",
                "_system": "",
            },
            {"code": "1122", "name": "应收账款", "cust_acc": "1", "end_item_flag": "1", "_system": "AR"},
            {"code": "2203", "name": "预收账款", "cust_acc": "1", "end_item_flag": "1", "_system": "AR"},
            {"code": "600101", "name": "主营业务收入", "cust_acc": "0", "end_item_flag": "1", "_system": ""},
            {"code": "660301", "name": "手续费", "cust_acc": "0", "end_item_flag": "1", "_system": ""},
            {"code": "22210101", "name": "销项税额13%", "cust_acc": "0", "end_item_flag": "1", "_system": ""},
            {"code": "22210106", "name": "销项税额6%", "cust_acc": "0", "end_item_flag": "1", "_system": ""},
        ],
    ),
    "currency": (
        "cexch_name",
        [
            {"cexch_name": "人民币", "cexch_code": "RMB", "iotherused": "-1", "bcal": "1", "idec": "2"},
            {"cexch_name": "美元", "cexch_code": "USD", "iotherused": "0", "bcal": "1", "idec": "5"},
        ],
    ),
    "dsign": ("i_id", [{"i_id": "1", "type": "记", "order_code": "1", "type_name": "记账凭证"}]),
    "fitem": (
        "citemcode",
        [{"citemcode": "XM01", "citemname": "测试项目", "citem_class": "97", "citem_name": "项目核算"}],
    ),
    "exchangerate": (
        "i_id",
        [
            {
                "i_id": "1",
                "iyear": "2026",
                "imonth": "1",
                "cexch_name": "美元",
                "iperiod": "1",
                "itype": "2",
                "rate": "7.1234",
            }
        ],
    ),
    "fitemcategory": ("citem_class", [{"citem_class": "97", "citem_name": "项目核算", "crule": "2"}]),
    "fitemclass": (
        "citemccode",
        [
            {
                "citem_class": "97",
                "citemccode": "01",
                "citemcname": "实施",
                "iitemcgrade": "1",
                "bitemcend": "1",
            }
        ],
    ),
    "customeraddress": (
        "caddcode",
        [{"caddcode": "01", "ccuscode": "K00017", "cdeliveradd": "示例路 1 号", "bdefault": "1"}],
    ),
    "customercontacts": ("code", [{"code": "01", "name": "测试联系人", "ccuscode": "K00017"}]),
    "customer_bank": (
        "caccountnum",
        [{"caccountnum": "33050000000000000001", "ccuscode": "K00017", "cbranch": "示例银行宁波支行"}],
    ),
    "operator": (
        "user_id",
        [
            {"user_id": "hub", "name": "财务接口", "_password": "made-up"},
            # U8 ships its demonstration account set with this user: public clients log in as it.
            {"user_id": "demo", "name": "demo", "_password": "DEMO"},
            {"user_id": "finance01", "name": "测试会计", "_password": "made-up"},
        ],
    ),
}
STAMPED = ("customer", "department", "person", "inventory")
"""Archives whose rows carry the number of their last change."""
DEFAULT_OPERATOR = "财务接口"
"""Who verifies when the call names nobody: the EAI default user."""


def seed(books: Books, clock: Clock) -> None:
    for name, (key, rows) in _TABLES.items():
        for row in rows:
            books.table(name)[row[key]] = row
    for name in STAMPED:
        for key, row in books.table(name).items():
            stamp = str(books.next_number("timestamp", start=900_001))
            books.table(name)[key] = {**row, "timestamp": stamp}
    books.table("currentstock")["01/HW-01"] = {
        "whcode": "01",
        "whname": "成品仓",
        "invcode": "HW-01",
        "invname": "测试网关",
        "invstd": "A1",
        "qty": "120.0000",
        "inqty": "20.0000",
        "availqty": "140.0000",
    }
    this_year = clock.china().year
    for year in range(this_year - 3, this_year + 2):
        for month in range(1, 13):
            label = f"{year}-{month:02d}"
            books.table("period")[label] = _period(year, month)
            books.table("_closing")[label] = {"closed": False}


def _period(year: int, month: int) -> Row:
    return {
        "cacc_id": "001",
        "iyear": str(year),
        "iid": str(month),
        "dbegin": f"{year}-{month:02d}-01",
        "dend": f"{year}-{month:02d}-{monthrange(year, month)[1]}",
    }
