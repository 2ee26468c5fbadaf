"""A person asks for something about a contract that is out for signing."""

from datetime import date
from typing import Any

from domain.states import SigningAct
from flows import signing_acts
from hub.bootstrap import Hub


async def ask(
    hub: Hub,
    number: str,
    act: SigningAct,
    *,
    by: str,
    until: date | None = None,
    reason: str | None = None,
) -> dict[str, Any]:
    """`asked` False: it had been asked already, and that stands. Raises flows.contracts.Refused."""
    await hub.connections.refresh()
    moment = signing_acts.end_of(until) if until else None
    asked = await hub.store.run(
        lambda uow: signing_acts.ask(
            uow, number, act, by=by, context=hub.context, until=moment, reason=reason
        )
    )
    return {"number": number, "act": act, "asked": asked}
