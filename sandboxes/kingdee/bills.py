"""Saving, and the life of a document: Z draft, A created, B in review, C audited, D in review again."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from sandboxes.common import Clock, Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.forms import RECEIPT, RECEIVABLE
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.relations import Relations, has_receipts, has_receivables
from sandboxes.kingdee.sales import DELIVERY
from sandboxes.kingdee.saving import Draft, blank
from sandboxes.kingdee.stock import NEGATIVE_STOCK, Stock
from sandboxes.kingdee.totals import compute, referred_by
from sandboxes.kingdee.words import RefusedError, number_used, period_closed, refuse

EDITABLE = frozenset("ZAD")
VOID = "B"

# operation -> (states it starts from, the state it leads to, the refusal in the product's words)
STEPS: dict[str, tuple[frozenset[str], str, str]] = {
    "提交": (EDITABLE, "B", "只有暂存、创建和重新审核的数据才允许提交！"),
    "审核": (frozenset("B"), "C", "只有审核中的数据才允许审核！"),
    "反审核": (frozenset("C"), "D", "只有已审核的数据才允许反审核！"),
    "撤销": (frozenset("B"), "D", "只有审核中的数据才允许撤销！"),
}


# operation number -> (field, what it must be, what it becomes, title)
OPERATIONS = {
    "cancel": ("FCancelStatus", "A", VOID, "作废"),
    "uncancel": ("FCancelStatus", VOID, "A", "反作废"),
    "forbid": ("FForbidStatus", "A", "B", "禁用"),
    "enable": ("FForbidStatus", "B", "A", "反禁用"),
}


class Bills:
    def __init__(self, archive: Archive, clock: Clock, is_closed: Callable[[str], bool]) -> None:
        self._archive = archive
        self._clock = clock
        self._is_closed = is_closed
        self.user = ""
        """Who works; nobody, when an accountant acts by hand."""

    def save(self, form: Form, data: Row, *, draft: bool = False) -> Row:
        """The saved document. Nothing is written when anything is refused."""
        if form.read_only:
            raise refuse(f"{form.title}不支持此操作", code=12)
        model = data.get("model")
        if not isinstance(model, dict):
            raise refuse("参数[Model]不能为空", code=8)
        old = self._existing(form, model)
        if draft and old and old[form.status] != "Z":
            raise self._not_now(form, old, "只有暂存的数据才允许再次暂存！")
        row = deepcopy(old) if old else blank(form, self._archive.next_id(form))
        work = Draft(
            form,
            row,
            self._archive,
            verify=flag(data.get("isverifybasedatafield"), default=False),
            only=frozenset(str(key).lower() for key in data.get("needupdatefields") or ())
            if old
            else frozenset(),
        )
        work.read_model(model, delete_entries=flag(data.get("isdeleteentry"), default=True))
        if not draft:
            self._complete(work, model)
        self._finish(form, old, row, draft=draft)
        if not draft and flag(data.get("isautosubmitandaudit"), default=False):
            self.step(form, deepcopy(row), "提交")
            self.step(form, self._must(form, row), "审核", flags=flags_of(data))
        return self._must(form, row)

    def step(self, form: Form, row: Row, deed: str, *, flags: frozenset[str] = frozenset()) -> None:
        """Submit, audit, un-audit or recall a copy of a document, then put it back.

        `flags`: the questions that the caller has answered with yes (InterationFlags).
        """
        allowed, after, refusal = STEPS[deed]
        if row.get("FCancelStatus") == VOID:
            raise self._not_now(form, row, f"单据已作废，不允许{deed}！")
        if row[form.status] not in allowed:
            raise self._not_now(
                form, row, "单据已经审核！" if (deed, row[form.status]) == ("审核", "C") else refusal
            )
        if deed != "提交":
            self._check_period(row, deed)
        relations, stock = Relations(self._archive), Stock(self._archive)
        if form is RECEIPT and deed in ("审核", "反审核"):
            relations.write_off(row, back=deed == "反审核")
        if form is DELIVERY and deed in ("审核", "反审核"):
            stock.move(row, back=deed == "反审核", confirmed=NEGATIVE_STOCK in flags)
        if form is RECEIVABLE and deed == "反审核" and has_receipts(row):
            raise self._not_now(form, row, "已有下游收款单或核销记录，不允许反审核！")
        if form is DELIVERY and deed == "反审核" and has_receivables(row):
            raise self._not_now(form, row, "已有下游应收单，不允许反审核！")
        row[form.status] = after
        row["FAPPROVEDATE"], row["FAPPROVERID"] = (self._now(), self.user) if after == "C" else ("", "")
        self._put(form, row)
        relations.store()
        stock.store()

    def operate(self, form: Form, row: Row, operation: str) -> None:
        """Void a bill or take that back, disable base data or enable it."""
        field, before, after, title = OPERATIONS.get(operation.lower(), ("", "", "", ""))
        if field not in row:
            raise refuse(f"{form.title}不支持操作[{operation}]", code=12)
        fitting = EDITABLE if field == "FCancelStatus" else frozenset("C")
        if row[field] != before or row[form.status] not in fitting:
            raise self._not_now(form, row, f"当前状态不允许{title}！")
        relations = Relations(self._archive)
        if form is RECEIPT and row[form.status] != "Z":
            relations.relate(*((row, None) if after == VOID else (None, row)))
        row[field] = after
        self._put(form, row)
        relations.store()

    def delete(self, form: Form, row: Row) -> None:
        if row[form.status] not in EDITABLE:
            raise self._not_now(form, row, "只有暂存、创建和重新审核的数据才允许删除！")
        self._check_period(row, "删除")
        if complaint := referred_by(self._archive, form, row[form.number]):
            raise RefusedError(complaint)
        relations = Relations(self._archive)
        if form is RECEIPT:
            relations.relate(_counted(form, row), None)
        elif form is RECEIVABLE:
            relations.join(_counted(form, row), None)
        self._archive.remove(form, row)
        relations.store()

    def _existing(self, form: Form, model: Row) -> Row | None:
        key = next((value for name, value in model.items() if name.lower() == form.key.lower()), 0)
        if str(key or 0) == "0":
            return None
        old = self._archive.get(form, key)
        if old is None:
            raise refuse(f"{form.title}[{key}]不存在", code=10)
        if old[form.status] not in EDITABLE:
            raise self._not_now(form, old, "只有暂存、创建和重新审核的数据才允许保存！")
        if old.get("FCancelStatus") == VOID:
            raise self._not_now(form, old, "单据已作废，不允许保存！")
        return old

    def _complete(self, work: Draft, model: Row) -> None:
        work.check_required()
        if work.complaints:
            raise RefusedError(*work.complaints)
        work.add_default_rows()
        compute(work.form, work.row, model)
        self._check_period(work.row, "保存")
        self._number(work.form, work.row)
        if work.row[work.form.status] == "Z":
            work.row[work.form.status] = "A"

    def _number(self, form: Form, row: Row) -> None:
        row[form.number] = row[form.number] or self._archive.next_bill_number(form)
        other = self._archive.by_number(form, row[form.number])
        if other and other[form.key] != row[form.key]:
            raise number_used(form.number, row[form.number])

    def _finish(self, form: Form, old: Row | None, row: Row, *, draft: bool) -> None:
        relations = Relations(self._archive)
        if draft:
            row[form.number] = old[form.number] if old else ""
        elif form is RECEIPT:
            relations.relate(_counted(form, old), row)
        elif form is RECEIVABLE:
            relations.join(_counted(form, old), row)
        if not old:
            row["FCREATEDATE"], row["FCREATORID"] = self._now(), self.user
        self._put(form, row)
        relations.store()

    def _put(self, form: Form, row: Row) -> None:
        row["FMODIFYDATE"], row["FMODIFIERID"] = self._now(), self.user
        self._archive.put(form, row)

    def _must(self, form: Form, row: Row) -> Row:
        return deepcopy(self._archive.get(form, row[form.key]) or row)

    def _check_period(self, row: Row, deed: str) -> None:
        day = str(row.get("FDATE") or row.get("FDate") or "")
        if day and self._is_closed(day[:7]):
            raise period_closed(day, deed)

    def _not_now(self, form: Form, row: Row, refusal: str) -> RefusedError:
        return refuse(f"单据编号为“{row[form.number]}”的{form.title}，{refusal}")

    def _now(self) -> str:
        return self._clock.china().replace(tzinfo=None, microsecond=0).isoformat()


def _counted(form: Form, old: Row | None) -> Row | None:
    """A draft took nothing up, and a void bill gave it back."""
    return old if old and old[form.status] != "Z" and old.get("FCancelStatus") != VOID else None


def flags_of(data: Row) -> frozenset[str]:
    return frozenset(each.strip() for each in str(data.get("interationflags") or "").split(";"))


def flag(value: Any, *, default: bool) -> bool:
    return default if value in (None, "") else str(value).lower() == "true"
