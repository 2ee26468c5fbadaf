"""One neutral life cycle: every documented code of a signing service has its place, and no other has one."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from connector_kit import Reply
from connectors.esign import protocol as esign
from connectors.fadada import protocol as fadada
from connectors.fadada.wire import Detail
from connectors.tencent_ess import protocol as tencent
from connectors.tencent_ess.wire import FlowInfo
from domain.faults import Malformed, Rejected
from domain.records import SigningFlow
from domain.states import SigningState as S

NOT_ONE = "not a status"


def of_esign(flow: object, signers: tuple[object, ...] = (), **more: object) -> SigningFlow:
    data = {"signFlowStatus": flow, "signers": [{"signStatus": one} for one in signers]} | more
    return esign.read_detail("f1", Reply(200, {}, orjson.dumps({"code": 0, "data": data})))


def of_tencent(flow: object, signers: tuple[object, ...] = ()) -> SigningFlow:
    approvers = [{"ApproveStatus": one} for one in signers]
    info = {"FlowId": "f1", "FlowStatus": flow, "FlowApproverInfos": approvers}
    return tencent.to_flow(FlowInfo.model_validate(info))


def of_fadada(flow: object, signers: tuple[object, ...] = (), **more: object) -> SigningFlow:
    actors = [{"actorInfo": {"actorId": "1"}, "signStatus": one} | more for one in signers]
    return fadada.to_flow(
        Detail.model_validate({"signTaskId": "f1", "signTaskStatus": flow, "actors": actors})
    )


Read = Callable[..., SigningFlow]
FLOWS: dict[Read, dict[Any, S]] = {
    of_esign: {
        0: S.DRAFT,
        1: S.SIGNING,
        2: S.SIGNED,
        3: S.REVOKED,
        5: S.EXPIRED,
        7: S.DECLINED,
    },
    of_tencent: {
        0: S.DRAFT,
        1: S.SIGNING,
        2: S.PARTLY_SIGNED,
        3: S.DECLINED,
        4: S.SIGNED,
        5: S.EXPIRED,
        6: S.REVOKED,
        7: S.DRAFT,
        8: S.SIGNING,
        9: S.SIGNING,
        10: S.DECLINED,
        16: S.REVOKED,
        21: S.SIGNED,
    },
    of_fadada: {
        "task_created": S.DRAFT,
        "finish_creation": S.DRAFT,
        "fill_progress": S.SIGNING,
        "fill_completed": S.SIGNING,
        "sign_progress": S.SIGNING,
        "sign_completed": S.PARTLY_SIGNED,
        "task_finished": S.SIGNED,
        "task_terminated": S.REVOKED,
        "expired": S.EXPIRED,
        "abolishing": S.SIGNED,
        "revoked": S.SIGNED,
    },
}
INVENTED: dict[Read, list[Any]] = {
    of_esign: [4, 6, 8, -1, 99],
    of_tencent: [11, 15, 17, 20, 22, -1, 99],
    of_fadada: ["", "finished", "SIGN_PROGRESS", "abolished", NOT_ONE],
}
SIGNERS: dict[Read, tuple[Any, list[Any], list[Any]]] = {
    of_esign: (1, [0, 1, 2, 3, 4], [5, 9, -1]),
    of_tencent: (1, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 19], [11, 14, 20, -1]),
    of_fadada: ("sign_progress", [None, "", "wait_sign", "signed", "sign_rejected"], ["refused", NOT_ONE]),
}


@pytest.mark.parametrize("read", FLOWS)
def test_the_table_is_what_the_vendor_documents(read: Read) -> None:
    assert {code: read(code).state for code in FLOWS[read]} == FLOWS[read]
    known = {of_esign: esign, of_tencent: tencent, of_fadada: fadada}[read]
    assert known.STATES.keys() == FLOWS[read].keys()


@pytest.mark.parametrize(("read", "code"), [(read, code) for read in INVENTED for code in INVENTED[read]])
def test_any_other_code_is_a_fault_with_its_evidence(read: Read, code: object) -> None:
    with pytest.raises(Malformed) as caught:
        read(code)
    assert caught.value.body


@pytest.mark.parametrize("read", SIGNERS)
def test_the_signers_codes_too(read: Read) -> None:
    flow, known, others = SIGNERS[read]
    for code in known:
        assert read(flow, (code,)).parties <= 1
    for code in others:
        with pytest.raises(Malformed):
            read(flow, (known[1], code))


def test_and_what_stands_beside_them() -> None:
    for rescission in (None, 0, 1, 2, 3):
        assert of_esign(2, (2,), rescissionStatus=rescission).state == S.SIGNED
    with pytest.raises(Malformed):
        of_esign(2, (2,), rescissionStatus=4)
    for filling in (None, "wait_fill", "filled", "fill_rejected"):
        of_fadada("fill_progress", ("",), fillStatus=filling)
    with pytest.raises(Malformed):
        of_fadada("fill_progress", ("",), fillStatus=NOT_ONE)


def esign_report(status: str) -> str | None:
    data = {"recordNum": "1", "status": status, "downloadUrl": "https://example.com/1.zip", "failReason": "x"}
    return esign.read_report_link(Reply(200, {}, orjson.dumps({"code": 0, "data": data})))


def tencent_report(status: str) -> str | None:
    body = {"Response": {"Status": status, "ReportUrl": "https://example.com/1.pdf", "RequestId": "1"}}
    return tencent.read_report_link(Reply(200, {}, orjson.dumps(body)))


@pytest.mark.parametrize(
    ("read", "waits", "ready", "failed"),
    [
        (esign_report, "ACCEPTED", "ISSUE_SUCCESS", "ISSUE_FAILED"),
        (
            tencent_report,
            "EvidenceStatusExecuting",
            "EvidenceStatusSuccess",
            "EvidenceStatusFailed",
        ),
    ],
)
def test_a_reports_status_is_known_or_a_fault(
    read: Callable[[str], str | None], waits: str, ready: str, failed: str
) -> None:
    assert read(waits) is None
    assert read(ready)
    with pytest.raises(Rejected):
        read(failed)
    for other in ("", NOT_ONE, ready.lower()):
        with pytest.raises(Malformed):
            read(other)


@pytest.mark.parametrize("read", [esign.read_report, fadada.read_report])
def test_a_report_is_a_whole_zip_or_a_fault(read: Callable[[Reply], bytes | None]) -> None:
    assert read(Reply(403, {}, b"<Error/>")) is None
    for body in (b"", b"PK\x03\x04 cut", b"<html/>"):
        with pytest.raises(Malformed):
            read(Reply(200, {}, body))
