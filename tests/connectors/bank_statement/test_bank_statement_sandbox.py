"""The folder feed against the stand-in bank: real files, real sockets."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector_kit import MemoryRecorder, MemoryTokens, Redactor, Sender, Tools
from connectors.bank_statement import CONNECTOR
from connectors.bank_statement.adapter import StatementFolder
from domain.faults import Misconfigured, Rejected, Unmappable
from domain.ports import Inbound
from domain.records import BankLine
from mappings import Translator
from sandboxes.bank import SANDBOX
from sandboxes.common import Running, running

MAIN = "755900000000001"
PAYER = {"payer_name": "测试机械(上海)有限公司", "payer_account": "310000000000009"}


class SetClock:
    def __init__(self) -> None:
        self.moment = datetime(2025, 10, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture(scope="module")
def shared_bank() -> Iterator[Running]:
    with running(SANDBOX()) as running_bank:
        yield running_bank


@pytest.fixture
def bank(shared_bank: Running, tmp_path: Path) -> Running:
    shared_bank.control("reset", {})
    shared_bank.control("act/set_folder", {"folder": str(tmp_path)})
    return shared_bank


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def feed(folder: Path, clock: SetClock, **changes: Any) -> StatementFolder:
    given = {"folder": folder, "accounts": MAIN} | changes
    sender = Sender(httpx.AsyncClient(), connection="bank", redactor=Redactor(), recorder=MemoryRecorder())
    opened = CONNECTOR.open(
        CONNECTOR.settings.model_validate(given), Tools("bank", sender, MemoryTokens(), clock, Translator())
    )
    assert isinstance(opened, StatementFolder)
    return opened


async def look(folder: StatementFolder) -> list[Inbound]:
    return [message async for message in folder.new_statements()]


def lines(folder: StatementFolder, messages: list[Inbound]) -> list[BankLine]:
    return [
        line
        for message in messages
        for statement in folder.read_statement(message.body).record
        for line in statement.lines
    ]


def pay(bank: Running, amount: str, text: str = "付HT-2025-0042合同首期款", **more: Any) -> str:
    return str(bank.control("act/pay", {**PAYER, "amount": amount, "text": text, **more})["serial"])


async def test_what_was_paid_is_read_from_the_folder(bank: Running, tmp_path: Path, clock: SetClock) -> None:
    serial = pay(bank, "50000.00", end_to_end="E2E-1")
    bank.control("act/charge", {"amount": "20.00"})
    issued = bank.control("act/issue_statement", {})
    folder = feed(tmp_path, clock)
    (message,) = await look(folder)
    assert (message.kind, message.dedupe_key) == ("statement.camt053", issued["sha256"])
    assert message.headers == {"file-name": issued["name"]}
    translated = folder.read_statement(message.body)
    (statement,) = translated.record
    assert translated.mapping == "bank_statement.camt053@1"
    assert (statement.sequence, statement.closing and statement.closing.amount) == ("1", Decimal("149980.00"))
    receipt, fee = statement.lines
    assert (receipt.bank_reference, receipt.payer_account, receipt.end_to_end) == (
        serial,
        PAYER["payer_account"],
        "E2E-1",
    )
    assert (fee.direction, fee.text) == ("out", "手续费")


def test_statements_are_served_too(bank: Running, tmp_path: Path) -> None:
    issued = bank.control("act/issue_statement", {})
    served = httpx.get(f"{bank.url}/statements/{issued['name']}")
    assert served.content == (tmp_path / issued["name"]).read_bytes()
    assert [row["name"] for row in httpx.get(f"{bank.url}/statements/").json()] == [issued["name"]]
    assert httpx.get(f"{bank.url}/statements/none").status_code == 404


async def test_a_file_is_given_once_and_again_after_an_hour(
    bank: Running, tmp_path: Path, clock: SetClock
) -> None:
    bank.control("act/issue_statement", {})
    folder = feed(tmp_path, clock)
    first = await look(folder)
    assert await look(folder) == []
    clock.moment += timedelta(hours=1)
    assert await look(folder) == first
    bank.control("act/issue_statement", {})
    assert len(await look(folder)) == 1


async def test_a_message_that_was_not_taken_is_given_again(
    bank: Running, tmp_path: Path, clock: SetClock
) -> None:
    bank.control("act/issue_statement", {})
    folder = feed(tmp_path, clock)
    started = folder.new_statements()
    message = await anext(started)
    await started.aclose()  # type: ignore[attr-defined]  # the worker died before it was kept
    assert await look(folder) == [message]


async def test_a_duplicate_brings_no_new_line(bank: Running, tmp_path: Path, clock: SetClock) -> None:
    pay(bank, "50000.00")
    pay(bank, "50000.00")
    bank.control("act/pay_batch", {"payments": [{**PAYER, "amount": "1.00"}, {**PAYER, "amount": "1.00"}]})
    bank.control("act/issue_statement", {})
    bank.control("act/issue_statement", {"repeat": "copy"})
    bank.control("act/issue_statement", {"repeat": True, "version": "02"})
    folder = feed(tmp_path, clock)
    messages = await look(folder)
    assert len(messages) == 3
    assert len({message.dedupe_key for message in messages}) == 2
    assert len({line.key for line in lines(folder, messages)}) == 4


async def test_balances_go_on_from_statement_to_statement(
    bank: Running, tmp_path: Path, clock: SetClock
) -> None:
    serial = pay(bank, "10.01", charges="0.01")
    bank.control("act/issue_statement", {})
    bank.control("act/reverse", {"serial": serial})
    pay(bank, "5.00", status="PDNG")
    bank.control("act/issue_statement", {"version": "02"})
    bank.control("act/issue_statement", {"account": MAIN})
    folder = feed(tmp_path, clock)
    statements = [folder.read_statement(message.body).record[0] for message in await look(folder)]
    assert [statement.sequence for statement in statements] == ["1", "2", "3"]
    assert statements[0].closing == statements[1].opening
    assert statements[1].closing == statements[2].opening == statements[0].opening
    (receipt,), (reversal,), nothing = (statement.lines for statement in statements)
    assert receipt.charges is not None
    assert (receipt.amount.amount, receipt.charges.amount) == (Decimal("10.00"), Decimal("0.01"))
    assert (reversal.direction, reversal.is_reversal, reversal.amount) == ("out", True, receipt.amount)
    assert serial in reversal.text
    assert nothing == ()


async def test_a_wrong_encoding_is_parked_with_its_reason(
    bank: Running, tmp_path: Path, clock: SetClock
) -> None:
    pay(bank, "1.00")
    bank.control("act/issue_statement", {"encoding": "gbk"})
    folder = feed(tmp_path, clock)
    (message,) = await look(folder)
    with pytest.raises(Unmappable, match="GBK"):
        folder.read_statement(message.body)


async def test_another_connections_account_is_refused(bank: Running, tmp_path: Path, clock: SetClock) -> None:
    bank.control("act/pay", {**PAYER, "amount": "9.90", "account": "755900000000003", "currency": "USD"})
    bank.control("act/issue_statement", {"account": "755900000000003"})
    (message,) = await look(feed(tmp_path, clock))
    with pytest.raises(Unmappable, match="账号"):
        feed(tmp_path, clock).read_statement(message.body)
    dollars = feed(tmp_path, clock, accounts="755900000000003", currency="USD")
    (line,) = lines(dollars, [message])
    assert str(line.amount) == "9.90 USD"


async def test_files_that_are_still_written_or_are_none_of_ours_are_left_alone(
    bank: Running, tmp_path: Path, clock: SetClock
) -> None:
    issued = bank.control("act/issue_statement", {})
    whole = (tmp_path / issued["name"]).read_bytes()
    (tmp_path / issued["name"]).unlink()
    for name in ("a.xml.tmp", ".b.xml", "~c.xml", "receipt.pdf"):
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "link.xml").symlink_to(tmp_path / "a.xml.tmp")
    (tmp_path / "folder.xml").mkdir()
    growing = tmp_path / "GROWING.XML"
    growing.write_bytes(whole[:500])
    folder = feed(tmp_path, clock)
    assert await look(folder) == []
    growing.write_bytes(whole[:900])
    assert await look(folder) == []
    growing.write_bytes(whole)
    assert [message.body for message in await look(folder)] == [whole]


async def test_a_file_that_stays_broken_is_given_at_the_next_look(tmp_path: Path, clock: SetClock) -> None:
    (tmp_path / "cut.xml").write_bytes(b"<Document><BkToCstmrStmt>")
    folder = feed(tmp_path, clock)
    assert await look(folder) == []
    (message,) = await look(folder)
    with pytest.raises(Unmappable):
        folder.read_statement(message.body)


async def test_a_changed_file_is_news(bank: Running, tmp_path: Path, clock: SetClock) -> None:
    issued = bank.control("act/issue_statement", {})
    folder = feed(tmp_path, clock)
    await look(folder)
    path = tmp_path / issued["name"]
    path.write_bytes(path.read_bytes() + b"\n")
    os.utime(path, ns=(1, 1))
    (message,) = await look(folder)
    assert message.dedupe_key != issued["sha256"]


async def test_a_missing_folder_and_a_too_large_file_are_told(
    bank: Running, tmp_path: Path, clock: SetClock
) -> None:
    with pytest.raises(Misconfigured):
        await look(feed(tmp_path / "none", clock))
    bank.control("act/issue_statement", {})
    (tmp_path / "AAA.xml").write_bytes(b"x" * 5000)
    ready = feed(tmp_path, clock, file_limit_bytes=4000).new_statements()
    assert await anext(ready)
    with pytest.raises(Rejected, match="AAA"):
        await anext(ready)


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("pay", {**PAYER, "amount": "0"}),
        ("pay", {**PAYER, "amount": "1.001"}),
        ("pay", {**PAYER, "amount": "1", "currency": "USD"}),
        ("pay", {**PAYER, "amount": "1", "account": "1"}),
        ("pay", {**PAYER, "amount": "1", "text": "\x01"}),
        ("pay", {**PAYER, "amount": "1", "charges": "1"}),
        ("pay", {"amount": "1"}),
        ("pay_batch", {"payments": []}),
        ("charge", {"amount": "x"}),
        ("reverse", {"serial": "N0"}),
        ("issue_statement", {"version": "03"}),
        ("issue_statement", {"repeat": True}),
        ("issue_statement", {"account": "1"}),
    ],
)
def test_the_bank_refuses_what_makes_no_sense(bank: Running, act: str, body: dict[str, Any]) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        bank.control(f"act/{act}", body)


def test_a_booking_is_reversed_once(bank: Running) -> None:
    (serial,) = bank.control("act/pay_all", {"payments": [{**PAYER, "amount": "1"}]})["serials"]
    bank.control("act/reverse", {"serial": serial})
    with pytest.raises(httpx.HTTPStatusError):
        bank.control("act/reverse", {"serial": serial})
    assert bank.control("books/accounts")[MAIN]["balance"] == "100000.00"
