"""The ports that this vendor serves: Hook, LeadReader, LeadSource, LeadFeedback."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector_kit import Page, Tools, read_whole
from connectors.douyin_leads import protocol
from connectors.douyin_leads.client import Client
from connectors.douyin_leads.feedback import doors_of
from connectors.douyin_leads.hooks import LeadHook
from connectors.douyin_leads.settings import Settings, Source
from connectors.douyin_leads.wire import Row
from domain.faults import Fault, Misconfigured, Rejected, Unmappable
from domain.ports import Inbound, LeadOutcome, Translated
from domain.records import Lead

MAPPINGS = {
    "lead.push": "douyin_leads.push",
    "lead.pull": "douyin_leads.pull",
    "lead.life": "douyin_leads.life",
    "lead.douyin": "douyin_leads.douyin",
    "lead.feiyu": "douyin_leads.feiyu",
}


class DouyinLeads(LeadHook):
    def __init__(self, settings: Settings, tools: Tools) -> None:
        super().__init__(settings)
        self._client = Client(settings, tools)
        self._mappings = tools.mappings
        self._names = settings.push_names
        self._sources = settings.sources
        self._reports_to = doors_of(settings)
        self.feeds_back = settings.feedback

    async def pull_leads(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[Inbound]]:
        """Every source is read, even when one before it fails; then the first failure is told."""
        failed: Fault | None = None
        for source in self._sources:
            try:
                async for messages in self._pull(source, since, until):
                    yield messages
            except Fault as fault:
                failed = failed or fault
        if failed:
            raise failed

    async def _pull(
        self, source: Source, since: datetime, until: datetime
    ) -> AsyncIterator[Sequence[Inbound]]:
        """A lead is never taken away again, so a window only grows."""

        async def read(number: int) -> Page[Row]:
            return await self._client.page(source, since=since, until=until, number=number)

        async for rows in read_whole(read, protocol.clue_id, only_grows=True):
            yield [protocol.pulled(row, source) for row in rows]

    async def report(
        self, vendor_id: str, outcome: LeadOutcome, at: datetime, reason: str | None = None
    ) -> None:
        """The vendor takes no time of the event. A door that does not know the lead refuses it."""
        refusal: Rejected | None = None
        for door in self._reports_to:
            try:
                await self._client.report(door, vendor_id, outcome, reason)
            except Rejected as fault:
                refusal = refusal or fault
            else:
                return
        raise refusal or Misconfigured("没有可回传的账户 (no account to report to)")

    def read_lead(self, kind: str, body: bytes) -> Translated[Lead]:
        translated = self._mappings.translate(MAPPINGS[kind], self._fields(kind, body))
        return Translated(_lead(translated.record), translated.mapping)

    def _fields(self, kind: str, body: bytes) -> Mapping[str, object]:
        try:
            fields = protocol.tidy(protocol.decode(body))
        except ValueError as error:
            raise Unmappable(["报文不是 JSON (not JSON)"]) from error
        if not isinstance(fields, dict):
            raise Unmappable(["报文不是 JSON 对象 (not a JSON object)"])
        named = protocol.default_names(fields, self._names) if kind == "lead.push" else fields
        return protocol.unfolded(named)


def _lead(data: Mapping[str, Any]) -> Lead:
    answers = data.get("answers")
    return Lead(**{**data, "answers": _texts(answers) if isinstance(answers, Mapping) else None})


def _texts(answers: Mapping[str, object]) -> Mapping[str, str] | None:
    return {
        label: protocol.shown(answer) for label, answer in answers.items() if answer not in (None, "")
    } or None
