"""Bytes in, values out: signatures, bodies, replies, codes and callbacks, by tables."""

import base64
import hashlib
import hmac
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_kit import Operation, Reply
from connectors.tencent_ess import CONNECTOR, protocol
from connectors.tencent_ess.errors import DETAILS, FAMILIES, fault_from
from connectors.tencent_ess.hooks import TencentEssHooks, decrypt
from connectors.tencent_ess.settings import TencentEssSettings
from connectors.tencent_ess.wire import FlowInfo
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from domain.ports import HookRefused, HookRequest, SigningHint
from domain.states import SigningState
from sandboxes.tencent_ess.notices import encrypt

SAMPLES = Path(__file__).parent / "samples"
FLOW = "yDxExampleFlowId0000000000000001"
NOW = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)
KEY = "0123456789ABCDEF0123456789ABCDEF"
TOKEN = "exampleCallbackToken01"
READ, WRITE = Operation("look", "read"), Operation("act", "blind_write")
ACCOUNT = protocol.Account(
    base_url="https://ess.tencentcloudapi.com",
    upload_url="https://file.ess.tencent.cn",
    secret_id="AKIDexampleMadeUp0000000000000000000",
    secret_key="exampleSecretKeyMadeUp0000000000",
    operator_id="yDxExampleOperatorId",
)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def answered(**data: Any) -> Reply:
    return reply({"Response": data | {"RequestId": "r"}})


# -- signature and requests ---------------------------------------------------------------------------


def test_the_worked_signature() -> None:
    body = (
        b'{"Operator": {"UserId": "yDxExampleOperatorId"}, "FlowIds": ["yDxExampleFlowId0000000000000001"]}'
    )
    assert int(NOW.timestamp()) == 1760000000
    assert protocol.authorization(ACCOUNT, body, host="ess.tencentcloudapi.com", now=NOW) == (
        "TC3-HMAC-SHA256 Credential=AKIDexampleMadeUp0000000000000000000/2025-10-09/ess/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=005efe47d12c3e6111f42e8cbe620232b4f15a76f62110ada7da6e78ddb251d8"
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://ess.tencentcloudapi.com", "ess.tencentcloudapi.com"),
        ("https://ess.tencentcloudapi.com:443", "ess.tencentcloudapi.com"),
        ("http://127.0.0.1:18765", "127.0.0.1:18765"),
    ],
)
def test_the_host_is_signed_as_it_is_sent(url: str, host: str) -> None:
    account = protocol.Account(url, url, "id", "key", "operator")
    request = protocol.build(account, protocol.FLOW_INFO, {"FlowIds": []}, now=NOW)
    assert request.headers["Host"] == host
    assert request.headers["X-TC-Action"] == "DescribeFlowInfo"
    assert request.headers["Authorization"] == protocol.authorization(
        account, request.content, host=host, now=NOW
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "https://file.ess.tencent.cn"),
        ({"base_url": "https://ess.test.ess.tencent.cn/"}, "https://file.test.ess.tencent.cn"),
        ({"base_url": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        ({"file_url": "http://127.0.0.1:2/"}, "http://127.0.0.1:2"),
    ],
)
def test_uploads_have_a_host_of_their_own(changes: dict[str, str], expected: str) -> None:
    made = {"secret_id": "i", "secret_key": "k", "operator_id": "o", "callback_token": "t"}
    assert TencentEssSettings.model_validate(made | changes).upload_url == expected


@pytest.mark.parametrize(
    ("since", "until", "windows"),
    [
        ((2026, 11, 22, 1), (2026, 11, 22, 2), [("20261122", "20261122")]),
        # 23:00 in UTC is the next morning in China.
        ((2026, 11, 22, 23), (2026, 11, 22, 23), [("20261123", "20261123")]),
        ((2026, 11, 30, 15), (2026, 11, 30, 17), [("20261130", "20261130"), ("20261201", "20261201")]),
        (
            (2026, 12, 30, 0),
            (2027, 2, 3, 0),
            [("20261230", "20261231"), ("20270101", "20270131"), ("20270201", "20270203")],
        ),
    ],
)
def test_a_bill_query_stays_in_its_month(
    since: tuple[int, int, int, int], until: tuple[int, int, int, int], windows: list[tuple[str, str]]
) -> None:
    start, end = (datetime(year, month, day, hour, tzinfo=UTC) for year, month, day, hour in (since, until))
    found = [(f"{a:%Y%m%d}", f"{b:%Y%m%d}") for a, b in protocol.bill_windows(start, end)]
    assert found == windows


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 400))
@settings(max_examples=40)
def test_bill_windows_leave_no_day_out(since: datetime, days: int) -> None:
    if since.year in (1, 9998, 9999):
        return
    until = datetime.fromtimestamp(since.timestamp() + days * 86400, UTC)
    covered: list[date] = []
    for first, last in protocol.bill_windows(since, until):
        assert (first.year, first.month) == (last.year, last.month)
        covered += [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)]
    assert covered == [date.fromordinal(covered[0].toordinal() + n) for n in range(days + 1)]


