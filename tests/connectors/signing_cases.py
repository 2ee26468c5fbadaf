"""What every signing service must stand, whoever it is. A vendor's test module fills in the names."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connector_kit import Connector
from domain.faults import (
    Fault,
    Malformed,
    Misconfigured,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
    Unmappable,
)
from domain.records import SigningParty
from domain.states import SigningState
from sandboxes.common import Running
from tests.connectors.signing_desk import PDF, Desk, contract, open_desk

TITLE = "HT-2026-0042 示例采购合同"
REASON = "价格有误"


class SigningCases:
    connector: ClassVar[Connector]
    create: ClassVar[Mapping[str, Any]]
    """How a fault rule strikes the creating call."""
    before: ClassVar[str]
    """A call that comes before it."""
    upload: ClassVar[str]
    detail: ClassVar[str]
    cancel: ClassVar[str]
    file: ClassVar[str]
    strangers: ClassVar[tuple[Mapping[str, Any], ...]]
    minutes_wrong: ClassVar[int]
    longest_reason: ClassVar[int]
    too_late: ClassVar[str]
    """The vendor's code for revoking what is over."""
    secrets: ClassVar[tuple[str, ...]] = ("app_secret",)
    """The credentials that are kept nowhere."""
    signs_at: ClassVar[str] = "https://"
    file_name: ClassVar[str] = f"{TITLE}.pdf"

    async def test_from_the_upload_to_the_signed_file(self, desk: Desk) -> None:
        request = contract()
        created = await desk.adapter.create_flow(request, PDF)
        assert (created.key, created.state, created.parties) == (request.key, SigningState.SIGNING, 3)
        seen = await desk.adapter.flow(created.flow_id)
        assert (seen.state, seen.signed_parties, seen.key) == (SigningState.PARTLY_SIGNED, 1, request.key)
        assert (await desk.adapter.sign_url(created.flow_id, "+8613800000001")).startswith(self.signs_at)
        with pytest.raises(Rejected):
            await desk.adapter.signed_file(created.flow_id)

        await desk.control("act/sign", {"flow_id": created.flow_id})
        assert (await desk.adapter.flow(created.flow_id)).signed_parties == 2
        await desk.control("act/sign", {"title": TITLE})
        done = await desk.adapter.flow(created.flow_id)
        assert (done.state, done.signed_parties, done.parties) == (SigningState.SIGNED, 3, 3)
        assert done.finished_at is not None

        await desk.advance(2)
        file = await desk.adapter.signed_file(created.flow_id)
        assert file.name == self.file_name
        assert file.content.startswith(PDF)
        assert file.content.count(b"%% signature") == 3
        assert file.sha256 == hashlib.sha256(file.content).hexdigest()

    async def test_another_sending_of_the_same_contract_is_another_flow(self, desk: Desk) -> None:
        first, second = contract(), contract(key="HT-2026-0042/2")
        one = await desk.adapter.create_flow(first, PDF)
        two = await desk.adapter.create_flow(second, PDF)
        await desk.adapter.revoke(one.flow_id, "重发")
        found = [await desk.adapter.find_flow(request) for request in (first, second)]
        assert [flow and flow.flow_id for flow in found] == [one.flow_id, two.flow_id]
        assert await desk.adapter.find_flow(contract(key="HT-2026-0042/3")) is None

    async def test_found_on_a_later_page(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(f"connectors.{self.connector.manifest.id}.protocol.PAGE_SIZE", 2)
        requests = [contract(key=f"HT-2026-0042/{n}") for n in range(5)]
        flows = [await desk.adapter.create_flow(request, PDF) for request in requests]
        found = [await desk.adapter.find_flow(request) for request in requests]
        assert [flow and flow.flow_id for flow in found] == [flow.flow_id for flow in flows]

    async def test_a_read_is_repeated_and_an_upload_too(self, desk: Desk) -> None:
        await desk.fault("drop_after", self.upload)
        created = await desk.adapter.create_flow(contract(), PDF)
        assert len(await desk.books()) == 1
        await desk.fault("status_before", self.detail)
        assert (await desk.adapter.flow(created.flow_id)).flow_id == created.flow_id

    @pytest.mark.parametrize("kind", ["timeout_after", "drop_after", "status_after", "malformed"])
    async def test_a_lost_answer_is_found_by_our_key(self, desk: Desk, kind: str) -> None:
        await desk.fault(kind, seconds=1, **self.create)
        request = contract()
        with pytest.raises(UnknownOutcome):
            await desk.adapter.create_flow(request, PDF)
        found = await desk.adapter.find_flow(request)
        assert found is not None
        assert [found.flow_id] == list(await desk.books())
        assert found.key == request.key

    @pytest.mark.parametrize("kind", ["timeout_before", "drop_before", "status_before", "vendor_error"])
    async def test_what_never_happened_is_not_found(self, desk: Desk, kind: str) -> None:
        await desk.fault(kind, seconds=1, **self.create)
        with pytest.raises(UnknownOutcome):
            await desk.adapter.create_flow(contract(), PDF)
        assert await desk.adapter.find_flow(contract()) is None
        created = await desk.adapter.create_flow(contract(), PDF)
        assert list(await desk.books()) == [created.flow_id]

    @pytest.mark.parametrize(
        ("kind", "more", "read", "write"),
        [
            ("timeout_before", {"seconds": 1}, Transient, UnknownOutcome),
            ("timeout_after", {"seconds": 1}, Transient, UnknownOutcome),
            ("status_before", {"status": 503}, Transient, UnknownOutcome),
            ("status_before", {"status": 429}, Throttled, Throttled),
            ("status_after", {"status": 500}, Transient, UnknownOutcome),
            ("vendor_error", {}, Transient, UnknownOutcome),
            ("drop_before", {}, Transient, UnknownOutcome),
            ("drop_after", {}, Transient, UnknownOutcome),
            ("malformed", {}, Malformed, UnknownOutcome),
        ],
    )
    async def test_each_fault(
        self, desk: Desk, kind: str, more: dict[str, Any], read: type[Fault], write: type[Fault]
    ) -> None:
        """More often than reads are repeated."""
        created = await desk.adapter.create_flow(contract(), PDF)
        await desk.fault(kind, self.detail, times=10, **more)
        with pytest.raises(read) as looked:
            await desk.adapter.flow(created.flow_id)
        await desk.fault(kind, self.cancel, times=10, **more)
        with pytest.raises(write) as withdrawn:
            await desk.adapter.revoke(created.flow_id, REASON)
        assert (type(looked.value), type(withdrawn.value)) == (read, write)

    async def test_before_the_flow_exists_a_failure_is_no_doubt(self, desk: Desk) -> None:
        await desk.fault("drop_after", self.before, times=3)
        with pytest.raises(Transient):
            await desk.adapter.create_flow(contract(), PDF)
        assert await desk.books() == {}

    async def test_half_a_file_is_not_filed_and_a_dead_link_is_asked_for_again(self, desk: Desk) -> None:
        created = await desk.adapter.create_flow(contract(), PDF)
        await desk.control("act/sign_all", {"flow_id": created.flow_id})
        await desk.advance(2)
        await desk.fault("malformed", self.file)
        with pytest.raises(Malformed):
            await desk.adapter.signed_file(created.flow_id)
        await desk.fault("status_before", self.file, status=403)
        assert (await desk.adapter.signed_file(created.flow_id)).content.startswith(PDF)
        await desk.fault("status_before", self.file, status=403, times=2)
        with pytest.raises(Transient):
            await desk.adapter.signed_file(created.flow_id)

    async def test_wrong_credentials_and_a_wrong_clock(self, served: Running, desk: Desk) -> None:
        for changes in self.strangers:
            async with open_desk(self.connector, served, **changes) as stranger:
                with pytest.raises(Misconfigured):
                    await stranger.adapter.flow("none")
        desk.clock.shift = timedelta(minutes=self.minutes_wrong)
        with pytest.raises(Misconfigured):
            await desk.adapter.flow("none")

    async def test_refused_by_the_mapping(self, desk: Desk) -> None:
        nobody = SigningParty(order=1, organisation="测试客户有限公司", person="测试甲", phone=None)
        with pytest.raises(Unmappable) as caught:
            await desk.adapter.create_flow(contract(parties=[nobody]), PDF)
        assert caught.value.problems

    async def test_the_quota_is_used_up(self, desk: Desk) -> None:
        await desk.control("act/quota", {"left": 0})
        with pytest.raises(Rejected, match="份额"):
            await desk.adapter.create_flow(contract(), PDF)

    async def test_revoked(self, desk: Desk) -> None:
        created = await desk.adapter.create_flow(contract(), PDF)
        await desk.adapter.revoke(created.flow_id, REASON * 100)
        await desk.adapter.revoke(created.flow_id, "again")
        seen = await desk.adapter.flow(created.flow_id)
        assert (seen.state, seen.reason) == (SigningState.REVOKED, (REASON * 100)[: self.longest_reason])

    async def test_too_late_to_revoke(self, desk: Desk) -> None:
        created = await desk.adapter.create_flow(contract(), PDF)
        await desk.control("act/sign_all", {"flow_id": created.flow_id})
        with pytest.raises(Rejected) as caught:
            await desk.adapter.revoke(created.flow_id, "x")
        assert caught.value.code == self.too_late

    async def test_declined(self, desk: Desk) -> None:
        created = await desk.adapter.create_flow(contract(), PDF)
        await desk.control("act/decline", {"flow_id": created.flow_id, "reason": "条款不同意"})
        seen = await desk.adapter.flow(created.flow_id)
        assert (seen.state, seen.reason) == (SigningState.DECLINED, "条款不同意")
        with pytest.raises(Rejected):
            await desk.adapter.signed_file(created.flow_id)

    async def test_it_expires_by_itself(self, desk: Desk) -> None:
        soon = datetime.now(UTC) + timedelta(seconds=100)
        created = await desk.adapter.create_flow(contract(expires_at=soon), PDF)
        await desk.advance(200)
        assert (await desk.adapter.flow(created.flow_id)).state is SigningState.EXPIRED

    async def test_no_secret_in_what_is_kept(self, served: Running, desk: Desk) -> None:
        created = await desk.adapter.create_flow(contract(), PDF)
        await desk.control("act/sign_all", {"flow_id": created.flow_id})
        await desk.advance(2)
        await desk.adapter.signed_file(created.flow_id)
        assert desk.said.exchanges
        made = served.sandbox.credentials()
        for kept in ("%PDF", *(made[name] for name in self.secrets)):
            assert not any(kept in repr(exchange) for exchange in desk.said.exchanges)


class ExpiryIsTheEnd:
    """For the vendors that extend only what still runs."""

    expired: ClassVar[str]
    """The vendor's code for extending what has expired."""

    async def test_extended_while_it_runs_and_not_after_it_expired(self, desk: Desk) -> None:
        created = await desk.adapter.create_flow(contract(), PDF)
        until = datetime.now(UTC) + timedelta(days=40)
        await desk.adapter.extend(created.flow_id, until)
        with pytest.raises(Rejected):
            await desk.adapter.extend(created.flow_id, until - timedelta(days=1))
        await desk.control("act/expire", {"flow_id": created.flow_id})
        assert (await desk.adapter.flow(created.flow_id)).state is SigningState.EXPIRED
        with pytest.raises(Rejected) as caught:
            await desk.adapter.extend(created.flow_id, until + timedelta(days=1))
        assert caught.value.code == self.expired
