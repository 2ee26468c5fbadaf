"""Weighted rotation: whose turn it is, from integers to integers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

ONE_LEAD = math.lcm(*range(1, 37))
"""The unit of a level. So divisible that shares are exact while the weights add up to at most 36."""

MOST = ONE_LEAD * 3 // 2
"""Nobody comes back with more than this to catch up on, or to wait for."""


@dataclass(frozen=True, slots=True)
class Turn:
    owner: str
    levels: Mapping[str, int]
    """What to store for everybody who could have had this lead: due so far, less what they got."""
    due: Mapping[str, int]
    """What was due to each before this lead was given, this one's share included."""
    turns_left: Mapping[str, int]
    """How many leads each could still wait before being a whole lead behind."""


def take_turn(weights: Mapping[str, int], levels: Mapping[str, int]) -> Turn:
    """`weights` names those who may have this lead; who has no level yet starts at the others' mean.

    Each is credited a share of the lead by weight. It then goes to the one who would first fall a whole lead
    behind, among those who are behind at all. The greatest credit first, as in smooth weighted round robin,
    does not keep everybody within one lead when many small weights meet a few large ones; this does.
    Who is away is not credited and keeps the level, so that coming back brings neither a burst nor a wait.
    """
    known = [levels[person] for person in weights if person in levels]
    mean = sum(known) // len(known) if known else 0
    shares = _shares(weights)
    due = {
        person: min(max(levels.get(person, mean) - mean, -MOST), MOST) + share
        for person, share in shares.items()
    }
    turns_left = {person: _turns_left(due[person], shares[person]) for person in shares}
    owner = min(
        (person for person in due if due[person] > 0),
        key=lambda person: (turns_left[person], -due[person], person),
    )
    after = {person: mean + level - ONE_LEAD * (person == owner) for person, level in due.items()}
    return Turn(owner, after, due, turns_left)


def _shares(weights: Mapping[str, int]) -> dict[str, int]:
    """One lead, divided by weight; the remainder of the division goes where it falls, so the sum is exact."""
    total, given, reached = sum(weights.values()), 0, 0
    shares = {}
    for person in sorted(weights):
        reached += weights[person]
        shares[person] = ONE_LEAD * reached // total - given
        given += shares[person]
    return shares


def _turns_left(due: int, share: int) -> int:
    return max(0, -((due - ONE_LEAD) // share))
