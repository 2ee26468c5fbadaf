"""A client of the open platform that is not ours (`bytedance`), unchanged, as the judge of the sandbox.

Where the platform is, is one of its settings; it caches tokens, reads the envelope, and verifies webhooks.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from bytedance import ByteDance  # type: ignore[import-untyped]
from bytedance.base import ByteDanceError  # type: ignore[import-untyped]

from sandboxes.common import Running
from tests.connectors.douyin_leads.test_douyin_leads_standin import settled

PLATFORM = "https://open.douyin.com"
LEADS = f"{PLATFORM}/goodlife/v1/open_api/crm/clue/query/"
LOCAL = "1700000000000101"


@pytest.fixture
def box(served: Running) -> Running:
    served.control("reset", {})
    served.control("act/set_limits", {"qps": 0})
    return served


def client_of(box: Running, cache: Path, **changed: str) -> Any:
    known = box.sandbox.credentials()
    session = requests.Session()
    session.trust_env = False
    given = {"app_id": known["client_key"], "app_secret": known["client_secret"]} | changed
    return ByteDance(
        **given,
        api_domains={PLATFORM: box.url},
        session=session,
        access_token_type="file",
        ac_path=cache / "token",
    )


@pytest.fixture
def sdk(box: Running, tmp_path: Path) -> Iterator[Any]:
    with client_of(box, tmp_path) as client:
        yield client


def leads(sdk: Any, box: Running, **changed: Any) -> Any:
    asked = {
        "account_id": box.sandbox.credentials()["douyin_account_id"],
        "start_time": "2026-05-01 00:00:00",
        "end_time": "2099-01-01 00:00:00",
        "page": 1,
        "page_size": 20,
    }
    token = changed.pop("token", None) or sdk.client_token
    return sdk.fetch("GET", LEADS, params=asked | changed, headers={"access-token": token}).data


def submit(box: Running, **fields: Any) -> str:
    lead = {"name": "测试客户😀", "telephone": "13800000001", "local_account_id": LOCAL} | fields
    return str(box.control("act/submit_lead", lead)["clue_id"])


def test_it_logs_in_once_and_reads_every_page(sdk: Any, box: Running) -> None:
    ids = [submit(box, push=False) for _ in range(5)]
    pages = [leads(sdk, box, page=number, page_size=2) for number in (1, 2, 3)]
    assert [row.clue_id for page in pages for row in page.clue_data] == ids[::-1]
    assert pages[0].page == {"page_number": 1, "page_size": 2, "page_total": 3, "total": 5}
    assert pages[0].clue_data[0].name == "测试客户😀"
    assert len(box.control("books/client_tokens")) == 1


def test_it_takes_every_refusal_for_one(sdk: Any, box: Running, tmp_path: Path) -> None:
    def code(**changed: Any) -> str:
        with pytest.raises(ByteDanceError) as refused:
            leads(sdk, box, **changed)
        assert refused.value.log_id
        return str(refused.value.code)

    assert code(token="x") == "2190002"
    assert code(account_id="1") == "2190004"
    assert code(page="x") == "2100005"
    box.control("clock", {"advance": 7300})
    assert code() == "2190008"
    with (
        client_of(box, tmp_path / "other", app_secret="x") as stranger,
        pytest.raises(ByteDanceError) as wrong,
    ):
        leads(stranger, box)
    assert wrong.value.code == 10013


@pytest.mark.parametrize("code", ["10008", "10020", "2100004", "2190001"])
def test_it_takes_every_provoked_code_for_one(sdk: Any, box: Running, code: str) -> None:
    token = sdk.client_token
    box.control("act/provoke", {"code": code, "path": "goodlife"})
    with pytest.raises(ByteDanceError) as refused:
        leads(sdk, box, token=token)
    assert str(refused.value.code) == code


class Inbox:
    """Verifies and answers as the SDK says, and keeps what passed."""

    def __init__(self, sdk: Any) -> None:
        self.kept: list[Any] = []
        self.refused: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler) -> None:
                raw = handler.rfile.read(int(handler.headers["content-length"]))
                status, answer = self._take(sdk, raw, dict(handler.headers))
                handler.send_response(status)
                handler.end_headers()
                handler.wfile.write(json.dumps(answer).encode())

            def log_message(handler, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"

    def _take(self, sdk: Any, raw: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        try:
            event = sdk.callbacks.parse(raw, headers, protocol="webhook")
        except ByteDanceError as error:
            self.refused.append(str(error))
            return 401, {}
        self.kept.append(event)
        return 200, sdk.callbacks.acknowledgement("webhook", event)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def inbox(sdk: Any) -> Iterator[Inbox]:
    listening = Inbox(sdk)
    yield listening
    listening.close()


def test_it_answers_the_check_and_believes_the_events(inbox: Inbox, box: Running) -> None:
    assert box.control("act/add_webhook", {"url": inbox.url})["verified"] is True
    box.control("act/send_event", {"content": {"action": "pay_success", "备注": "测试😀"}})
    box.control("act/send_event_forged", {})
    settled(box)
    check, event = inbox.kept
    assert check.event == "verify_webhook"
    assert event.parsed_content == {"action": "pay_success", "备注": "测试😀"}
    assert inbox.refused == ["Invalid webhook signature"]
