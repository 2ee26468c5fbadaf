"""Compiled mappings beside the same mappings written by hand and in other engines, interleaved.

Before anything is timed, every engine's results are compared with the hand-written ones, 10,000 amounts with
exact fractions, and 10,000 ids of 19 digits with themselves.
"""

import asyncio
import math
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Annotated, cast

import typer
from rich.console import Console

from bench import mappings_by_hand, mappings_peers
from bench.mappings_cases import LEAD, RECEIVABLE, TABLES, Record, leads, receivables
from bench.mappings_peers import Engine, in_jlens, in_jsonata_python, in_zen, in_zen_at_once, plain
from bench.measure import Goal, Series, interleaved, machine, report
from mappings import CompiledMapping, compile_mapping

RECORDS = 100
AMOUNTS = 10_000
SLICE = 0.1  # seconds of CPU time for one engine in one round
MONEY = """
mapping: bench.money
from: any
to: any
fields:
  id:    {from: id, as: text}
  yuan:  {from: amount, as: decimal(2)}
  net:   {expr: amount / (1 + rate), as: decimal(2)}
  total: {expr: "sum(lines, item.amount)", as: decimal(2)}
"""
MONEY_JSONATA = """{
  "id": $string(id), "yuan": $round(amount, 2), "net": $round(amount / (1 + rate), 2),
  "total": $round($sum(lines.amount), 2)
}"""
MONEY_ZEN = """{
  id: string(id), yuan: round(amount, 2), net: round(amount / (1 + rate), 2),
  total: round(sum(map(lines, #.amount)), 2)
}"""


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    mapping: CompiledMapping
    by_hand: Callable[[Record], mappings_by_hand.Found]
    records: Sequence[Record]
    jsonata: str
    zen: str
    least: float  # of the hand-written speed

    def engines(self) -> dict[str, tuple[Engine, Sequence[Record]]]:
        bare = [cast("Record", plain(record)) for record in self.records]
        return {
            "guantong": (partial(self.mapping.apply, tables=TABLES), self.records),
            "by hand": (self.by_hand, self.records),
            "jlens": (in_jlens(self.jsonata), bare),
            "zen-engine": (in_zen(self.zen), bare),
            "zen-engine, one expression": (in_zen_at_once(self.zen), bare),
            "jsonata-python": (in_jsonata_python(self.jsonata), bare),
        }

    def check(self) -> dict[str, str]:
        """Ours equal the hand-written ones, problems included; where the others differ, by the target."""
        for record in self.records:
            mapped, (data, wrong) = self.mapping.apply(record, tables=TABLES), self.by_hand(record)
            found = [(problem.kind, problem.target) for problem in mapped.problems]
            if repr(mapped.data) != repr(data) or found != wrong:
                raise RuntimeError(f"{self.name}: {mapped} is not {data}, {wrong}")
        expected = [plain(self.by_hand(record)[0]) for record in self.records]
        peers = {name: pair for name, pair in self.engines().items() if name not in ("guantong", "by hand")}
        return {
            name: _differing([plain(engine(record)) for record in bare], expected)
            for name, (engine, bare) in peers.items()
        }


def _differing(found: Sequence[object], expected: Sequence[object]) -> str:
    wrong: dict[str, int] = {}
    for mine, theirs in zip(expected, found, strict=True):
        assert isinstance(mine, dict)
        assert isinstance(theirs, dict)
        for key in mine.keys() | theirs.keys():
            if not _alike(mine.get(key), theirs.get(key)):
                wrong[key] = wrong.get(key, 0) + 1
    return ", ".join(f"{key} in {count} of {len(found)}" for key, count in sorted(wrong.items())) or "none"


def _alike(mine: object, theirs: object) -> bool:
    """A moment may be written with or without milliseconds."""
    if isinstance(mine, str) and isinstance(theirs, str):
        return mine == theirs.replace(".000Z", "Z")
    return mine == theirs


def documents() -> list[Document]:
    return [
        Document(
            "lead",
            compile_mapping(LEAD, file="lead"),
            mappings_by_hand.lead,
            leads(RECORDS),
            mappings_peers.JSONATA_LEAD,
            mappings_peers.ZEN_LEAD,
            0.7,
        ),
        Document(
            "receivable",
            compile_mapping(RECEIVABLE, file="receivable"),
            mappings_by_hand.receivable,
            receivables(RECORDS),
            mappings_peers.JSONATA_RECEIVABLE,
            mappings_peers.ZEN_RECEIVABLE,
            0.45,
        ),
    ]


