"""Bytes in, values out: signatures, bodies, replies, codes and callbacks, by tables."""

import io
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_kit import Reply
from connectors.fadada import CONNECTOR, protocol
from connectors.fadada.errors import FAULTS, SERIES, fault_from
from connectors.fadada.hooks import FadadaHooks
from connectors.fadada.wire import Detail
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    SessionExpired,
    Transient,
    UnknownOutcome,
)
from domain.ports import HookRefused, HookRequest, SigningHint
from domain.states import SigningState

SAMPLES = Path(__file__).parent / "samples"
TASK = "1760000000000000001"
NOW = datetime(2025, 10, 9, 8, 53, 20, 123000, tzinfo=UTC)
SECRET, APP_ID = "FASCEXAMPLESECRET000000000000001", "80009999"
NONCE = "0" * 31 + "1"
ACCOUNT = protocol.Account("https://api.fadada.com/api/v5", APP_ID, SECRET, "example-corp")
READ, WRITE = protocol.DETAIL, protocol.CREATE


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def reply(body: object, status: int = 200) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


def done(data: object) -> Reply:
    return reply({"code": "100000", "msg": "请求成功", "data": data})


# -- signature and requests ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "body", "token", "expected"),
    [
        (protocol.TOKEN, {}, None, "f41d64403184827f5127dd0c054fe859bc3f6551c57e83385399935d317924d5"),
        (
            protocol.DETAIL,
            {"signTaskId": TASK},
            "tok-example",
            "888d0e4dd40eee59169b02a4c6e0b0b98a0b0c61092a4d012e706b224aaa4e47",
        ),
    ],
)
def test_the_worked_signatures(
    call: protocol.Call, body: dict[str, Any], token: str | None, expected: str
) -> None:
    request = protocol.build(ACCOUNT, call, body, token=token, nonce=NONCE, now=NOW)
    assert request.headers["X-FASC-Timestamp"] == "1760000000123"
    assert request.headers["X-FASC-Sign"] == expected
    assert request.url == f"https://api.fadada.com/api/v5{call.path}"


def test_the_posted_text_is_the_signed_one() -> None:
    body = {"signTaskSubject": "示例 & 合同=1+1"}
    request = protocol.build(ACCOUNT, protocol.CREATE, body, token="t", nonce=NONCE, now=NOW)
    (content,) = parse_qs(request.content.decode())["bizContent"]
    assert orjson.loads(content) == body
    named = {k: v for k, v in request.headers.items() if k.startswith("X-FASC") and k != "X-FASC-Sign"}
    assert request.headers["X-FASC-Sign"] == protocol.sign(SECRET, named, content)


def test_a_body_that_could_not_be_found_again_is_noticed() -> None:
    def findable(subject: str, key: str) -> bool:
        body = {"signTaskSubject": subject, "transReferenceId": key}
        return protocol.findable(body, key="HT-1/1", subject="HT-1 合同")

    assert findable("HT-1 合同", "HT-1/1")
    assert not findable("合同", "HT-1/1")
    assert not findable("HT-1 合同", "HT-1/2")
    assert len(protocol.subject_of("HT-1", "示" * 200)) == 100


# -- replies ------------------------------------------------------------------------------------------


def test_a_partly_signed_task() -> None:
    detail = protocol.read(protocol.DETAIL, reply(sample("detail_partly_signed.json")), Detail)
    flow = protocol.to_flow(detail)
    assert (flow.flow_id, flow.key, flow.state) == (TASK, "HT-2026-0042/1", SigningState.PARTLY_SIGNED)
    assert (flow.signed_parties, flow.parties, flow.reason, flow.finished_at) == (1, 2, None, None)
    assert protocol.find_actor(detail, "13800000001") == "2_13800000001"
    assert protocol.find_actor(detail, "13800000009") is None


def task(status: str, *signed: str, **more: Any) -> Detail:
    actors = [
        {"actorInfo": {"actorId": n}, "signStatus": one, "actorNote": "不同意"}
        for n, one in enumerate(signed)
    ]
    return Detail.model_validate({"signTaskId": TASK, "signTaskStatus": status, "actors": actors} | more)


