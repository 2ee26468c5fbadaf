"""The mapping files that come with the program, by their names."""

import re
from functools import cache
from pathlib import Path

from configuration import ConfigurationError, did_you_mean
from mappings.lines import Source

LIBRARY = Path(__file__).parent / "library"
# The name alone is read, so that one wrong file does not hide the others.
_NAME = re.compile(r"^mapping:[ \t]*['\"]?([\w.-]+)", re.MULTILINE)


class UnknownMapping(LookupError):
    """No file of the library has this name."""


@cache
def files() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(LIBRARY.glob("*/*.yaml")):
        named = _NAME.search(path.read_text(encoding="utf-8"))
        if named is None:
            raise ConfigurationError(
                "'mapping' is missing", file=str(path), remedy="add 'mapping: vendor.thing'"
            )
        if named[1] in found:
            raise ConfigurationError(
                f"mapping '{named[1]}' is in {found[named[1]].name} too", file=str(path), remedy="rename one"
            )
        found[named[1]] = path
    return found


def names() -> list[str]:
    return sorted(files())


def source(name: str) -> Source:
    path = files().get(name)
    if path is None:
        raise UnknownMapping(f"no mapping '{name}': {did_you_mean(name, files()) or ', '.join(names())}")
    return Source(path.read_text(encoding="utf-8"), str(path.relative_to(LIBRARY.parent)), path.parent)
