"""Bank statements: taken whole, given again without harm, parked when they cannot be read."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from connector_kit.certify.model import Check, Failed, Level, Skipped
from connector_kit.certify.stand import Open, Stand
from domain.faults import Fault, Unmappable
from domain.ports import Inbound, StatementFeed

XXE = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">&x;</Document>'
)
JUNK = (b"", b"<", b"<html></html>", b"not xml", XXE, b"\x00\xff", b"<Document></Document>", b"<a>" * 5000)


def checks() -> list[Check]:
    rows: tuple[tuple[str, Level, str, str, Callable[[Stand], Awaitable[None]], bool], ...] = (
        ("statement.taken", "bronze", "对账单被取走并可读", "a statement is taken and read", taken, False),
        (
            "statement.again",
            "silver",
            "再给一次是同一条消息",
            "given again it is the same message",
            again,
            False,
        ),
        (
            "statement.half_written",
            "silver",
            "写了一半的文件不取",
            "a half-written file is left alone",
            half,
            True,
        ),
        ("statement.cut", "gold", "任何位置截断都停放", "cut anywhere it is parked", cut, True),
        ("statement.junk", "gold", "乱码与恶意 XML 都停放", "junk and hostile XML are parked", junk, True),
        (
            "statement.no_folder",
            "silver",
            "文件夹不见了：说明故障",
            "a missing folder is a fault",
            no_folder,
            True,
        ),
    )
    return [Check(n, "StatementFeed", level, zh, en, run, f) for n, level, zh, en, run, f in rows]


async def _issued(stand: Stand) -> None:
    if stand.bench.statement is None:
        raise Skipped("the bench does not say how a statement comes to be")
    for act in stand.bench.statement(stand.folder):
        await stand.act(act)


async def _all(opened: Open) -> list[Inbound]:
    return [message async for message in opened.port(StatementFeed).new_statements()]


async def _one(stand: Stand, opened: Open) -> Inbound:
    await _issued(stand)
    messages = await _all(opened)
    if len(messages) != 1:
        raise Failed(f"one statement was issued, {len(messages)} messages came")
    return messages[0]


async def taken(stand: Stand) -> None:
    async with stand.open() as opened:
        message = await _one(stand, opened)
        translated = opened.port(StatementFeed).read_statement(message.body)
    lines = [line for statement in translated.record for line in statement.lines]
    if len(lines) != 1 or lines[0].direction != "in" or not translated.mapping:
        raise Failed(f"one payment was made, read {lines}")


async def again(stand: Stand) -> None:
    async with stand.open() as opened:
        first = await _one(stand, opened)
    async with stand.open() as opened:
        (second,) = await _all(opened)
        if await _all(opened):
            raise Failed("the same file is given again at every look")
    if first.dedupe_key != second.dedupe_key:
        raise Failed("the same file makes another message after a restart")


async def half(stand: Stand) -> None:
    async with stand.open() as opened:
        message = await _one(stand, opened)
    path = _only_file(stand)
    path.write_bytes(message.body[: len(message.body) // 2])
    async with stand.open() as opened:
        if await _all(opened):
            raise Failed("half a file was taken")
        path.write_bytes(message.body)
        if len(await _all(opened)) != 1:
            raise Failed("the finished file was not taken")


def _only_file(stand: Stand) -> Path:
    (path,) = Path(stand.folder).glob("*.xml")
    return path


async def cut(stand: Stand) -> None:
    async with stand.open() as opened:
        message = await _one(stand, opened)
        for end in range(0, len(message.body) - 1, max(1, len(message.body) // 80)):
            _parked(opened, message.body[:end].rstrip())


async def junk(stand: Stand) -> None:
    async with stand.open() as opened:
        for body in JUNK:
            _parked(opened, body)


def _parked(opened: Open, body: bytes) -> None:
    try:
        statements = opened.port(StatementFeed).read_statement(body).record
    except Unmappable:
        return
    except Exception as error:
        raise Failed(f"{body[:24]!r}: {type(error).__name__}: {error}") from error
    raise Failed(f"{body[:24]!r} was read as {statements}")


async def no_folder(stand: Stand) -> None:
    async with stand.open({str(stand.bench.folder): f"{stand.folder}/none"}) as opened:
        try:
            await _all(opened)
        except Fault:
            return
    raise Failed("a folder that does not exist looks empty")