@pytest.mark.parametrize(
    ("detail", "state", "reason"),
    [
        (task("task_created"), SigningState.DRAFT, None),
        (task("finish_creation"), SigningState.DRAFT, None),
        (task("fill_progress"), SigningState.SIGNING, None),
        (task("fill_completed"), SigningState.SIGNING, None),
        (task("sign_progress", "wait_sign", "wait_sign"), SigningState.SIGNING, None),
        (task("sign_progress", "signed", "wait_sign"), SigningState.PARTLY_SIGNED, None),
        (task("sign_completed", "signed"), SigningState.PARTLY_SIGNED, None),
        (task("task_finished", "signed"), SigningState.SIGNED, None),
        (task("task_terminated", "signed", "sign_rejected"), SigningState.DECLINED, "不同意"),
        (task("task_terminated", "signed", terminationNote="价格有误"), SigningState.REVOKED, "价格有误"),
        (task("expired", "wait_sign"), SigningState.EXPIRED, None),
        (task("abolishing", "signed"), SigningState.SIGNED, "作废中 (being abolished)"),
        (task("revoked", "signed"), SigningState.SIGNED, "已作废 (abolished by agreement)"),
    ],
)
def test_states(detail: Detail, state: SigningState, reason: str | None) -> None:
    flow = protocol.to_flow(detail)
    assert (flow.state, flow.reason) == (state, reason)
    assert detail.signTaskStatus in protocol.STATES


def test_every_status_of_the_table_was_shown() -> None:
    shown = {mark.args[1][n][0].signTaskStatus for mark in test_states.pytestmark for n in range(13)}  # type: ignore[attr-defined]
    assert shown == set(protocol.STATES)


@pytest.mark.parametrize(
    "detail",
    [task("done"), task(""), task("SIGN_PROGRESS"), task("sign_progress", "half_signed")],
)
def test_an_unknown_status_is_no_state(detail: Detail) -> None:
    with pytest.raises(Malformed) as caught:
        protocol.to_flow(detail)
    assert caught.value.body


def test_times_are_text_and_aware() -> None:
    finished = protocol.to_flow(task("task_finished", "signed", finishTime="1760000100000")).finished_at
    assert finished == datetime(2025, 10, 9, 8, 55, tzinfo=UTC)


def test_a_token() -> None:
    token = protocol.read_token(done({"accessToken": "tok-example", "expiresIn": "7200"}), now=NOW)
    assert (token.value, token.expires_at) == ("tok-example", NOW + timedelta(hours=2))


@pytest.mark.parametrize("task_id", [TASK, int(TASK)])
def test_ids_are_text_even_when_they_come_as_numbers(task_id: object) -> None:
    assert protocol.read_created(done({"signTaskId": task_id})) == TASK


@pytest.mark.parametrize(
    ("code", "write", "fault"),
    [
        ("100001", True, Misconfigured),
        ("100002", True, SessionExpired),
        ("100003", True, Misconfigured),
        ("100013", True, Transient),
        ("100016", True, Misconfigured),
        ("100099", True, UnknownOutcome),
        ("100099", False, Transient),
        ("100500", True, Misconfigured),
        ("211058", True, Rejected),
        ("211118", True, Misconfigured),
        ("211999", True, Rejected),
        ("310000", True, Malformed),
        ("21", True, Malformed),
        ("", True, Malformed),
    ],
)
def test_codes(code: str, write: bool, fault: type[Fault]) -> None:
    found = fault_from(code, "原因", write=write)
    assert type(found) is fault
    assert found.code == code
    assert "原因" in found.message


def test_every_listed_code_gives_its_fault() -> None:
    for code, meaning in FAULTS.items():
        assert type(fault_from(code, "", write=True)) is meaning.fault
        assert meaning.advice
    assert {meaning.fault for meaning in SERIES.values()} == {Rejected, Misconfigured}


@pytest.mark.parametrize(
    ("answer", "call", "fault"),
    [
        (reply(b'{"code":"100000","da'), READ, Malformed),
        (reply(b'{"code":"100000","da'), WRITE, UnknownOutcome),
        (reply(b"<html>", 404), WRITE, Malformed),
        (reply(b"<html>", 401), WRITE, SessionExpired),
        (reply({"code": "100002", "msg": "x", "success": False}, 401), WRITE, SessionExpired),
        (reply({"code": 100001, "msg": "x"}), READ, Misconfigured),
        (done({}), WRITE, UnknownOutcome),
        (done(None), READ, Malformed),
    ],
)
def test_answers_that_say_no(answer: Reply, call: protocol.Call, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        protocol.read(call, answer, Detail)


@pytest.mark.parametrize("data", [None, {}, "x"])
def test_done_comes_in_several_forms(data: object) -> None:
    protocol.read_data(protocol.CANCEL, done(data))


WHOLE = b"%PDF-1.7\n...\n%%EOF\n"


def bundle(*names: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, WHOLE)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (reply(WHOLE), WHOLE),
        (reply(bundle("合同.pdf", "readme.txt")), WHOLE),
        (reply(b"<Error/>", 403), None),
    ],
)
def test_downloads(answer: Reply, content: bytes | None) -> None:
    assert protocol.read_download(answer) == content


