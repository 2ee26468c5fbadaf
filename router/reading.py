"""A plan from its file: every mistake with its line and what to do about it."""

from configuration import Node, Problems
from expressions import Expression, ExpressionError, compile_expression
from router.checks import Flaw, find_flaws
from router.model import LEAD_NAMES, Rule, Salesperson

_SCOPE = ("regions", "product_lines", "levels")


def read_plan(root: Node) -> tuple[tuple[Rule, ...], tuple[Salesperson, ...], str | None]:
    root.only({"people", "rules", "fallback_team"})
    problems = Problems()
    people, rules = [], []
    for node in root.required("people").sequence():
        with problems.collecting():
            people.append(_person(node))
    for node in root.required("rules").sequence():
        with problems.collecting():
            rules.append(_rule(node))
    fallback = root.string("fallback_team") or None
    problems.raise_if_any()
    for flaw in find_flaws(rules, people, fallback):
        problems.add(_owner(root, flaw).key_error(flaw.key, flaw.message, remedy=flaw.remedy))
    problems.raise_if_any()
    return tuple(rules), tuple(people), fallback


def _owner(root: Node, flaw: Flaw) -> Node:
    return root.required(flaw.part).sequence()[flaw.position] if flaw.part else root


def _person(node: Node) -> Salesperson:
    node.only({"id", "name", "team", "weight", "capacity", "active", *_SCOPE})
    node.required("capacity")
    return Salesperson(
        id=node.required("id").text(),
        name=node.required("name").text(),
        team=node.required("team").text(),
        weight=node.integer("weight", default=1),
        capacity=node.integer("capacity"),
        active=node.boolean("active", default=True),
        **_scope(node),
    )


def _rule(node: Node) -> Rule:
    node.only({"name", "when", "team", "people", "order", "pool", *_SCOPE})
    return Rule(
        name=node.required("name").text(),
        when=_condition(node.get("when")),
        team=node.string("team") or None,
        people=tuple(_texts(node.get("people"))),
        order=node.integer("order") if node.get("order") else None,
        pool=node.string("pool"),
        **_scope(node),
    )


def _condition(node: Node | None) -> Expression | None:
    if node is None:
        return None
    try:
        return compile_expression(node.text(), names=frozenset(LEAD_NAMES))
    except ExpressionError as error:
        raise node.error(error.message, remedy=error.remedy, offset=error.column - 1) from error


def _scope(node: Node) -> dict[str, frozenset[str]]:
    return {key: frozenset(_texts(node.get(key))) for key in _SCOPE}


def _texts(node: Node | None) -> list[str]:
    """One text, or a list of texts."""
    if node is None:
        return []
    texts = [node] if node.kind == "text" else node.sequence()
    for each in texts:
        if not each.text().strip():
            raise each.error("a blank value fits nothing", remedy="remove it")
    return [each.text() for each in texts]
