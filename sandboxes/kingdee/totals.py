"""What the server computes when a bill is saved."""

from decimal import ROUND_HALF_UP, Decimal

from sandboxes.common import Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.forms import CUSTOMER, MATERIAL, RECEIPT, RECEIVABLE
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.sales import DELIVERY, SALE_ORDER
from sandboxes.kingdee.saving import amount
from sandboxes.kingdee.words import Complaint, RefusedError, refuse, required

CENT = Decimal("0.01")
BANK_SETTLEMENT = "JSFS04_SYS"
SALE_TOTALS = {"FBillAllAmount": "FAllAmount", "FBillAmount": "FAmount", "FBillTaxAmount": "FEntryTaxAmount"}
CUSTOMER_FIELDS = ("FCUSTOMERID", "FCONTACTUNIT", "FCustId", "FCustomerID")


def compute(form: Form, row: Row, model: Row) -> None:
    """Completes a document; refuses one that does not add up."""
    if form is RECEIVABLE:
        _receivable(row, taxed=_finance_comes_first(model))
    elif form is RECEIPT:
        _receipt(row)
    elif form in (SALE_ORDER, DELIVERY):
        _sale(form, row)
    elif form in (CUSTOMER, MATERIAL) and not row["FUseOrgId"]:
        row["FUseOrgId"] = row["FCreateOrgId"]


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def status_of(part: Decimal, whole: Decimal) -> str:
    """A not, B partly, C fully written off."""
    if part == 0:
        return "A"
    return "C" if part >= whole else "B"


def _finance_comes_first(model: Row) -> bool:
    """Later fields overwrite earlier ones: entries before the finance sub-head lose their tax."""
    keys = [key.lower() for key in model]
    if "fsubheadfinc" not in keys or "fentitydetail" not in keys:
        return True
    return keys.index("fsubheadfinc") < keys.index("fentitydetail")


def _receivable(row: Row, *, taxed: bool) -> None:
    if not row["FEntityDetail"]:
        raise refuse("单据体[明细]至少需要一行数据", field="FEntityDetail")
    for line in row["FEntityDetail"]:
        _line(line, with_tax=row["FISTAX"] is True, taxed=taxed)
    lines = row["FEntityDetail"]
    total = sum((amount(line, "FALLAMOUNTFOR_D") for line in lines), Decimal())
    net = sum((amount(line, "FNoTaxAmountFor_D") for line in lines), Decimal())
    row |= {"FALLAMOUNTFOR": str(total), "FNOTAXAMOUNTFOR": str(net), "FTaxAmountFor": str(total - net)}
    for plan in row["FEntityPlan"]:
        if plan["FPAYAMOUNTFOR"] == "":  # the row that the server adds where none was sent
            plan |= {"FPAYAMOUNTFOR": str(total), "FPAYRATE": "100", "FENDDATE": row["FENDDATE_H"]}
        plan.update((key, plan[key] or "0") for key in ("FWRITTENOFFAMOUNTFOR_P", "FRELATEHADPAYAMOUNT_P"))
    planned = sum((amount(plan, "FPAYAMOUNTFOR") for plan in row["FEntityPlan"]), Decimal())
    if planned != total:
        raise refuse(f"收款计划应收金额合计[{planned}]与价税合计[{total}]不相等", field="FPAYAMOUNTFOR")
    row["FOPENSTATUS"] = row["FOPENSTATUS"] or "A"
    sum_up_receivable(row)


def _line(line: Row, *, with_tax: bool, taxed: bool) -> None:
    if not line["FMATERIALID"] and not line["FCOSTID"]:
        raise RefusedError(required("物料编码", "FMATERIALID"))
    if line["FMATERIALID"] and not line["FPRICEUNITID"]:
        raise RefusedError(required("计价单位", "FPRICEUNITID"))
    rate = amount(line, "FEntryTaxRate") / 100 if taxed else Decimal()
    quantity = amount(line, "FPriceQty") * (1 - amount(line, "FEntryDiscountRate") / 100)
    gross, net = _priced(line, quantity, rate, with_tax=with_tax)
    line |= {
        "FALLAMOUNTFOR_D": str(gross),
        "FNoTaxAmountFor_D": str(net),
        "FTAXAMOUNTFOR_D": str(gross - net),
    }