def test_names() -> None:
    assert protocol.safe_name("HT/2026:1 合同（甲）") == "HT-2026-1 合同（甲）"
    assert len(protocol.safe_name("示" * 300)) == 200
    assert protocol.file_name("示" * 300 + ".pdf") == "示" * 196 + ".pdf"
    assert protocol.safe_reason("价格有误\U0001f600" * 100) == ("价格有误" * 100)[:200]
    assert base64.b64decode(protocol.user_data("HT-1/1")).decode() == "HT-1/1"


@given(st.from_regex(r"HT[/:-]20\d\d[/*-]\d{4}", fullmatch=True))
@settings(max_examples=30)
def test_a_contract_number_is_known_again_in_its_name(number: str) -> None:
    assert protocol.names_contract(protocol.safe_name(f"{number} 示例合同"), number)


def test_a_body_that_could_not_be_found_again_is_noticed() -> None:
    def findable(name: str, description: str) -> bool:
        body = {"FlowName": name, "FlowDescription": description}
        return protocol.findable(body, key="HT-1/1", contract_number="HT-1")

    assert findable("HT-1 合同", "HT-1/1")
    assert not findable("合同", "HT-1/1")
    assert not findable("HT-1 合同", "HT-1/2")


# -- replies ------------------------------------------------------------------------------------------


def test_a_partly_signed_flow() -> None:
    (info,) = protocol.read_infos(reply(sample("info_partly_signed.json")))
    flow = protocol.to_flow(info)
    assert (flow.flow_id, flow.key, flow.state) == (FLOW, "HT-2026-0042/1", SigningState.PARTLY_SIGNED)
    assert (flow.signed_parties, flow.parties, flow.reason, flow.finished_at) == (1, 2, None, None)
    assert protocol.approver_query(info, "13800000001") == {
        "ApproverType": 0,
        "ApproverName": "测试甲",
        "ApproverMobile": "13800000001",
        "OrganizationName": "测试客户有限公司",
        "RecipientId": "yDr2",
    }
    with pytest.raises(Rejected):
        protocol.approver_query(info, "13800000009")


@pytest.mark.parametrize(
    ("status", "message", "state", "reason"),
    [
        (0, "", SigningState.DRAFT, None),
        (1, "", SigningState.SIGNING, None),
        (2, "", SigningState.PARTLY_SIGNED, None),
        (3, "不同意", SigningState.DECLINED, "不同意"),
        (4, "", SigningState.SIGNED, None),
        (5, None, SigningState.EXPIRED, None),
        (6, "价格有误", SigningState.REVOKED, "价格有误"),
        (7, "", SigningState.DRAFT, None),
        (8, "", SigningState.SIGNING, None),
        (9, "", SigningState.SIGNING, None),
        (10, "不填", SigningState.DECLINED, "不填"),
        (16, "", SigningState.REVOKED, "已失效 (invalid)"),
        (21, "", SigningState.SIGNED, "已解除 (released by agreement)"),
    ],
)
def test_states(status: int, message: str | None, state: SigningState, reason: str | None) -> None:
    flow = protocol.to_flow(FlowInfo(FlowId=FLOW, FlowStatus=status, FlowMessage=message))
    assert (flow.state, flow.reason) == (state, reason)
    assert status in protocol.STATES


def test_the_table_of_states_is_total_and_nothing_else_is_a_state() -> None:
    for status in set(range(-1, 40)) - set(protocol.STATES):
        with pytest.raises(Malformed) as caught:
            protocol.to_flow(FlowInfo(FlowId=FLOW, FlowStatus=status))
        assert caught.value.body
    odd = FlowInfo.model_validate(
        {"FlowId": FLOW, "FlowStatus": 1, "FlowApproverInfos": [{"ApproveStatus": 11}]}
    )
    with pytest.raises(Malformed):
        protocol.to_flow(odd)


