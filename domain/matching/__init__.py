from domain.matching.kinds import Kind
from domain.matching.terms import (
    WEIGHTS,
    Allocation,
    Band,
    Flag,
    MatchResult,
    OpenItem,
    Proposal,
    Weights,
)
from domain.matching.verdict import match

__all__ = [
    "WEIGHTS",
    "Allocation",
    "Band",
    "Flag",
    "Kind",
    "MatchResult",
    "OpenItem",
    "Proposal",
    "Weights",
    "match",
]
