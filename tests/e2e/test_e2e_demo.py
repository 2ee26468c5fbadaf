"""The main job as its users start it, and under crashes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from rich.console import Console
from sqlalchemy import select

from connector_kit.redact import SHORTEST
from crm_store.tables import tokens
from hub.bootstrap import open_hub
from hub.demo.run import DemoOptions, run_demo
from hub.embedded import embedded_postgres
from hub.reports import trace_contract
from hub.settings import Settings
from tests.e2e.demos import LEADS, check_storm, demo, sound

SEED = 11


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """One quiet run whose data stay, for whoever wants to look at them."""
    data = tmp_path_factory.mktemp("demo") / "data"
    return demo("--seed", str(SEED), "--leads", str(LEADS), "--data", str(data)), data


@pytest.mark.timeout(600)
def test_the_whole_thread(played: tuple[dict[str, Any], Path]) -> None:
    result, _ = played
    assert sound(result), result
    assert result["leads_unique"] == result["leads_stored"] == result["leads_assigned"] == LEADS
    assert result["leads_sent"] > LEADS
    assert result["forged_refused"] == 5
    assert result["parked"] == 2
    assert result["contracts_signed"] == 34
    assert result["receivables_in_erp"] == result["receivables_expected"] > 40
    assert result["receipts_in_erp"] == result["receipts_expected"] == result["written_off"] > 20
    assert result["disagreements"] == ["missing_in_erp"]


@pytest.mark.timeout(600)
async def test_every_link_of_a_paid_contract_has_its_evidence(played: tuple[dict[str, Any], Path]) -> None:
    _, data = played
    numbers = [f"HT-2026-{number:04d}" for number in range(1, 41)]
    with embedded_postgres(data) as url:
        async with open_hub(Settings(data=data, database_url=url, redis_url=""), pool_size=1) as hub:
            async with hub.store.transaction() as uow:
                traces = [await trace_contract(uow, number) for number in numbers]
    closed = [found for found in traces if found and found["contract"]["state"] == "fulfilled"]
    assert len(closed) > 5
    for found in closed:
        check_trace(found)


def test_the_command_prints_the_trace(played: tuple[dict[str, Any], Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "trace", "HT-2026-0002", "--json"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore", "GUANTONG_DATA": str(played[1])},
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["contract"]["number"] == "HT-2026-0002"


def check_trace(found: dict[str, Any]) -> None:
    lead = found["lead"]
    assert lead["vendor_id"] in lead["message"]["body"]
    assert lead["assignment"]["explanation"]["candidates"]
    (flow,) = found["signing"]
    assert any("SIGN_FLOW_COMPLETE" in callback["body"] for callback in flow["callbacks"])
    assert flow["signed_file"]
    for receivable in found["receivables"]:
        assert receivable["written_off_minor"] == receivable["paid_minor"] == receivable["amount_minor"]
        exchanges = [each for delivery in receivable["deliveries"] for each in delivery["exchanges"]]
        assert any(receivable["number"] in each["request_body"] for each in exchanges)
    assert found["receipts"]
    for receipt in found["receipts"]:
        assert receipt["state"] == "written_off"
        assert receipt["bank_line"]["facts"]["bank_reference"] in receipt["statement"]["body"]
        assert receipt["match"]["reasons"]
        assert any(delivery["exchanges"] for delivery in receipt["deliveries"])
    kinds = {event["kind"] for event in found["timeline"]}
    assert {"lead", "assignment", "contract", "signing", "erp", "payment"} <= kinds


@pytest.mark.timeout(600)
def test_losing_redis_loses_nothing(played: tuple[dict[str, Any], Path]) -> None:
    def flush(settings: Settings) -> None:
        redis.Redis.from_url(settings.redis_url).flushall()

    result = run_demo(
        DemoOptions(leads=LEADS, seed=SEED, disturb=flush), screen=Console(quiet=True)
    ).as_json()
    assert sound(result), result
    assert result["end_state"] == played[0]["end_state"]


@pytest.mark.timeout(600)
async def test_crashes_and_faults_change_nothing(played: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    """Other seeds: test_e2e_chaos.py."""
    data = tmp_path / "data"
    check_storm(played[0], demo("--chaos", "--seed", str(SEED), "--leads", str(LEADS), "--data", str(data)))
    written = "".join(log.read_text(encoding="utf-8") for log in (data / "logs").glob("*.log"))
    assert "delivery.fault" in written
    secrets = await secrets_kept(data)
    assert len(secrets) > 5
    assert not [secret for secret in secrets if secret in written]


async def secrets_kept(data: Path) -> set[str]:
    """Of all connections, and the tokens that were got for them."""
    with embedded_postgres(data) as url:
        async with open_hub(Settings(data=data, database_url=url, redis_url=""), pool_size=1) as hub:
            async with hub.store.transaction() as uow:
                secrets = [each for one in await uow.connections.all() for each in one.secrets.values()]
                rows = await uow.connection.execute(select(tokens.c.connection, tokens.c.name))
                found = [await uow.connections.token(*row) for row in rows]
    held = [json.loads(each["token"]) for each in found if each]
    return {each for each in (*secrets, *(one["value"] for one in held)) if len(each) >= SHORTEST}