def test_finished_at_is_the_last_signature() -> None:
    signers = [{"ApproveStatus": 3, "ApproveTime": t} for t in (1760000100, 1760000000)]
    info = FlowInfo.model_validate({"FlowId": FLOW, "FlowStatus": 4, "FlowApproverInfos": signers})
    assert protocol.to_flow(info).finished_at == datetime(2025, 10, 9, 8, 55, tzinfo=UTC)


def test_a_refused_reminder_is_no_error_and_yet_refused() -> None:
    protocol.read_reminder(answered(RemindFlowRecords=[{"FlowId": FLOW, "CanRemind": True}]))
    with pytest.raises(Rejected):
        protocol.read_reminder(
            answered(RemindFlowRecords=[{"FlowId": FLOW, "CanRemind": False, "RemindMessage": "3次"}])
        )


@pytest.mark.parametrize(
    ("code", "write", "fault"),
    [
        ("AuthFailure.SignatureFailure", True, Misconfigured),
        ("AuthFailure.SignatureExpire", False, Misconfigured),
        ("UnauthorizedOperation.NoPermissionFeature", True, Misconfigured),
        ("OperationDenied.UserNotInOrganization", True, Misconfigured),
        ("OperationDenied.NoQuota", True, Rejected),
        ("OperationDenied.DocumentNoAvailable", False, Transient),
        ("RequestLimitExceeded", True, Throttled),
        ("FailedOperation.RequestLimitExceeded", True, Throttled),
        ("FailedOperation", True, Rejected),
        ("InternalError.System", True, UnknownOutcome),
        ("InternalError", False, Transient),
        ("InvalidParameter.SomethingNew", True, Rejected),
        ("ResourceNotFound.Resource", True, Transient),
        ("ResourceNotFound.Flow", False, Rejected),
        ("Surprise.Of.Theirs", True, Malformed),
    ],
)
def test_codes(code: str, write: bool, fault: type[Fault]) -> None:
    found = fault_from(code, "原因", write=write)
    assert type(found) is fault
    assert found.code == code
    assert "原因" in found.message


def test_every_listed_code_gives_its_fault() -> None:
    for code, meaning in (FAMILIES | DETAILS).items():
        assert type(fault_from(code, "", write=True)) is meaning.fault
        assert meaning.advice


