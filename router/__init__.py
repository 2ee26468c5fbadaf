"""Who gets a lead: rules as data, one pure evaluate(), an answer and its reason."""

from router.checks import Flaw, PlanError
from router.decision import CandidateVerdict, Decision, Seat, evaluate, replay
from router.model import LeadFacts, Rule, Salesperson
from router.plan import Route, RoutingPlan
from router.rotation import ONE_LEAD

__all__ = [
    "ONE_LEAD",
    "CandidateVerdict",
    "Decision",
    "Flaw",
    "LeadFacts",
    "PlanError",
    "Route",
    "RoutingPlan",
    "Rule",
    "Salesperson",
    "Seat",
    "evaluate",
    "replay",
]
