"""A sample as YAML for `samples:`, with the code-table rows that it needs and no others."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from textwrap import indent
from typing import cast

import yaml

from configuration import ConfigurationError
from expressions import Expression
from mappings.mapping import CompiledMapping
from mappings.masking import Masker
from mappings.rows import Row, all_rows
from mappings.samples import shown
from mappings.tables import NO_TABLES, CodeTable


@dataclass(frozen=True, slots=True)
class NotingTable:
    """Notes the rows that were asked for and found."""

    table: CodeTable
    rows: dict[str, str] = field(default_factory=dict)

    def lookup(self, key: str) -> str | None:
        code = self.table.lookup(key)
        if code is not None:
            self.rows[key] = code
        return code


def record_sample(
    mapping: CompiledMapping,
    record: Mapping[str, object],
    *,
    name: str,
    tables: Mapping[str, CodeTable] = NO_TABLES,
) -> str:
    """The mapping is run now: what comes out is what the sample will expect."""
    noting = {table: NotingTable(found) for table, found in tables.items()}
    mapped = mapping.apply(record, tables=noting)
    used = {table: noted.rows for table, noted in noting.items() if noted.rows}
    sample = {
        "name": name,
        "in": _plain(record, exact=False),
        **({"tables": _forwards(used)} if used else {}),
        "out": _plain(mapped.data, exact=True),
        **({"problems": shown(mapped.problems)} if mapped.problems else {}),
    }
    return yaml.dump([sample], Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)


def masked(
    mapping: CompiledMapping, record: Mapping[str, object], tables: Mapping[str, CodeTable] = NO_TABLES
) -> dict[str, object]:
    """Without personal data. What the rows depend on stays: options that they name, keys of code tables."""
    noting = {name: NotingTable(table) for name, table in tables.items()}
    mapping.apply(record, tables=noting)
    keys = {key for table in noting.values() for key in table.rows}
    return Masker(frozenset(keys.union(*(_options(row) for row in all_rows(mapping.rows))))).record(record)


def _options(row: Row) -> set[str]:
    expressions = [each for each in (row.source, row.when, row.where) if isinstance(each, Expression)]
    return {*(row.table or ()), *(text for each in expressions for text in _literals(each))}


def _literals(expression: Expression) -> set[str]:
    nodes = ast.walk(ast.parse(expression.source.strip(), mode="eval"))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def with_sample(text: str, sample: str, *, file: str) -> str:
    """The text of a mapping file with one more sample at its end. Raises ConfigurationError."""
    keys = re.findall(r"^(\w+):(.*)$", text, re.MULTILINE)
    samples = next((rest for key, rest in keys if key == "samples"), None)
    if samples is None:
        return f"{text.rstrip()}\nsamples:\n{indent(sample, '  ')}"
    if keys[-1][0] != "samples" or samples.split("#")[0].strip():
        raise ConfigurationError(
            "a sample can be added only where 'samples:' is a list at the end of the file",
            file=file,
            remedy="leave --out away and paste what is printed",
        )
    first = re.search(r"^samples:.*\n(?:[ \t]*(?:#.*)?\n)*([ ]*)-", text, re.MULTILINE)
    return f"{text.rstrip()}\n{indent(sample, first[1] if first else '  ')}"


def _forwards(used: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """A table that was read backwards is written forwards."""
    found: dict[str, dict[str, str]] = {}
    for name, rows in used.items():
        turned = {code: key for key, code in rows.items()} if name.endswith(".inverse") else rows
        found.setdefault(name.removesuffix(".inverse"), {}).update(turned)
    return found


def _plain(value: object, *, exact: bool) -> object:
    """`exact`: decimals as texts, because these are compared digit by digit."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each, exact=exact) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, exact=exact) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if exact and isinstance(value, Decimal) else value


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _decimal(dumper: yaml.SafeDumper, value: Decimal) -> yaml.Node:
    text = format(value, "f")
    kind = "float" if "." in text else "int"
    return cast("yaml.Node", dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text))


_Dumper.add_representer(Decimal, _decimal)
