"""The control API: what it takes, what it refuses, and that a refusal changes nothing."""

import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from sandboxes.common import Running, Sandbox, running
from sandboxes.common.faults import Kind
from sandboxes.kingdee.app import KingdeeSandbox
from sandboxes.run import available, load

PROJECT = Path(__file__).parents[3]
BASE_TABLE = "accounts"
EMPTY_TABLE = "bookings"


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(load("bank")()) as site:
        yield site


@pytest.fixture
def bank(served: Running) -> Running:
    served.control("reset", {})
    return served


def post(site: Running, path: str, body: bytes) -> httpx.Response:
    with httpx.Client(base_url=f"{site.url}/_sandbox/", trust_env=False) as client:
        return client.post(path, content=body)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *(("faults", body) for body in ("", "x", "[]", '["x"]', "{}}", '{"seed": "x"}', '{"rule": []}')),
        *(("faults", f'{{"rules": {body}}}') for body in ("null", '["x"]', "{}", "[{}]")),
        *(
            ("faults", json.dumps({"rules": [{"kind": "delay"} | wrong]}))
            for wrong in (
                {"kind": "x"},
                {"rate": "x"},
                {"rate": 2},
                {"rate": None},
                {"times": -1},
                {"times": 0.5},
                {"skip": "x"},
                {"seconds": 1e18},
                {"rows": "x"},
                {"status": 99},
                {"status": 204},
                {"path": "("},
                {"method": 1},
                {"other": 1},
            )
        ),
        ("faults", '{"rules": [{"kind": "delay", "rate": NaN}]}'),
        *(("callbacks", body) for body in ("", "[]", '{"repeat": "x"}', '{"late": 2}', '{"other": 1}')),
        *(("clock", body) for body in ("", "{}", "[]", '"x"', '{"advance": 1e18}', '{"advance": "x"}')),
        *(("clock", f'{{"advance": {each}}}') for each in ("1e999", "NaN", "null", "-6e10", "6e9")),
        *(("act/provoke", body) for body in ("[]", "x", "{}", '{"code": []}', '{"code": "x"}', '"x"')),
        ("act/provoke", '{"code": "1", "message": "x", "times": []}'),
        ("act/provoke", '{"code": "1", "message": "x", "path": "("}'),
        *(("seed", body) for body in ("", "[]", '{"accounts": []}', '{"accounts": {"1": "x"}}')),
        ("seed", '{"accounts": {"1": {}}, "acounts": {}}'),
        ("seed", '{"accounts": {"1": {"x": 1e999}}}'),
        ("seed", '{"_settings": {}}'),
    ],
)
def test_what_will_not_do_is_refused_in_plain_words(bank: Running, path: str, body: str) -> None:
    before = state(bank)
    answer = post(bank, path, body.encode())
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert answer.json()["error"]
    assert "Traceback" not in answer.text
    assert state(bank) == before
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{bank.url}/statements/").status_code == 200


def state(site: Running) -> list[Any]:
    sandbox = site.sandbox
    books = {name: dict(sandbox.books.table(name)) for name in sandbox.books.names()}
    return [sandbox.faults.as_json(), sandbox.callbacks.faults, sandbox.clock.now().year, books]


def test_rows_are_seeded(bank: Running) -> None:
    (key, row), *others = bank.control(f"books/{BASE_TABLE}").items()
    changed, new = row | {"owner": "换了"}, row | {"owner": "新来"}
    answer = bank.control("seed", {BASE_TABLE: {key: changed, "new": new}, EMPTY_TABLE: {}})
    assert answer == {BASE_TABLE: len(others) + 2, EMPTY_TABLE: 0}
    assert bank.control(f"books/{BASE_TABLE}") == {key: changed, **dict(others), "new": new}
    bank.control("reset", {})
    assert bank.control(f"books/{BASE_TABLE}") == {key: row, **dict(others)}


def test_a_table_that_is_misspelt_is_told(bank: Running) -> None:
    told = post(bank, "seed", b'{"acounts": {}}').json()["error"]
    assert "acounts" in told
    assert "accounts, bookings, statements" in told


