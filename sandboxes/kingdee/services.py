"""DynamicFormService: each method takes a call and gives the body of its answer."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sandboxes.common import Books, Clock, Row
from sandboxes.kingdee.archive import Archive
from sandboxes.kingdee.attachments import Attachments
from sandboxes.kingdee.bills import Bills, flag, flags_of
from sandboxes.kingdee.envelope import Done, result, status
from sandboxes.kingdee.groups import Groups
from sandboxes.kingdee.metadata import Field, Form, Kind, typed
from sandboxes.kingdee.pushing import push
from sandboxes.kingdee.query import run_query
from sandboxes.kingdee.view import view
from sandboxes.kingdee.words import RefusedError, refuse, sent_before

Method = Callable[[Row], Any]
Saving = Callable[[Form, Row], Row]

STEPS = {"submit": "提交", "audit": "审核", "unaudit": "反审核", "cancelassign": "撤销"}
UNSUPPORTED = ("workflowaudit", "getsysreportdata", "flexsave", "disassembly")
"""Services of the product that no form has here."""
ASYNCHRONOUS = "beginqueryimpl"
FIELD_TYPES: dict[Kind, int] = {"text": 231, "int": 56, "decimal": 106, "date": 61, "bool": 175, "ref": 56}
ELEMENT_TYPES: dict[Kind, int] = {"text": 1, "int": 2, "decimal": 3, "date": 4, "bool": 5, "ref": 6}
"""Codes of the metadata. None is published: those of SQL Server, and a number for each kind."""


class Services:
    def __init__(self, archive: Archive, bills: Bills, books: Books, clock: Clock) -> None:
        self._archive = archive
        self._bills = bills
        self._books = books
        self._clock = clock

    def method(self, name: str) -> Method | None:
        if name in STEPS:
            return self._on_form(lambda form, data: self._step(form, data, STEPS[name]))
        files, groups = Attachments(self._archive, self._books), Groups(self._archive, self._books)
        plain: dict[str, Method] = {
            "save": self._on_form(self._once(self._save)),
            "batchsave": self._begin_or_do(self._on_form(self._once(self._batch_save))),
            "draft": self._on_form(self._draft),
            "delete": self._on_form(self._delete),
            "view": self._on_form(self._view),
            "push": self._on_form(self._push),
            "executebillquery": self._on_form(lambda form, data: run_query(self._archive, form, data)[1]),
            "billquery": self._on_form(self._bill_query),
            "querybusinessinfo": self._on_form(lambda form, _: result(status(), NeedReturnData=_info(form))),
            "excuteoperation": self._operate,
            "executeoperation": self._operate,
            "queryasyncresult": self._async_result,
            "attachmentupload": self._on_form(files.upload),
            "attachmentdownload": files.download,
            "groupsave": self._on_form(groups.save),
            "groupdelete": self._on_form(groups.delete),
            "querygroupinfo": self._on_form(groups.list),
            "allocate": self._on_form(groups.allocate),
            "cancelallocate": self._on_form(groups.cancel),
            "switchorg": groups.switch_organization,
        }
        return plain.get(name) or (self._on_form(_unsupported) if name in UNSUPPORTED else None)

    def _on_form(self, act: Callable[[Form, Row], Any]) -> Method:
        def run(call: Row) -> Any:
            data = call.get("data")
            return act(self._archive.form(call.get("formid")), data if isinstance(data, dict) else {})

        return run

    # --- saving --------------------------------------------------------------------------------------------

    def _once(self, save: Saving) -> Saving:
        """ValidateRepeatJson: what was saved is not saved from the same JSON again."""

        def act(form: Form, data: Row) -> Row:
            if not flag(data.get("validaterepeatjson"), default=False):
                return save(form, data)
            sent = self._books.table("_sent")
            model = json.dumps(data.get("model"), default=str)
            key = hashlib.sha256(f"{form.id} {model}".encode()).hexdigest()
            if key in sent:
                raise sent_before()
            reply = save(form, data)
            if reply["Result"]["ResponseStatus"]["IsSuccess"]:
                sent[key] = {}
            return reply

        return act

    def _save(self, form: Form, data: Row) -> Row:
        row = self._bills.save(form, data)
        key, number = row[form.key], row[form.number]
        returned = [_returned(form, row, _wanted(data))]
        return result(status([Done(key, number)]), Id=key, Number=number, NeedReturnData=returned)

    def _batch_save(self, form: Form, data: Row) -> Row:
        """What can be saved is saved; DIndex tells which."""
        models = data.get("model")
        if not isinstance(models, list) or not models:
            raise refuse("参数[Model]不能为空", code=8)
        done, refusals, returned = [], [], []
        for index, model in enumerate(models):
            try:
                row = self._bills.save(form, data | {"model": model})
            except RefusedError as error:
                refusals.append(error.at(index))
                continue
            done.append(Done(row[form.key], row[form.number], index))
            returned.append(_returned(form, row, _wanted(data)))
        return result(status(done, refused=_together(refusals)), NeedReturnData=returned)

    def _draft(self, form: Form, data: Row) -> Row:
        row = self._bills.save(form, data, draft=True)
        return result(status([Done(row[form.key], "")]), Id=row[form.key], Number="", NeedReturnData=[{}])

    def _push(self, form: Form, data: Row) -> Row:
        made = push(self._archive, self._bills, form, data, today=self._clock.china().date())
        return result(status(made), ConvertResponseStatus=status())

    # --- asynchronous calls --------------------------------------------------------------------------------

    def _begin_or_do(self, run: Method) -> Method:
        """With `beginmethod` the answer is a task; its result waits for QueryAsyncResult."""

        def begin(call: Row) -> Any:
            if str(call.get("beginmethod", "")).lower() != ASYNCHRONOUS:
                return run(call)
            key = str(uuid.uuid4())
            self._books.table("tasks")[key] = {"result": run(call)}
            return _task(key, 0, None)

        return begin

    def _async_result(self, call: Row) -> Row:
        asked = call.get("queryinfo")
        key = (json.loads(asked) if isinstance(asked, str) else asked or {}).get("TaskId", "")
        task = self._books.table("tasks").get(str(key))
        if task is None:
            raise refuse(f"任务[{key}]不存在", code=10)
        return _task(key, 2, task["result"])

    # --- states --------------------------------------------------------------------------------------------

    def _step(self, form: Form, data: Row, deed: str) -> Row:
        flags = flags_of(data)
        return self._each(form, data, lambda row: self._bills.step(form, row, deed, flags=flags), deed)

    def _delete(self, form: Form, data: Row) -> Row:
        return self._each(form, data, lambda row: self._bills.delete(form, row), "删除")

    def _operate(self, call: Row) -> Any:
        """ExcuteOperation, so spelled by the product: any operation by its name."""
        operation = str(call.get("opnumber") or "")
        if not operation:
            raise refuse("操作编码不能为空", code=3)

        def act(form: Form, data: Row) -> Row:
            if deed := STEPS.get(operation.lower()):
                return self._step(form, data, deed)
            return self._each(form, data, lambda row: self._bills.operate(form, row, operation), "")

        return self._on_form(act)(call)

    def _each(self, form: Form, data: Row, act: Callable[[Row], None], deed: str) -> Row:
        """One document's refusal does not stop the others."""
        done: list[Done] = []
        refusals: list[RefusedError] = []
        for index, found in enumerate(self._archive.named(form, data)):
            try:
                if isinstance(found, RefusedError):
                    raise found
                act(found)
            except RefusedError as error:
                refusals.append(error.at(index))
                continue
            number = found[form.number]
            said = f"单据编号为“{number}”的{form.title}，{deed}成功！" if deed == "审核" else ""
            done.append(Done(found[form.key], number, index, said))
        return result(status(done, refused=_together(refusals)))

    # --- reading -------------------------------------------------------------------------------------------

    def _view(self, form: Form, data: Row) -> Row:
        (found, *_) = self._archive.named(form, data)
        if isinstance(found, RefusedError):
            raise found
        return result(status(), Result=view(self._archive, form, found))

    def _bill_query(self, form: Form, data: Row) -> list[Row]:
        names, rows = run_query(self._archive, form, data)
        return [dict(zip(names, row, strict=True)) for row in rows]


