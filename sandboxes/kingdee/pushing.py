"""Push: an audited document is converted into the next one, as a rule says, and that one is saved."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from sandboxes.common import Row
from sandboxes.kingdee.archive import Archive, listed
from sandboxes.kingdee.bills import Bills, flag
from sandboxes.kingdee.envelope import Done
from sandboxes.kingdee.forms import RECEIPT, RECEIVABLE
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.relations import DELIVERY_RULE, DELIVERY_TABLE, PLAN_TABLE, RULE
from sandboxes.kingdee.sales import DELIVERY
from sandboxes.kingdee.saving import amount
from sandboxes.kingdee.words import RefusedError, refuse


@dataclass(frozen=True, slots=True)
class Piece:
    """A row of a source document, and how much of it is left to convert."""

    bill: Row
    row: Row
    left: Decimal


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    source: Form
    target: Form
    entity: str
    whole: str
    used: str
    """Fields of the source row: what there is, and what was converted before."""
    together: tuple[str, ...]
    """Sources that agree in these head fields become one document."""
    model: Callable[[Sequence[Piece], date], Row]

    def group(self, piece: Piece) -> tuple[str, ...]:
        return tuple(str(piece.bill[key]) for key in self.together)


def push(archive: Archive, bills: Bills, form: Form, data: Row, *, today: date) -> list[Done]:
    rule = _rule(form, data)
    pieces = sorted(_pieces(archive, rule, data), key=rule.group)
    if not pieces:
        raise refuse("没有符合转换条件的源单数据，下推失败")
    made = []
    for index, (_, group) in enumerate(groupby(pieces, key=rule.group)):
        row = bills.save(rule.target, {"model": rule.model(list(group), today)})
        entries = {each.key: [line["FEntryID"] for line in row[each.key]] for each in rule.target.entities}
        made.append(Done(row[rule.target.key], row[rule.target.number], index, entry_ids=entries))
    return made


def _rule(form: Form, data: Row) -> Rule:
    wanted, target = str(data.get("ruleid") or ""), str(data.get("targetformid") or "")
    if wanted:
        fitting = [rule for rule in RULES if rule.id.lower() == wanted.lower() and rule.source is form]
    elif flag(data.get("isenabledefaultrule"), default=False):
        fitting = [rule for rule in RULES if rule.source is form and rule.target.id.lower() == target.lower()]
    else:
        raise refuse("参数[RuleId]不能为空", code=8)
    if not wanted and not target:
        raise refuse("参数[TargetFormId]不能为空", code=8)
    if not fitting:
        raise refuse(f"转换规则[{wanted or target}]不存在", code=9)
    return fitting[0]


def _pieces(archive: Archive, rule: Rule, data: Row) -> Iterator[Piece]:
    """`EntryIds` names rows of any document of the form; `Ids` and `Numbers` name whole documents."""
    rows = set(listed(data.get("entryids")))
    found: Sequence[Row | RefusedError]
    if rows:
        found = [bill for bill in archive.rows(rule.source) if rows & _row_ids(rule, bill)]
    else:
        found = archive.named(rule.source, data)
    for bill in found:
        if isinstance(bill, RefusedError):
            raise bill
        if bill[rule.source.status] != "C":
            number = bill[rule.source.number]
            raise refuse(f"单据编号为“{number}”的{rule.source.title}，未审核，不允许下推！")
        for row in bill[rule.entity]:
            left = amount(row, rule.whole) - amount(row, rule.used)
            if left > 0 and (not rows or str(row["FEntryID"]) in rows):
                yield Piece(bill, row, left)


def _row_ids(rule: Rule, bill: Row) -> set[str]:
    return {str(row["FEntryID"]) for row in bill[rule.entity]}


def _receipt(pieces: Sequence[Piece], today: date) -> Row:
    """In cash, to the customer's account: an accountant, or a second Save, completes it."""
    bill, total = pieces[0].bill, sum((piece.left for piece in pieces), Decimal())
    customer, organization = {"FNumber": bill["FCUSTOMERID"]}, {"FNumber": bill["FPAYORGID"]}
    currency = {"FNumber": bill["FCURRENCYID"]}
    return {
        "FBillTypeID": {"FNUMBER": "SKDLX01_SYS"},
        "FDATE": today.isoformat(),
        "FCONTACTUNITTYPE": "BD_Customer",
        "FCONTACTUNIT": customer,
        "FPAYUNITTYPE": "BD_Customer",
        "FPAYUNIT": customer,
        "FCURRENCYID": currency,
        "FSETTLECUR": currency,
        "FSETTLEMAINBOOKID": {"FNumber": bill["FMAINBOOKSTDCURRID"]},
        "FPAYORGID": organization,
        "FSETTLEORGID": organization,
        "FSALEORGID": {"FNumber": bill["FSALEORGID"]},
        "FBUSINESSTYPE": "1",
        "FRECEIVEBILLENTRY": [
            {
                "FSETTLETYPEID": {"FNumber": "JSFS01_SYS"},
                "FPURPOSEID": {"FNumber": "SFKYT01_SYS"},
                "FRECTOTALAMOUNTFOR": total,
                "FRECAMOUNTFOR_E": total,
                "FPOSTDATE": today.isoformat(),
            }
        ],
        "FRECEIVEBILLSRCENTRY": [_source(piece) for piece in pieces],
    }


