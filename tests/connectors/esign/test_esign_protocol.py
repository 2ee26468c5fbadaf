"""Bytes in, values out: signatures, replies, states, faults and callbacks of e签宝."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector_kit import Operation, Reply
from connectors.esign import CONNECTOR, protocol
from connectors.esign.errors import FAULTS, fault_from
from connectors.esign.hooks import EsignHooks
from domain.faults import Fault, Malformed, Misconfigured, Rejected, Throttled, Transient, UnknownOutcome
from domain.ports import HookRefused, HookRequest, SigningHint
from domain.states import SigningState

SAMPLES = Path(__file__).parent / "samples"
SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
APP_ID = "7438900001"
FLOW = "3f5d0c6e7a9b4b1f8d2e6c4a1b0f9e8d"
NOW = datetime.fromtimestamp(1760000000.123, UTC)
ACCOUNT = protocol.Account("https://esign.example", APP_ID, SECRET)
JSON_TYPE = "application/json; charset=UTF-8"
READ = Operation("any", "read")
WRITE = Operation("any", "blind_write")


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def reply(body: bytes | Mapping[str, Any], status: int = 200) -> Reply:
    return Reply(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))


# -- signatures: the worked examples --------------------------------------------------------------------

UPLOAD = "/v3/files/file-upload-url"
DETAIL = f"/v3/sign-flow/{FLOW}/detail"
LINKS = f"/v3/sign-flow/{FLOW}/file-download-url?urlAvailableDate=600"
MD5 = "utN0xdUbI/wle5Hc3I28Aw=="
EXTRA = {"X-Tsign-Open-Ca-Timestamp": "1760000000123", "X-Tsign-Open-App-Id": APP_ID}


@pytest.mark.parametrize(
    ("text", "expected_text", "signature"),
    [
        pytest.param(
            protocol.string_to_sign("POST", UPLOAD, md5=MD5, content_type=JSON_TYPE),
            f"POST\n*/*\n{MD5}\n{JSON_TYPE}\n\n{UPLOAD}",
            "GUm5R9oPIk5vZQxBA11efH9CgZ9DIgG5CzVg2y/y1EY=",
            id="A post",
        ),
        pytest.param(
            protocol.string_to_sign("GET", DETAIL),
            f"GET\n*/*\n\n\n\n{DETAIL}",
            "CDnom1mAHTRosxA23fIgeZRnuoniMQOyLjl+5qbA2Qs=",
            id="B get",
        ),
        pytest.param(
            protocol.string_to_sign("GET", DETAIL, content_type=JSON_TYPE),
            f"GET\n*/*\n\n{JSON_TYPE}\n\n{DETAIL}",
            "NI3xiU99L03w3pGns5wZwuk0Quwfd+IW4CckY1UT5i0=",
            id="B get with content type",
        ),
        pytest.param(
            protocol.string_to_sign("GET", LINKS),
            f"GET\n*/*\n\n\n\n{LINKS}",
            "5/Ukci7wKWgvhFxLjZFKU+dkbmvQ5HPTG2W9GohZ6VU=",
            id="C query",
        ),
        pytest.param(
            protocol.string_to_sign("POST", UPLOAD, md5=MD5, content_type=JSON_TYPE, extra=EXTRA),
            f"POST\n*/*\n{MD5}\n{JSON_TYPE}\n\nX-Tsign-Open-App-Id:{APP_ID}\n"
            f"X-Tsign-Open-Ca-Timestamp:1760000000123\n{UPLOAD}",
            "uFXwbG4OSgIbYip7+IGAkjZLlzBBGWs3y4u5mqdnv4g=",
            id="D extra headers",
        ),
    ],
)
def test_request_signature(text: str, expected_text: str, signature: str) -> None:
    assert text == expected_text
    assert protocol.sign(SECRET, text) == signature


def test_content_md5() -> None:
    assert protocol.content_md5(b"%PDF-1.7 example") == "zLbrXZRy63VltQ3kqRGBXg=="
    assert len(sample("file_upload_url_request.json")) == 126
    assert protocol.content_md5(sample("file_upload_url_request.json")) == MD5


@pytest.mark.parametrize(
    ("query", "signature"),
    [
        ("", "7fa9f884d1db4bd4cd38894dee62d98c1fcb75dd8c153f1d691d21fef176158f"),
        ("tenant=t01&hook=esign", "3d89b87c61833b08da9fff17c9e437704ef7da8fa2336fdbac8908f6accbc824"),
    ],
)
def test_callback_signature(query: str, signature: str) -> None:
    body = sample("callback_flow_complete.json")
    found = protocol.callback_signature(SECRET, timestamp="1760000100789", query=query, body=body)
    assert found == signature


def test_a_get_request_has_neither_body_nor_content_headers() -> None:
    request = protocol.build(ACCOUNT, protocol.DETAIL, DETAIL, now=NOW)
    assert (request.method, request.url, request.content) == ("GET", f"https://esign.example{DETAIL}", b"")
    assert request.headers == {
        "Accept": "*/*",
        "X-Tsign-Open-App-Id": APP_ID,
        "X-Tsign-Open-Auth-Mode": "Signature",
        "X-Tsign-Open-Ca-Timestamp": "1760000000123",
        "X-Tsign-Open-Ca-Signature": "CDnom1mAHTRosxA23fIgeZRnuoniMQOyLjl+5qbA2Qs=",
    }


def test_an_upload_repeats_what_was_announced_and_carries_no_signature() -> None:
    content = b"%PDF-1.7 example"
    announced = protocol.announcement("a.pdf", content)
    request = protocol.build_upload(ACCOUNT, "https://store.example/put?x=1", content)
    assert request.headers == {
        "Content-MD5": announced["contentMd5"],
        "Content-Type": announced["contentType"],
    }


# -- names ----------------------------------------------------------------------------------------------


@given(st.text(max_size=200))
@settings(max_examples=50)
def test_a_safe_name_is_accepted_by_the_vendor(text: str) -> None:
    name = protocol.safe_name(text)
    assert len(name) <= 100
    assert not set(name) & set('/\\:*"<>|？')
    assert protocol.safe_name(name) == name


def test_a_long_file_name_keeps_its_extension() -> None:
    assert protocol.safe_name("示" * 120 + ".pdf") == "示" * 96 + ".pdf"
    assert protocol.safe_name("HT/2026: 合同?.pdf") == "HT-2026- 合同-.pdf"


@given(st.from_regex(r"HT[/:-]20\d\d[/*-]\d{4}", fullmatch=True))
@settings(max_examples=30)
def test_a_contract_number_is_known_again_in_its_title(number: str) -> None:
    assert protocol.names_contract(protocol.safe_name(f"{number} 示例合同"), number)


# -- replies --------------------------------------------------------------------------------------------


def test_a_partly_signed_flow() -> None:
    flow = protocol.read_detail(FLOW, reply(sample("detail_partly_signed.json")))
    assert (flow.state, flow.key) == (SigningState.PARTLY_SIGNED, "HT-2026-0042/1")
    assert (flow.signed_parties, flow.parties, flow.reason, flow.finished_at) == (1, 2, None, None)


@pytest.mark.parametrize(
    ("data", "state", "reason"),
    [
        ({"signFlowStatus": 0}, SigningState.DRAFT, None),
        ({"signFlowStatus": "1"}, SigningState.SIGNING, None),
        ({"signFlowStatus": 1, "signers": [{"signStatus": 3}]}, SigningState.SIGNING, None),
        ({"signFlowStatus": 1, "signers": [{"signStatus": 2}]}, SigningState.PARTLY_SIGNED, None),
        ({"signFlowStatus": 2, "signers": [{"signStatus": 2}]}, SigningState.SIGNED, None),
        ({"signFlowStatus": 2, "rescissionStatus": 3}, SigningState.SIGNED, "已解约 (rescinded)"),
        ({"signFlowStatus": 3, "revokeReason": "价格有误"}, SigningState.REVOKED, "价格有误"),
        ({"signFlowStatus": 5, "signFlowDescription": "过期"}, SigningState.EXPIRED, None),
        ({"signFlowStatus": 7, "signFlowDescription": "不同意"}, SigningState.DECLINED, "不同意"),
    ],
)
def test_states(data: dict[str, Any], state: SigningState, reason: str | None) -> None:
    flow = protocol.read_detail(FLOW, reply({"code": 0, "message": "成功", "data": data}))
    assert (flow.state, flow.reason) == (state, reason)


@pytest.mark.parametrize(
    "data",
    [{"signFlowStatus": 4}, {"signFlowStatus": 6}, {"signFlowStatus": 1, "signers": [{"signStatus": 9}]}],
)
def test_an_unknown_status_is_no_state(data: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        protocol.read_detail(FLOW, reply({"code": 0, "data": data}))
    assert caught.value.body


def test_finished_at_is_aware() -> None:
    data = {"signFlowStatus": 2, "signFlowFinishTime": 1760000100000}
    flow = protocol.read_detail(FLOW, reply({"code": 0, "data": data}))
    assert flow.finished_at == datetime(2025, 10, 9, 8, 55, tzinfo=UTC)


def test_a_page_of_the_list() -> None:
    rows, total = protocol.read_page(reply(sample("list_page.json")))
    assert total == 2
    assert [row.flow_id for row in rows] == ["f1", "f2"]
    assert protocol.read_page(reply({"code": 0, "data": {"total": 0, "signFlowInfos": None}})) == ([], 0)


@pytest.mark.parametrize(
    ("status", "pages", "expected"), [(0, None, None), (1, 0, None), (2, None, 1), (4, 0, None), (5, 3, 3)]
)
def test_file_status(status: int, pages: int | None, expected: int | None) -> None:
    body = {"code": 0, "data": {"fileStatus": status, "fileTotalPageCount": pages}}
    assert protocol.read_file_pages(reply(body)) == expected


@pytest.mark.parametrize("status", [3, 9, 12])
def test_a_broken_file_is_refused(status: int) -> None:
    with pytest.raises(Rejected):
        protocol.read_file_pages(reply({"code": 0, "data": {"fileStatus": status}}))


@pytest.mark.parametrize(
    ("answer", "fault"),
    [(reply(b"<Error/>", 403), Transient), (reply(b"<html>"), Malformed), (reply({"errCode": 5}), Rejected)],
)
def test_upload_refused(answer: Reply, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        protocol.read_upload(answer)


def test_downloads() -> None:
    whole = b"%PDF-1.7\n...\n%%EOF\n"
    assert protocol.read_download(reply(whole)) == whole
    assert protocol.read_download(Reply(200, {"content-md5": protocol.content_md5(whole)}, whole)) == whole
    with pytest.raises(Malformed):
        protocol.read_download(Reply(200, {"content-md5": protocol.content_md5(whole + b"x")}, whole))
    assert protocol.read_download(reply(b"<Error/>", 403)) is None
    for broken in (whole[:9], b"<html>%%EOF"):
        with pytest.raises(Malformed):
            protocol.read_download(reply(broken))


# -- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "write", "fault"),
    [
        (401, True, Misconfigured),
        (403, True, Misconfigured),
        (429, True, Throttled),
        (503, False, Transient),
        (503, True, UnknownOutcome),
        (1435002, True, Rejected),
        (1435404, True, Rejected),
        (1436116, True, Misconfigured),
        (1437513, True, Transient),
        (1999999, True, Rejected),
    ],
)
def test_codes(code: int, write: bool, fault: type[Fault]) -> None:
    found = fault_from(code, "原因", write=write)
    assert type(found) is fault
    assert found.code == str(code)
    assert "原因" in found.message


def test_every_listed_code_gives_its_fault() -> None:
    for code, meaning in FAULTS.items():
        assert type(fault_from(code, "", write=True)) is meaning.fault
        assert meaning.advice


@pytest.mark.parametrize(
    ("answer", "operation", "fault"),
    [
        (reply(b'{"code":0,"da'), READ, Malformed),
        (reply(b'{"code":0,"da'), WRITE, UnknownOutcome),
        (reply(b"<html>", 404), WRITE, Malformed),
        (reply(b"<html>", 403), WRITE, Misconfigured),
        (reply({"code": 401, "message": "INVALID_SIGNATURE"}, 401), WRITE, Misconfigured),
        (reply({"code": 401, "message": "INVALID_SIGNATURE"}), READ, Misconfigured),
        (reply({"message": "no code"}), READ, Malformed),
    ],
)
def test_answers_that_say_no(answer: Reply, operation: Operation, fault: type[Fault]) -> None:
    with pytest.raises(fault):
        protocol.read_done(operation, answer)


@pytest.mark.parametrize("extra", [{"data": None}, {"data": {}}, {}])
def test_done_comes_in_three_forms(extra: dict[str, Any]) -> None:
    protocol.read_done(WRITE, reply({"code": 0, "message": "成功"} | extra))


# -- callbacks ------------------------------------------------------------------------------------------

HOOKS = EsignHooks(app_id=APP_ID, secret=SECRET)


def callback(body: bytes, *, query: str = "", secret: str = SECRET, **changes: str) -> HookRequest:
    stamp = "1760000100789"
    headers = {
        "content-type": "application/json",
        "x-tsign-open-app-id": APP_ID,
        "x-tsign-open-timestamp": stamp,
        "x-tsign-open-signature-algorithm": "hmac-sha256",
        "x-tsign-open-signature": protocol.callback_signature(
            secret, timestamp=stamp, query=query, body=body
        ),
    }
    return HookRequest("POST", "/hooks/esign", query, headers | changes, body, NOW)


@pytest.mark.parametrize(
    ("name", "kind", "hint"),
    [
        (
            "callback_flow_complete.json",
            "SIGN_FLOW_COMPLETE",
            SigningHint(FLOW, "SIGN_FLOW_COMPLETE"),
        ),
        (
            "callback_signer_signed.json",
            "SIGN_MISSON_COMPLETE",
            SigningHint(FLOW, "SIGN_MISSON_COMPLETE"),
        ),
        ("callback_known_and_ignored.json", "other", None),
        ("callback_unknown_action.json", "other", None),
    ],
)
def test_callbacks(name: str, kind: str, hint: SigningHint | None) -> None:
    request = callback(sample(name), query="tenant=t01&hook=esign")
    (message,) = HOOKS.open(request)
    assert (message.kind, message.body) == (kind, request.body)
    assert HOOKS.read_hint(message.kind, message.body) == hint
    assert HOOKS.accepted(request).body == b'{"code":"200","msg":"success"}'
    assert kind in CONNECTOR.manifest.hook_kinds


def test_the_worked_callback_passes_with_its_signature() -> None:
    signature = "3d89b87c61833b08da9fff17c9e437704ef7da8fa2336fdbac8908f6accbc824"
    body = sample("callback_flow_complete.json")
    headers = {"x-tsign-open-signature": signature}
    (message,) = HOOKS.open(callback(body, query="tenant=t01&hook=esign", **headers))
    assert message.dedupe_key == f"SIGN_FLOW_COMPLETE|{FLOW}|1760000100456||"


def test_a_repeat_has_the_same_key_and_another_signer_another() -> None:
    body = sample("callback_signer_signed.json")
    other = body.replace(b"/1:2", b"/1:3")
    keys = [HOOKS.open(callback(raw))[0].dedupe_key for raw in (body, body, other)]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("request_", "reason", "status"),
    [
        (callback(sample("callback_flow_complete.json"), secret="f" * 32), "forged", 401),
        (callback(b"{}", **{"x-tsign-open-signature": ""}), "forged", 401),
        (callback(b"{}", **{"x-tsign-open-signature": "\u00e9"}), "forged", 401),
        (callback(b"{}", **{"x-tsign-open-app-id": "7438900002"}), "forged", 401),
        (callback(b"{}", **{"x-tsign-open-signature-algorithm": "hmac-sm3"}), "forged", 401),
        (callback(b"{}", **{"x-tsign-open-timestamp": "1"}), "forged", 401),
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
    request = callback(body)
    changed = bytearray(body or b"x")
    changed[position % len(changed)] ^= 1
    forged = HookRequest("POST", request.path, "", request.headers, bytes(changed), NOW)
    with pytest.raises(HookRefused) as caught:
        HOOKS.open(forged)
    assert caught.value.reason == "forged"


# -- mapping --------------------------------------------------------------------------------------------


def test_a_body_that_could_not_be_found_again_is_noticed() -> None:
    def body(title: str, number: str | None) -> dict[str, Any]:
        areas = [{"customBizNum": number}]
        return {"signFlowConfig": {"signFlowTitle": title}, "signers": [{"signFields": areas}]}

    def findable(made: dict[str, Any]) -> bool:
        return protocol.findable(made, key="HT-1/1", contract_number="HT-1")

    assert findable(body("HT-1 合同", "HT-1/1:2"))
    assert not findable(body("合同", "HT-1/1:2"))
    assert not findable(body("HT-1 合同", "HT-1:2"))
    assert not findable(body("HT-1 合同", None))