@pytest.mark.parametrize(
    ("answer", "operation", "fault"),
    [
        (reply(b'{"Response":{"Flo'), READ, Malformed),
        (reply(b'{"Response":{"Flo'), WRITE, UnknownOutcome),
        (reply({"FlowId": "x"}), WRITE, UnknownOutcome),
        (reply(b"<html>", 404), WRITE, Malformed),
        (answered(Error={"Code": "AuthFailure", "Message": "no"}), WRITE, Misconfigured),
        (answered(Error={"Message": "no code"}), READ, Malformed),
    ],
)
def test_answers_that_say_no(answer: Reply, operation: Operation, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        protocol.read_done(operation, answer)


def test_a_created_flow_has_an_id() -> None:
    assert protocol.read_created(answered(FlowId=FLOW)) == FLOW
    with pytest.raises(UnknownOutcome):
        protocol.read_created(answered(FlowId=""))


def test_downloads() -> None:
    whole = b"%PDF-1.7\n...\n%%EOF\n"
    assert protocol.read_download(reply(whole)) == whole
    assert protocol.read_download(reply(b"<Error/>", 403)) is None
    for broken in (whole[:9], b"<html>%%EOF"):
        with pytest.raises(Malformed):
            protocol.read_download(reply(broken))


# -- callbacks ----------------------------------------------------------------------------------------

HOOKS = TencentEssHooks(token=TOKEN, key=KEY)
SECRET_TEXT = (
    "hjKLe6a9wvq0LopvwsQUlpxjaUXE7Wc8tnOhiHv6G9tUmqcrrPrvTlxN3tS+CnmeFlD7/ywrD68BbY3Rq5VyNGepiipCWxAmJHnpNXpN/1swZ5d1"
    "XwyNgaxHB/eQTzFp1viOyTIoSDd91RziIl6o/Y++caoAjhqN7HAGWSlqFisFIzvayyNOdnmOyk+B7/2dqK2OVODlb+w6kq2QSNTtNeF6A2ModCf1"
    "Hn/dNuEpc9nsCTUl7QsSJkeOOIo0y2fw"
)
SECRET_BODY = f'{{"encrypt":"{SECRET_TEXT}"}}'.encode()
OVER_RAW = "sha256=41bdc00e532f99e3a384a7be44595e39f9f1917c45b95fd918b2e3b230af9f75"
OVER_PLAIN = "sha256=ac2cf83f7374fcfeb312b9b6b06e896a7d531e42715eedfea8ab436269ce6df7"


def signed(payload: bytes, token: str = TOKEN) -> str:
    return f"sha256={hmac.new(token.encode(), payload, hashlib.sha256).hexdigest()}"


def callback(body: bytes, signature: str | None = None) -> HookRequest:
    headers = {"content-signature": signed(body) if signature is None else signature}
    return HookRequest("POST", "/hooks/tencent", "", headers, body, NOW)


def test_the_worked_decryption() -> None:
    assert decrypt(SECRET_TEXT, KEY) == sample("callback_finished.json")


@pytest.mark.parametrize(
    "request_",
    [
        callback(SECRET_BODY, OVER_RAW),
        callback(SECRET_BODY, OVER_PLAIN),
        callback(sample("callback_finished.json"), OVER_PLAIN),
    ],
)
def test_the_worked_callback(request_: HookRequest) -> None:
    (message,) = HOOKS.open(request_)
    assert (message.kind, message.body) == ("FlowStatusChange", sample("callback_finished.json"))
    assert message.dedupe_key == "FlowStatusChange|yDxExampleMsgId00000000000000001"
    assert HOOKS.read_hint(message.kind, message.body) == SigningHint(FLOW, "FlowStatusChange")
    assert HOOKS.accepted(request_).status == 200
    assert message.kind in CONNECTOR.manifest.hook_kinds


def test_an_old_subscription_sends_bare_base64_of_the_data_alone() -> None:
    data = orjson.dumps({"FlowId": FLOW, "Operate": "sign", "FlowCallbackStatus": 2})
    (message,) = HOOKS.open(callback(encrypt(data, KEY).encode()))
    assert message.kind == "FlowStatusChange"
    assert HOOKS.read_hint(message.kind, message.body) == SigningHint(FLOW, "sign")


@pytest.mark.parametrize(
    "body", [b'{"MsgType":"SealOperate","MsgId":"m1","MsgData":[1]}', b'{"MsgType":"New","MsgData":{}}']
)
def test_other_messages_are_kept_and_mean_nothing(body: bytes) -> None:
    (message,) = HOOKS.open(callback(body))
    assert message.kind == "other"
    assert HOOKS.read_hint(message.kind, message.body) is None


@pytest.mark.parametrize(
    ("request_", "reason", "status"),
    [
        (callback(SECRET_BODY, signed(SECRET_BODY, "another")), "forged", 401),
        (callback(SECRET_BODY, ""), "forged", 401),
        (callback(SECRET_BODY, "\u00e9"), "forged", 401),
        (callback(b"nonsense", ""), "forged", 401),
        (callback(b'{"encrypt":"AAAA"}'), "malformed", 400),
        (callback(b'{"encrypt":"???"}'), "malformed", 400),
        (callback(b"{}"), "malformed", 400),
        (callback(b"[]"), "malformed", 400),
        (callback(b"\xff"), "malformed", 400),
    ],
)
def test_callbacks_refused(request_: HookRequest, reason: str, status: int) -> None:
    with pytest.raises(HookRefused) as caught:
        HOOKS.open(request_)
    assert (caught.value.reason, caught.value.answer.status) == (reason, status)


@given(st.binary(max_size=300), st.integers(0, 299))
@settings(max_examples=50)
def test_no_changed_byte_passes(body: bytes, position: int) -> None:
    changed = bytearray(body or b"x")
    changed[position % len(changed)] ^= 1
    with pytest.raises(HookRefused) as caught:
        HOOKS.open(callback(bytes(changed), signed(body)))
    assert caught.value.reason == "forged"


def test_without_a_key_an_encrypted_message_is_refused() -> None:
    with pytest.raises(HookRefused) as caught:
        TencentEssHooks(token=TOKEN, key=None).open(callback(SECRET_BODY, OVER_RAW))
    assert caught.value.reason == "malformed"