def _unsupported(form: Form, _: Row) -> Row:
    raise refuse(f"{form.title}不支持此操作", code=12)


def _together(refusals: Sequence[RefusedError]) -> RefusedError | None:
    if not refusals:
        return None
    complaints = [each for refusal in refusals for each in refusal.complaints]
    return RefusedError(*complaints, code=refusals[0].code)


def _wanted(data: Row) -> list[str]:
    return [str(each) for each in data.get("needreturnfields") or ()]


def _returned(form: Form, row: Row, wanted: list[str]) -> Row:
    """NeedReturnFields: entry fields nest under the key of their entity."""
    found: Row = {}
    for name in wanted:
        head, _, below = name.partition(".")
        if entity := form.entity(head):
            lines: list[Row] = found.setdefault(entity.key, [{} for _ in row[entity.key]])
            for line, source in zip(lines, row[entity.key], strict=True):
                line[below] = typed(entity.fields.get(below.lower()), source.get(below))
        elif head in row:
            found[head] = typed(form.head.get(head.lower()), row[head])
    return found


def _task(key: str, state: int, found: object) -> Row:
    """0 pending, 1 running, 2 complete."""
    complete = state == 2
    return {
        "TaskId": key,
        "Status": state,
        "Result": found,
        "Cancelled": False,
        "IsFaulted": False,
        "FaultedException": None,
        "Successful": complete,
        "Message": "",
        "Progress": 100 if complete else 0,
        "ProgressDesc": "",
    }


def _info(form: Form) -> Row:
    """Metadata: how a client learns the fields of a form and the case of their names."""
    nested = frozenset[str]().union(*form.sub_heads.values())
    head = [field for key, field in form.head.items() if key not in nested]
    entries = [_entry("FBillHead", "单据头", head)]
    entries += [
        _entry(key, key, [form.head[each] for each in form.head if each in fields])
        for key, fields in form.sub_heads.items()
    ]
    entries += [_entry(each.key, each.key, each.fields.values()) for each in form.entities]
    return {"Id": form.id, "Name": _name(form.title), "Entrys": entries}


def _entry(key: str, title: str, fields: Iterable[Field]) -> Row:
    """Sub-heads and tables stand beside the head: only tables below a table have a parent."""
    return {"Key": key, "Name": _name(title), "ParentKey": None, "Fields": _fields(fields)}


def _fields(fields: Iterable[Field]) -> list[Row]:
    return [
        {
            "Key": each.key,
            "Name": _name(each.title),
            "MustInput": int(each.required),
            "FieldType": FIELD_TYPES[each.kind],
            "ElementType": ELEMENT_TYPES[each.kind],
            "LookUpObjectFormId": each.of or None,
            "Extends": None,
            "IsViewVisible": True,
        }
        for each in fields
    ]


def _name(text: str) -> list[Row]:
    return [{"Key": 2052, "Value": text}]
