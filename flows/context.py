"""What every flow is given."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from crm_store import Store, UnitOfWork
from crm_store.deliveries import Delivery
from domain.ports import Clock
from flows.policy import Policy
from router import RoutingPlan

Port = TypeVar("Port")


class Ports(Protocol):
    """The configured connections, by what they can do."""

    def get(self, connection: str, port: type[Port]) -> Port:
        """Raises domain.faults.Misconfigured when the connection is unknown or cannot do that."""
        ...

    def all(self, port: type[Port]) -> Mapping[str, Port]:
        """Every connection that can do it."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    store: Store
    ports: Ports
    routing: RoutingPlan
    policy: Policy
    clock: Clock
    hook_url: Callable[[str], str]
    """Connection name to the address where its vendor calls us."""


async def _nothing(uow: UnitOfWork) -> None:
    return


@dataclass(frozen=True, slots=True)
class Outcome:
    """A delivery that succeeded: the vendor's id, and what to write in the transaction that ends it."""

    vendor_id: str | None = None
    apply: Callable[[UnitOfWork], Awaitable[None]] = _nothing


Operation = Callable[[Context, Delivery], Awaitable[Outcome]]
"""Carries out one delivery. May raise the faults of `domain.faults`; may be run again after any of them."""


class NotYet(Exception):
    """A message came before what it refers to; it is tried again shortly, and parked if that is vain."""