def _priced(line: Row, quantity: Decimal, rate: Decimal, *, with_tax: bool) -> tuple[Decimal, Decimal]:
    """Gross and net of a line; fills in the price that was not sent."""
    if with_tax:
        gross = cents(quantity * amount(line, "FTaxPrice"))
        line["FPrice"] = str((amount(line, "FTaxPrice") / (1 + rate)).quantize(Decimal("0.000001")))
        return gross, cents(gross / (1 + rate))
    net = cents(quantity * amount(line, "FPrice"))
    line["FTaxPrice"] = str((amount(line, "FPrice") * (1 + rate)).quantize(Decimal("0.000001")))
    return net + cents(net * rate), net


def _sale(form: Form, row: Row) -> None:
    """Orders and deliveries: the price with tax counts where one was sent."""
    lines, quantity = row[form.entities[0].key], "FQty" if form is SALE_ORDER else "FRealQty"
    if not lines:
        raise refuse("单据体[明细信息]至少需要一行数据", field=form.entities[0].key)
    for line in lines:
        if amount(line, quantity) <= 0:
            raise refuse("数量必须大于零", field=quantity)
        rate, with_tax = amount(line, "FEntryTaxRate") / 100, bool(line["FTaxPrice"])
        gross, net = _priced(line, amount(line, quantity), rate, with_tax=with_tax)
        line |= {"FAllAmount": str(gross), "FAmount": str(net), "FEntryTaxAmount": str(gross - net)}
    for total, part in SALE_TOTALS.items():
        row[total] = str(sum((amount(line, part) for line in lines), Decimal()))


def sum_up_receivable(row: Row) -> None:
    """Write-off and relation of the head from its plan rows."""
    plans = row["FEntityPlan"]
    for plan in plans:
        plan["FWRITTENOFFSTATUS_P"] = status_of(
            amount(plan, "FWRITTENOFFAMOUNTFOR_P"), amount(plan, "FPAYAMOUNTFOR")
        )
    written = sum((amount(plan, "FWRITTENOFFAMOUNTFOR_P") for plan in plans), Decimal())
    related = sum((amount(plan, "FRELATEHADPAYAMOUNT_P") for plan in plans), Decimal())
    row["FWRITTENOFFSTATUS"] = status_of(written, amount(row, "FALLAMOUNTFOR"))
    row["FRELATEHADPAYAMOUNT"] = str(related)


def _receipt(row: Row) -> None:
    entries = row["FRECEIVEBILLENTRY"]
    if not entries:
        raise refuse("单据体[收款单明细]至少需要一行数据", field="FRECEIVEBILLENTRY")
    for entry in entries:
        _received(entry)
    head = {
        "FRECEIVEAMOUNTFOR_H": "FRECTOTALAMOUNTFOR",
        "FRECAMOUNTFOR": "FRECAMOUNTFOR_E",
        "FREALRECAMOUNTFOR": "FREALRECAMOUNTFOR_D",
    }
    for total, part in head.items():
        row[total] = str(sum((amount(entry, part) for entry in entries), Decimal()))
    row["FWRITTENOFFSTATUS"] = row["FWRITTENOFFSTATUS"] or "A"
    linked = sum((amount(source, "FREALRECAMOUNT") for source in row["FRECEIVEBILLSRCENTRY"]), Decimal())
    if linked > amount(row, "FRECAMOUNTFOR"):
        raise refuse(
            f"源单明细本次收款金额合计[{linked}]大于收款金额[{row['FRECAMOUNTFOR']}]", field="FREALRECAMOUNT"
        )


def _received(entry: Row) -> None:
    received = amount(entry, "FRECAMOUNTFOR_E")
    if received <= 0:
        raise refuse("收款金额必须大于零", field="FRECAMOUNTFOR_E")
    if entry["FSETTLETYPEID"] == BANK_SETTLEMENT and not entry["FACCOUNTID"]:
        raise RefusedError(required("我方银行账号", "FACCOUNTID"))
    entry["FRECTOTALAMOUNTFOR"] = entry["FRECTOTALAMOUNTFOR"] or str(received)
    entry["FREALRECAMOUNTFOR_D"] = str(received - amount(entry, "FHANDLINGCHARGEFOR"))


def referred_by(archive: Archive, form: Form, number: str) -> Complaint | None:
    """Base data that a bill refers to cannot be deleted."""
    for bill in (RECEIVABLE, RECEIPT, SALE_ORDER, DELIVERY) if form is CUSTOMER else ():
        for row in archive.rows(bill):
            if any(row.get(key) == number for key in CUSTOMER_FIELDS):
                return Complaint(
                    f"{form.title}[{number}]已被{bill.title}[{row[bill.number]}]引用，不能删除！"
                )
    return None
