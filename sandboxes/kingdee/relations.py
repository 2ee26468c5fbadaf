"""What a document takes up of the ones it came from.

Receipts of plan rows of receivables: taken up when saved, written off when audited. Receivables of rows of
deliveries: taken up when saved.
"""

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal

from sandboxes.common import Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.forms import RECEIVABLE
from sandboxes.kingdee.sales import DELIVERY
from sandboxes.kingdee.saving import amount
from sandboxes.kingdee.totals import status_of, sum_up_receivable
from sandboxes.kingdee.words import refuse

RULE = "AR_recableToRecBill"
PLAN_TABLE = "t_AR_receivablePlan"
DELIVERY_RULE = "AR_OutStockToReceivableMap"
DELIVERY_TABLE = "T_SAL_OUTSTOCKENTRY"


def sources(receipt: Row | None) -> Iterator[tuple[str, str, Decimal]]:
    """(receivable id, plan row id, amount). Only a row with a link writes off; a mere reference does not."""
    for source in (receipt or {}).get("FRECEIVEBILLSRCENTRY", ()):
        for bill, row in _links(source, RULE, PLAN_TABLE):
            yield bill, row, amount(source, "FREALRECAMOUNT")


def deliveries(receivable: Row | None) -> Iterator[tuple[str, str, Decimal]]:
    """(delivery id, row id, quantity)."""
    for line in (receivable or {}).get("FEntityDetail", ()):
        for bill, row in _links(line, DELIVERY_RULE, DELIVERY_TABLE):
            yield bill, row, amount(line, "FPriceQty")


def _links(row: Row, rule: str, table: str) -> Iterator[tuple[str, str]]:
    for link in row.get("links", ()):
        if link.get("fruleid") == rule and link.get("fstablename", "").lower() == table.lower():
            yield link.get("fsbillid", ""), link.get("fsid", "")


class Relations:
    """Collects changed sources and writes them only when everything was allowed."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._changed: dict[str, Row] = {}
        self._delivered: dict[str, Row] = {}

    def store(self) -> None:
        for row in self._delivered.values():
            self._archive.put(DELIVERY, row)
        for row in self._changed.values():
            sum_up_receivable(row)
            self._archive.put(RECEIVABLE, row)

    def relate(self, old: Row | None, new: Row | None) -> None:
        """A receipt was saved, changed or deleted: what its rows take up of the receivables."""
        for bill, plan_id, part in sources(old):
            _add(self._plan(bill, plan_id), "FRELATEHADPAYAMOUNT_P", -part)
        for bill, plan_id, part in sources(new):
            plan = self._plan(bill, plan_id)
            self._check(self._changed[bill], new or {})
            free = amount(plan, "FPAYAMOUNTFOR") - amount(plan, "FRELATEHADPAYAMOUNT_P")
            if part <= 0 or part > free:
                number = self._changed[bill]["FBillNo"]
                raise refuse(
                    f"应收单[{number}]的本次收款金额[{part}]超过未关联金额[{free}]", field="FREALRECAMOUNT"
                )
            _add(plan, "FRELATEHADPAYAMOUNT_P", part)

    def join(self, old: Row | None, new: Row | None) -> None:
        """A receivable was saved, changed or deleted: what its lines take up of deliveries."""
        for bill, row_id, part in deliveries(old):
            _add(self._delivery_row(bill, row_id), "FARJoinQty", -part)
        for bill, row_id, part in deliveries(new):
            row = self._delivery_row(bill, row_id)
            free = amount(row, "FRealQty") - amount(row, "FARJoinQty")
            if self._delivered[bill]["FDocumentStatus"] != "C":
                raise refuse(
                    f"源单销售出库单[{self._delivered[bill]['FBillNo']}]未审核", field="FSourceBillNo"
                )
            if part > free:
                raise refuse(f"计价数量[{part}]超过源单未关联数量[{free}]", field="FPriceQty")
            _add(row, "FARJoinQty", part)

    def write_off(self, receipt: Row, *, back: bool = False) -> None:
        total = Decimal()
        for bill, plan_id, part in sources(receipt):
            plan = self._plan(bill, plan_id)
            written = amount(plan, "FWRITTENOFFAMOUNTFOR_P") + (-part if back else part)
            if not 0 <= written <= amount(plan, "FPAYAMOUNTFOR"):
                raise refuse(f"应收单[{self._changed[bill]['FBillNo']}]的核销金额超过应收金额")
            plan["FWRITTENOFFAMOUNTFOR_P"] = str(written)
            total += part
        whole = amount(receipt, "FRECAMOUNTFOR")
        receipt["FWRITTENOFFSTATUS"] = "A" if back else status_of(total, whole)

    def _plan(self, bill: str, plan_id: str) -> Row:
        if bill not in self._changed and (found := self._archive.get(RECEIVABLE, bill)):
            self._changed[bill] = deepcopy(found)
        for plan in self._changed.get(bill, {}).get("FEntityPlan", ()):
            if str(plan["FEntryID"]) == plan_id:
                return plan  # type: ignore[no-any-return]
        raise refuse(f"源单[{bill}]的收款计划行[{plan_id}]不存在", field="FSRCBILLID")

    def _delivery_row(self, bill: str, row_id: str) -> Row:
        if bill not in self._delivered and (found := self._archive.get(DELIVERY, bill)):
            self._delivered[bill] = deepcopy(found)
        for row in self._delivered.get(bill, {}).get("FEntity", ()):
            if str(row["FEntryID"]) == row_id:
                return row  # type: ignore[no-any-return]
        raise refuse(f"源单[{bill}]的明细行[{row_id}]不存在", field="FSourceBillNo")

    @staticmethod
    def _check(receivable: Row, receipt: Row) -> None:
        if receivable["FDOCUMENTSTATUS"] != "C":
            raise refuse(f"源单应收单[{receivable['FBillNo']}]未审核", field="FSRCBILLNO")
        if receivable["FCUSTOMERID"] != receipt["FCONTACTUNIT"]:
            raise refuse(f"往来单位与应收单[{receivable['FBillNo']}]的客户不一致", field="FCONTACTUNIT")
        if receivable["FCURRENCYID"] != receipt["FCURRENCYID"]:
            raise refuse(f"币别与应收单[{receivable['FBillNo']}]不一致", field="FCURRENCYID")


def has_receipts(receivable: Row) -> bool:
    return amount(receivable, "FRELATEHADPAYAMOUNT") > 0


def has_receivables(delivery: Row) -> bool:
    return any(amount(row, "FARJoinQty") > 0 for row in delivery["FEntity"])


def _add(plan: Row, key: str, part: Decimal) -> None:
    plan[key] = str(amount(plan, key) + part)