def _source(piece: Piece) -> Row:
    """FSRCBILLID is the plan row and FSRCROWID the bill."""
    link = "FRECEIVEBILLSRCENTRY_Link"
    return {
        "FSRCBILLTYPEID": RECEIVABLE.id,
        "FSRCBILLNO": piece.bill["FBillNo"],
        "FSRCBILLID": piece.row["FEntryID"],
        "FSRCROWID": piece.bill["FID"],
        "FAFTTAXTOTALAMOUNT": piece.bill["FALLAMOUNTFOR"],
        "FPLANRECAMOUNT": piece.row["FPAYAMOUNTFOR"],
        "FREALRECAMOUNT": piece.left,
        link: [
            {
                f"{link}_FRuleId": RULE,
                f"{link}_FSTableName": PLAN_TABLE,
                f"{link}_FSBillId": piece.bill["FID"],
                f"{link}_FSId": piece.row["FEntryID"],
            }
        ],
    }


def _receivable(pieces: Sequence[Piece], today: date) -> Row:
    bill = pieces[0].bill
    customer, currency = {"FNumber": bill["FCustomerID"]}, {"FNumber": bill["FSettleCurrID"]}
    organization = {"FNumber": bill["FSettleOrgID"] or bill["FSaleOrgId"]}
    return {
        "FBillTypeID": {"FNUMBER": "YSD01_SYS"},
        "FDATE": today.isoformat(),
        "FENDDATE_H": today.isoformat(),
        "FCUSTOMERID": customer,
        "FCURRENCYID": currency,
        "FSETTLEORGID": organization,
        "FPAYORGID": organization,
        "FSALEORGID": {"FNumber": bill["FSaleOrgId"]},
        "FISTAX": True,
        "FISPRICEEXCLUDETAX": True,
        "FBUSINESSTYPE": "BZ",
        "FSetAccountType": "1",
        "FsubHeadFinc": {
            "FACCNTTIMEJUDGETIME": today.isoformat(),
            "FMAINBOOKSTDCURRID": currency,
            "FEXCHANGETYPE": {"FNumber": "HLTX01_SYS"},
            "FExchangeRate": 1,
        },
        "FEntityDetail": [_line(piece) for piece in pieces],
    }


def _line(piece: Piece) -> Row:
    link = "FEntityDetail_Link"
    return {
        "FMATERIALID": {"FNumber": piece.row["FMaterialID"]},
        "FPRICEUNITID": {"FNumber": piece.row["FUnitID"]},
        "FPriceQty": piece.left,
        "FTaxPrice": piece.row["FTaxPrice"],
        "FEntryTaxRate": piece.row["FEntryTaxRate"],
        "FSOURCETYPE": DELIVERY.id,
        "FSourceBillNo": piece.bill["FBillNo"],
        link: [
            {
                f"{link}_FRuleId": DELIVERY_RULE,
                f"{link}_FSTableName": DELIVERY_TABLE,
                f"{link}_FSBillId": piece.bill["FID"],
                f"{link}_FSId": piece.row["FEntryID"],
            }
        ],
    }


RULES = (
    Rule(
        RULE,
        RECEIVABLE,
        RECEIPT,
        "FEntityPlan",
        "FPAYAMOUNTFOR",
        "FRELATEHADPAYAMOUNT_P",
        ("FCUSTOMERID", "FCURRENCYID", "FPAYORGID"),
        _receipt,
    ),
    Rule(
        DELIVERY_RULE,
        DELIVERY,
        RECEIVABLE,
        "FEntity",
        "FRealQty",
        "FARJoinQty",
        ("FCustomerID", "FSettleCurrID", "FSaleOrgId"),
        _receivable,
    ),
)
