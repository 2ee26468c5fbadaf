"""Pure: several documents in one call, drafts, conversion, one seen whole, what the site tells of itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from connector_kit import Operation, Reply, Request
from connectors.kingdee import envelope
from connectors.kingdee.errors import fault_from
from connectors.kingdee.protocol import SAVE_OPTIONS, Saved
from connectors.kingdee.settings import KingdeeSettings
from connectors.kingdee.wire import (
    Answer,
    ConvertRow,
    DataCenter,
    FormInfo,
    InfoAnswer,
    PushAnswer,
    ResponseStatus,
    ViewAnswer,
)
from domain.faults import Fault, Rejected, SessionExpired, UnknownOutcome

ACCOUNTS = "Kingdee.BOS.ServiceFacade.ServicesStub.Account."


def build_batch_save(
    settings: KingdeeSettings, session: str, form: str, models: Sequence[Mapping[str, object]]
) -> Request:
    """Keyed as long as every model brings its own number."""
    operation = Operation(f"{form}.BatchSave", "keyed_write")
    body = {"formid": form, "data": SAVE_OPTIONS | {"Model": models}}
    return envelope.request(settings, operation, "DynamicFormService.BatchSave", body, session=session)


def read_batch_save(reply: Reply, count: int) -> list[Saved | Fault]:
    """What became of each model, in their order. Those that were saved stay saved when others are refused.

    Raises what concerns the call as a whole: a lost session, no permission, an answer that says nothing.
    """
    body = envelope.parsed(reply, write=True)
    status = envelope.typed(Answer, body, reply, write=True).Result.ResponseStatus
    if not status.IsSuccess and not status.SuccessEntitys:
        _raise_unless_about_documents(status)
    return [_outcome(status, index) for index in range(count)]


def build_draft(settings: KingdeeSettings, session: str, form: str, model: Mapping[str, object]) -> Request:
    """A draft has no number, so a second one is a second draft."""
    operation = Operation(f"{form}.Draft", "blind_write")
    body = {"formid": form, "data": {"Model": model}}
    return envelope.request(settings, operation, "DynamicFormService.Draft", body, session=session)


def build_push(
    settings: KingdeeSettings,
    session: str,
    form: str,
    target: str,
    *,
    rule: str,
    ids: Sequence[str] = (),
    entry_ids: Sequence[str] = (),
) -> Request:
    """Converts whole documents (`ids`) or some of their rows (`entry_ids`). The server chooses the number."""
    data = {
        "Ids": "" if entry_ids else ",".join(ids),
        "Numbers": [],
        "EntryIds": ",".join(entry_ids),
        "RuleId": rule,
        "TargetFormId": target,
        "IsEnableDefaultRule": "false",
        "IsDraftWhenSaveFail": "false",
    }
    operation = Operation(f"{form}.Push", "blind_write")
    body = {"formid": form, "data": data}
    return envelope.request(settings, operation, "DynamicFormService.Push", body, session=session)


def read_push(reply: Reply) -> list[Saved]:
    """The documents made. Both the conversion and the saving must have gone well."""
    body = envelope.parsed(reply, write=True)
    status = envelope.accepted(body, reply, write=True)
    converted = envelope.typed(PushAnswer, body, reply, write=True).Result.ConvertResponseStatus
    if isinstance(converted, ResponseStatus) and not converted.IsSuccess:
        raise envelope.fault_in(converted, converted.Errors, write=True)
    if isinstance(converted, tuple):
        _check_rows(converted)
    if not status.SuccessEntitys:
        raise UnknownOutcome("金蝶说下推成功，却没有给出单据")
    return [Saved(each.Id, each.Number) for each in status.SuccessEntitys]


def build_view(settings: KingdeeSettings, session: str, form: str, vendor_id: str) -> Request:
    operation = Operation(f"{form}.View", "read")
    body = {"formid": form, "data": {"Id": vendor_id}}
    return envelope.request(settings, operation, "DynamicFormService.View", body, session=session)


def read_view(reply: Reply) -> dict[str, Any]:
    """The whole document, to be looked at: its names differ by site, so nothing is decided by them.

    Some servers answer a lost session with an empty object.
    """
    body = envelope.parsed(reply, write=False)
    envelope.accepted(body, reply, write=False)
    found = envelope.typed(ViewAnswer, body, reply, write=False).Result.Result
    if not found:
        raise SessionExpired("金蝶的回答是空的，会话可能已失效 (empty answer)")
    return found


def build_data_centers(settings: KingdeeSettings) -> Request:
    """Needs no login: what an administrator asks to learn the acct_id."""
    operation, service = Operation("GetDataCenterList", "read"), "AccountService.GetDataCenterList"
    return envelope.request(settings, operation, service, {}, session="", under=ACCOUNTS)


def read_data_centers(reply: Reply) -> list[DataCenter]:
    body = envelope.parsed(reply, write=False)
    if not isinstance(body, list):
        raise envelope.unreadable(reply, "不是列表", write=False)
    return [envelope.typed(DataCenter, row, reply, write=False) for row in body]


def build_form_info(settings: KingdeeSettings, session: str, form: str) -> Request:
    operation = Operation(f"{form}.QueryBusinessInfo", "read")
    body = {"data": {"FormId": form}}
    return envelope.request(
        settings, operation, "DynamicFormService.QueryBusinessInfo", body, session=session
    )


def read_form_info(reply: Reply) -> FormInfo:
    body = envelope.parsed(reply, write=False)
    envelope.accepted(body, reply, write=False)
    return envelope.typed(InfoAnswer, body, reply, write=False).Result.NeedReturnData


def _raise_unless_about_documents(status: ResponseStatus) -> None:
    fault = envelope.fault_in(status, status.Errors, write=True)
    if not isinstance(fault, Rejected):
        raise fault


def _outcome(status: ResponseStatus, index: int) -> Saved | Fault:
    for saved in status.SuccessEntitys:
        if saved.DIndex == index:
            return Saved(saved.Id, saved.Number)
    if complaints := [each for each in status.Errors if each.DIndex == index]:
        return envelope.fault_in(status, complaints, write=True)
    return UnknownOutcome(f"金蝶的回答没有说第 {index + 1} 张单据的结果")


def _check_rows(rows: Sequence[ConvertRow]) -> None:
    refused = [row.Message for row in rows if not row.IsSuccess]
    if refused:
        raise fault_from(0, refused, [], write=True)
