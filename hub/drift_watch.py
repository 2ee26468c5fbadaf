"""Every worker's memory of what messages look like: looked at per message, written down when it has news."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from crm_store import Store, UnitOfWork
from domain.faults import Unmappable
from flows import drift
from flows.drift import Sighting
from mappings import CompiledMapping
from mappings.drift import Shape, reads_of

OURS = "neutral."
"""Mappings from our own records cannot drift."""

Look = Callable[[CompiledMapping, Mapping[str, object]], None]


REMEMBERED = 2000
"""Messages that a process knows again: one that is tried several times counts once."""


@dataclass(slots=True)
class InHand:
    message_id: int
    sightings: list[Sighting] = field(default_factory=list)


_IN_HAND: ContextVar[InHand | None] = ContextVar("drift_in_hand", default=None)


@contextmanager
def noting_drift(message_id: int) -> Iterator[None]:
    """What is translated inside the block is compared with the messages before it, and teaches."""
    token = _IN_HAND.set(InHand(message_id))
    try:
        yield
    finally:
        _IN_HAND.reset(token)


def take_holding() -> Sighting | None:
    """What the message in hand has to wait for; it is for the caller to write down."""
    in_hand = _IN_HAND.get()
    noted = in_hand.sightings if in_hand else []
    found = next((each for each in noted if any(change.holds for change in each.changes)), None)
    if found is not None:
        noted.remove(found)
    return found


async def keep_drift(store: Store) -> None:
    """Writes down what the message in hand has shown, and lets nobody wait for it."""
    in_hand = _IN_HAND.get()
    while in_hand and in_hand.sightings:
        sighting = in_hand.sightings.pop()
        if not (sighting.changes or sighting.shape.untold):
            continue  # another message has told it
        async with store.transaction() as uow:
            if not sighting.changes:
                await uow.drift.learn_lightly()
            await drift.learn(uow, sighting, in_hand.message_id)


class DriftWatch:
    def __init__(self) -> None:
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._loaded = False
        self._seen: dict[tuple[int, str], None] = {}

    async def load(self, uow: UnitOfWork) -> None:
        """Once; what other processes learn comes with the next thing that this one tells."""
        if self._loaded:
            return
        for row in await uow.drift.shapes():
            self._shapes[row["connection"], row["kind"]] = Shape.from_json(row["learned"])
        self._loaded = True

    def of(self, connection: str) -> Look:
        """What a Translator shows its messages to. Raises Unmappable for one that has to wait."""

        def look(mapping: CompiledMapping, record: Mapping[str, object]) -> None:
            in_hand = _IN_HAND.get()
            if in_hand is not None and not mapping.source.startswith(OURS):
                self._look(in_hand, connection, mapping, record)

        return look

    def _look(
        self, in_hand: InHand, connection: str, mapping: CompiledMapping, record: Mapping[str, object]
    ) -> None:
        shape, reads = self._shape(connection, mapping), reads_of(mapping)
        first = self._first_time(in_hand.message_id, mapping.source)
        changes = shape.look(record, reads) if first else shape.waits_for(record, reads)
        if changes or shape.untold:
            in_hand.sightings.append(Sighting(connection, mapping, shape, changes))
        holding = [change.text for change in changes if change.holds]
        if holding:
            raise Unmappable(holding)

    def _first_time(self, message_id: int, kind: str) -> bool:
        if (message_id, kind) in self._seen:
            return False
        self._seen[message_id, kind] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return True

    def _shape(self, connection: str, mapping: CompiledMapping) -> Shape:
        key = (connection, mapping.source)
        if key not in self._shapes:
            self._shapes[key] = Shape()
            self._shapes[key].expect(mapping)
        return self._shapes[key]