def money_errors() -> tuple[dict[str, int], dict[str, int]]:
    """Of 10,000 records: in how many an amount is off by a fen, and in how many the id has changed."""
    chance = random.Random(19)
    records: list[Record] = [_money(chance) for _ in range(AMOUNTS)]
    ours = compile_mapping(MONEY, file="money")
    engines: dict[str, Engine] = {
        "guantong": lambda record: ours.apply(record).data,
        "jlens": in_jlens(MONEY_JSONATA),
        "zen-engine": in_zen_at_once(MONEY_ZEN),
        "jsonata-python": in_jsonata_python(MONEY_JSONATA),
    }
    off, lost = dict.fromkeys(engines, 0), dict.fromkeys(engines, 0)
    for record in records:
        exact = _exact(record)
        for name, engine in engines.items():
            found = engine(record if name == "guantong" else cast("Record", plain(record)))
            assert isinstance(found, dict)
            off[name] += any(round(float(found[key]) * 100) != fen for key, fen in exact.items())
            lost[name] += found["id"] != str(record["id"])
    return off, lost


def _money(chance: random.Random) -> Record:
    return {
        "id": chance.randrange(10**18, 9 * 10**18),
        "amount": Decimal(chance.randrange(10**9)).scaleb(-3),  # a third place, so that halves occur
        "rate": Decimal(chance.choice(["0.06", "0.09", "0.13"])),
        "lines": [{"amount": Decimal(chance.randrange(10**8)).scaleb(-3)} for _ in range(3)],
    }


def _exact(record: Record) -> dict[str, int]:
    """Whole fen, halves up, in fractions."""
    amount, rate = (Fraction(str(record[name])) for name in ("amount", "rate"))
    lines = cast("list[dict[str, Decimal]]", record["lines"])
    values = {
        "yuan": amount,
        "net": amount / (1 + rate),
        "total": sum((Fraction(line["amount"]) for line in lines), Fraction(0)),
    }
    return {name: math.floor(value * 100 + Fraction(1, 2)) for name, value in values.items()}


def _timed(engine: Engine, records: Sequence[Record]) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        done, start = 0, time.process_time()
        while (spent := time.process_time() - start) < SLICE:
            for record in records:
                engine(record)
            done += len(records)
        return done / spent

    return measure


def measure(rounds: int, *, as_json: bool, screen: Console) -> None:
    conditions = machine()
    found = documents()
    differing = {document.name: document.check() for document in found}
    off, lost = money_errors()
    measures = {
        f"{document.name}, {name}": _timed(engine, records)
        for document in found
        for name, (engine, records) in document.engines().items()
    }
    values = asyncio.run(interleaved(measures, rounds=rounds, screen=screen))
    series = {name: Series(each, "/s") for name, each in values.items()}
    report(
        "Mappings: an ad lead of 40 fields, a receivable with 5 lines; records per second of CPU time",
        series,
        [
            *(goal for document in found for goal in _goals(document, series)),
            Goal("amounts_off_by_a_fen", off["guantong"], 0, at_most=True),
            Goal("ids_lost", lost["guantong"], 0, at_most=True),
        ],
        notes={
            "ratio_to_zen_engine_as_one_expression": {
                document.name: round(_ratio(document, series, "zen-engine, one expression"), 2)
                for document in found
            },
            "off_by_a_fen_of_10000": off,
            "ids_of_19_digits_lost_of_10000": lost,
            **{f"other_results_in_{name}": engines for name, engines in differing.items()},
            "what_the_others_leave_out": " ".join((mappings_peers.__doc__ or "").split()),
            "machine": conditions,
        },
        as_json=as_json,
        screen=screen,
    )


def _goals(document: Document, series: Mapping[str, Series]) -> list[Goal]:
    bounds = {"by hand": document.least, "jlens": 2, "zen-engine": 4, "jsonata-python": 4}
    return [
        Goal(f"{document.name}_ratio_to_{re.sub('[ -]', '_', name)}", _ratio(document, series, name), bound)
        for name, bound in bounds.items()
    ]


def _ratio(document: Document, series: Mapping[str, Series], name: str) -> float:
    return series[f"{document.name}, guantong"].over(series[f"{document.name}, {name}"])


def main(
    rounds: Annotated[int, typer.Option(min=5)] = 11,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    measure(rounds, as_json=as_json, screen=Console())


if __name__ == "__main__":
    typer.run(main)