def tables_of(name: str) -> set[str]:
    """Those that its code names; a leading underscore hides one."""
    sources = (path.read_text() for path in (PROJECT / "sandboxes" / name).glob("*.py"))
    return {found for text in sources for found in re.findall(r"\.table\(\"([^_\"]\w*)\"\)", text)}


@pytest.mark.parametrize("name", available())
def test_every_table_can_be_seeded(name: str) -> None:
    with running(load(name)()) as site:
        tables = tables_of(name) | set(site.control("books"))
        assert post(site, "seed", json.dumps({table: {} for table in tables}).encode()).status_code == 200


def test_what_is_seeded_is_found_by_its_number() -> None:
    with running(load("kingdee")()) as site:
        ((key, row),) = site.control("books/BD_Customer").items()
        new = row | {"FCUSTID": 7, "FNumber": "K7"}
        assert site.control("seed", {"BD_Customer": {"7": new}}) == {"BD_Customer": 2}
        kingdee = site.sandbox
        assert isinstance(kingdee, KingdeeSandbox)
        found = kingdee.archive.by_number(kingdee.archive.form("BD_Customer"), "K7")
        assert found == new
        refused: list[dict[str, Any]] = [{"8": new}, {"7": {}}, {"7": new | {"FNumber": 7}}]
        for wrong in refused:
            assert post(site, "seed", json.dumps({"BD_Customer": wrong}).encode()).status_code == 400
        assert list(site.control("books/BD_Customer")) == [key, "7"]


def test_clock_and_rows_outlive_the_process(tmp_path: Path) -> None:
    def opened() -> Sandbox:
        return load("bank")(path=tmp_path / "bank.sqlite")

    first = opened()
    first.put(EMPTY_TABLE, {"1": {}})
    first.clock.advance(3 * 86400)
    first.clock.advance(86400)
    first.books.close()
    second = opened()
    assert 86390 < (second.clock.now() - load("bank")().clock.now()).total_seconds() / 4 < 86410
    assert EMPTY_TABLE in second.books.names()
    second.reset()
    second.books.close()
    third = opened()
    assert abs((third.clock.now() - load("bank")().clock.now()).total_seconds()) < 10
    third.books.close()


def test_a_table_that_somebody_holds_is_emptied_too(bank: Running) -> None:
    held = bank.sandbox.books.table(EMPTY_TABLE)
    bank.control("seed", {EMPTY_TABLE: {"1": {}}})
    bank.control("reset", {})
    assert dict(held) == {}


PARAMETERS = """
    amount auth_code clue_id code form flow_id kind knob leads left month number qps receipt receivable
    rule_id signer title url
"""


@pytest.mark.parametrize("name", available())
def test_no_act_breaks_over_its_parameters(name: str) -> None:
    values: tuple[Any, ...] = (None, 1, "x", [], {}, -1.5)
    with running(load(name)()) as site, httpx.Client(base_url=f"{site.url}/_sandbox/", timeout=30) as client:
        for act, value in product(site.control("")["acts"], values):
            answer = client.post(f"act/{act}", json=dict.fromkeys(PARAMETERS.split(), value))
            assert answer.status_code in (200, 400), (act, value, answer.text)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_the_page_offers_every_kind_of_fault(bank: Running, kind: str) -> None:
    page = f"{bank.url}/_sandbox/page"
    form = {"kind": kind, "path": "nowhere", "rows": "2", "seconds": "-5"}
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        assert f'value="{kind}"' in client.get(f"{page}/faults").text
        assert "加上了" in client.post(f"{page}/do/fault?back=faults", data=form).text
    (rule,) = bank.control("faults")["rules"]
    assert (rule["kind"], rule["rows"], rule["seconds"]) == (kind, 2, -5)


def test_a_rule_added_after_all_were_cleared_begins_anew(bank: Running) -> None:
    page, rule = f"{bank.url}/_sandbox/page", {"kind": "status_before", "times": "1"}
    with httpx.Client(trust_env=False) as client:
        for _ in range(2):
            client.post(f"{page}/do/fault", data=rule)
            assert client.get(f"{bank.url}/statements/").status_code == 503
            client.post(f"{page}/do/clear")
