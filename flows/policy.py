"""The company's decisions, as data: which ERP owns a customer, who signs for us, how receipts are matched."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import configuration
from configuration import ConfigurationError, Node
from expressions import Expression, ExpressionError, compile_expression

CUSTOMER_NAMES = frozenset({"region", "city", "name", "code", "credit_code"})


@dataclass(frozen=True, slots=True)
class ErpRule:
    """The first rule whose `when` holds (or that has none) gives the customer to its connection."""

    connection: str
    when: Expression | None


@dataclass(frozen=True, slots=True)
class Policy:
    erp_owner: tuple[ErpRule, ...]
    signer: str
    own_company: str
    """The name under which our company seals."""
    signing_time: timedelta
    match_automatically: bool

    @classmethod
    def from_yaml(cls, source: Path | str, *, file: str = "policy.yaml") -> "Policy":
        """Raises ConfigurationError with file and line."""
        root = (
            configuration.load(source) if isinstance(source, Path) else configuration.parse(source, file=file)
        )
        root.only({"erp_owner", "signer", "own_company", "signing_days", "match_automatically"})
        return cls(
            erp_owner=tuple(_erp_rule(row) for row in root.required("erp_owner").sequence()),
            signer=root.required("signer").text(),
            own_company=root.required("own_company").text(),
            signing_time=timedelta(days=root.integer("signing_days", default=30)),
            match_automatically=root.boolean("match_automatically", default=True),
        )

    def erp_for(self, customer: dict[str, object]) -> str | None:
        """None when no rule fits."""
        for rule in self.erp_owner:
            if rule.when is None or rule.when(customer):
                return rule.connection
        return None


def _erp_rule(row: Node) -> ErpRule:
    row.only({"connection", "when"})
    when = row.get("when")
    return ErpRule(row.required("connection").text(), _condition(when) if when else None)


def _condition(node: Node) -> Expression:
    try:
        return compile_expression(node.text(), names=CUSTOMER_NAMES)
    except ExpressionError as error:
        raise ConfigurationError(
            f"'when' cannot be read: {error}",
            file=node.file,
            line=node.line,
            column=node.column,
            remedy=f"use only {', '.join(sorted(CUSTOMER_NAMES))}",
        ) from error
