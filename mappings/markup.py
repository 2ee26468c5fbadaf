"""XML targets. The elements are nested data: `@name` is an attribute, `#text` the text, a list repeats."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from configuration import Node, Problems
from mappings.lines import Line
from mappings.rows import Constant, Row

TEXT = "#text"
_NAME = re.compile(r"(?:(?P<prefix>[^\W\d][\w-]*):)?[^\W\d][\w-]*")
_FORMATS = ("json", "xml")


@dataclass(frozen=True, slots=True)
class Markup:
    root: str
    namespaces: Mapping[str, str]

    def check(self, lines: Iterable[Line], problems: Problems) -> None:
        for line in lines:
            with problems.collecting():
                self._check(line)
            self.check(line.rows or (), problems)

    def _check(self, line: Line) -> None:
        *above, last = line.keys
        for key in above:
            if key.startswith(("@", "#")):
                raise line.error(
                    f"'{key}' has nothing below it", remedy="put it at the end: Amount.@currency"
                )
        if line.rows is not None and last.startswith(("@", "#")):
            raise line.error(f"'{line.target}' cannot repeat", remedy="an attribute and a text are one value")
        for key in line.keys:
            self._check_name(line, key)

    def _check_name(self, line: Line, key: str) -> None:
        name = _NAME.fullmatch(key.removeprefix("@"))
        if key == TEXT:
            return
        if name is None or key.startswith("@xmlns"):
            raise line.error(
                f"'{key}' is no name in XML",
                remedy="letters, digits, - and _, not a digit first; '#text' is the text; see namespaces:",
            )
        if name["prefix"] not in (None, "xml", *self.namespaces):
            raise line.error(
                f"the prefix of '{key}' is not known", remedy=f"add 'namespaces: {{{name['prefix']}: …}}'"
            )

    def rows(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Below the root, which declares the namespaces first."""
        names = [
            (f"@xmlns:{prefix}" if prefix != "default" else "@xmlns", uri)
            for prefix, uri in self.namespaces.items()
        ]
        declared = [Row(name, (name,), Constant(uri), "namespaces") for name, uri in names]
        return tuple(replace(row, keys=(self.root, *row.keys)) for row in (*declared, *rows))


def read_markup(document: Node) -> Markup | None:
    """What `format: xml` says; None for JSON."""
    chosen = document.get("format")
    if chosen is not None and chosen.text() not in _FORMATS:
        raise chosen.error(f"unknown format '{chosen.text()}'", remedy=f"write {' or '.join(_FORMATS)}")
    if chosen is None or chosen.text() != "xml":
        for key in ("root", "namespaces"):
            if document.get(key) is not None:
                raise document.key_error(key, f"'{key}' goes with XML", remedy="add 'format: xml'")
        return None
    spaces, root = document.get("namespaces"), document.required("root")
    named = {prefix: node.text() for prefix, node in spaces.mapping().items()} if spaces else {}
    name = _NAME.fullmatch(root.text())
    if name is None or name["prefix"] not in (None, *named):
        raise root.error(
            f"'{root.text()}' is no name of an element", remedy="a name, its prefix as in namespaces:"
        )
    return Markup(root.text(), named)