@pytest.mark.parametrize(
    "body",
    [WHOLE[:9], b"<html>%%EOF", b"PK nonsense", bundle("a.pdf", "b.pdf"), bundle(), bundle("a.pdf")[:40]],
    ids=["cut", "page", "nonsense", "two", "empty", "cut bundle"],  # a bundle holds the time
)
def test_broken_downloads(body: bytes) -> None:
    with pytest.raises(Malformed):
        protocol.read_download(reply(body))


# -- callbacks ----------------------------------------------------------------------------------------

HOOKS = FadadaHooks(app_id=APP_ID, secret=SECRET)


def callback(
    content: bytes, *, event: str = "sign-task-finished", secret: str = SECRET, **changes: str
) -> HookRequest:
    headers = {
        "X-FASC-App-Id": APP_ID,
        "X-FASC-Event": event,
        "X-FASC-Nonce": "0" * 31 + "2",
        "X-FASC-Sign-Type": "HMAC-SHA256",
        "X-FASC-Timestamp": "1760000100123",
    }
    headers["X-FASC-Sign"] = protocol.sign(secret, headers, content.decode("utf-8", "replace"))
    lower = {name.lower(): value for name, value in headers.items()}
    body = urlencode({"bizContent": content}).encode()
    return HookRequest("POST", "/hooks/fadada", "", lower | changes, body, NOW)


def test_the_worked_callback() -> None:
    request = callback(sample("callback_finished.json"))
    assert (
        request.headers["x-fasc-sign"] == "3856011c4e47a9022d8b63e04ca9c2527a43134316196b70c03e0eda32c19e38"
    )
    (message,) = HOOKS.open(request)
    assert (message.kind, message.body) == ("sign-task-finished", sample("callback_finished.json"))
    assert message.dedupe_key == f"sign-task-finished|{TASK}|1760000100000|"
    assert HOOKS.read_hint(message.kind, message.body) == SigningHint(TASK, "sign-task-finished")
    assert b"success" in HOOKS.accepted(request).body
    assert message.kind in CONNECTOR.manifest.hook_kinds


def test_one_event_spells_the_id_otherwise_and_unknown_ones_mean_nothing() -> None:
    for content in (b'{"signtaskId":"1","eventTime":"2"}', b"{}"):
        (message,) = HOOKS.open(callback(content, event="sign-task-pending"))
        assert message.kind == "other"
        assert HOOKS.read_hint(message.kind, message.body) is None
    assert HOOKS.read_hint("sign-task-signed", b'{"signtaskId":1}') == SigningHint("1", "sign-task-signed")


def test_a_repeat_has_the_same_key_and_another_signer_another() -> None:
    bodies = [b'{"signTaskId":"1","eventTime":"5","actorId":"%d"}' % n for n in (1, 1, 2)]
    keys = [HOOKS.open(callback(body, event="sign-task-signed"))[0].dedupe_key for body in bodies]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("request_", "reason", "status"),
    [
        (callback(b"{}", secret="another"), "forged", 401),
        (callback(b"{}", **{"x-fasc-sign": ""}), "forged", 401),
        (callback(b"{}", **{"x-fasc-sign": "\u00e9"}), "forged", 401),
        (callback(b"{}", **{"x-fasc-app-id": "80009998"}), "forged", 401),
        (callback(b"{}", **{"x-fasc-event": "sign-task-signed"}), "forged", 401),
        (callback(b"{}", **{"x-fasc-timestamp": "1"}), "forged", 401),
        (callback(b"[]"), "malformed", 400),
        (callback(b"nonsense"), "malformed", 400),
        (HookRequest("POST", "/", "", {}, b"\xff", NOW), "malformed", 400),
        (HookRequest("POST", "/", "", {}, b"", NOW), "forged", 401),
    ],
)
def test_callbacks_refused(request_: HookRequest, reason: str, status: int) -> None:
    with pytest.raises(HookRefused) as caught:
        HOOKS.open(request_)
    assert (caught.value.reason, caught.value.answer.status) == (reason, status)
    assert b"success" not in caught.value.answer.body


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.integers(0, 99))
@settings(max_examples=50)
def test_no_changed_letter_passes(text: str, position: int) -> None:
    genuine = callback(text.encode())
    letters = list(text or "x")
    letters[position % len(letters)] = chr((ord(letters[position % len(letters)]) % 1000) + 33)
    if "".join(letters) == text:
        return
    body = urlencode({"bizContent": "".join(letters)}).encode()
    with pytest.raises(HookRefused) as caught:
        HOOKS.open(HookRequest("POST", "/", "", genuine.headers, body, NOW))
    assert caught.value.reason == "forged"
