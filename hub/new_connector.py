"""`guantong connector new`: a connector, its sandbox, a mapping and tests that pass, to start from."""

import keyword
import re
from collections.abc import Sequence
from pathlib import Path

from domain.faults import Misconfigured

SKELETON = Path(__file__).parent / "skeleton"
TEMPLATE_ENDING = ".txt"
"""Keeps linters and test runners away from what is not yet a module."""
NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
FOLDERS = ("connectors", "sandboxes", "hub/certification", "mappings/library", "tests/connectors")
"""Each gets a folder or a module of the name. One that is there already would hide it, or be hidden."""
LONGEST_NAME = 24
"""The lines of the skeleton stay within the limit."""


def new_connector(name: str, root: Path) -> Sequence[Path]:
    """Writes the files below `root`, the project's folder; returns them. Raises Misconfigured."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or len(name) > LONGEST_NAME:
        raise Misconfigured(
            f"名字须是小写字母、数字和下划线，至多 {LONGEST_NAME} 个 (lower_snake_case): {name}"
        )
    if not (root / "connectors").is_dir() or not (root / "sandboxes").is_dir():
        raise Misconfigured(f"{root} 不是项目的目录：没有 connectors 和 sandboxes (not the project's folder)")
    places = [root / folder / each for folder in FOLDERS for each in (name, f"{name}.py")]
    taken = [place for place in places if place.exists()]
    if taken:
        raise Misconfigured(f"已经存在 (exists already): {', '.join(map(str, taken))}")
    files = {_target(source, name, root): _filled(source, name) for source in _templates()}
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return sorted(files)


def _templates() -> list[Path]:
    return sorted(path for path in SKELETON.rglob(f"*{TEMPLATE_ENDING}") if path.is_file())


def _target(source: Path, name: str, root: Path) -> Path:
    relative = source.relative_to(SKELETON).as_posix().removesuffix(TEMPLATE_ENDING)
    return root / relative.replace("skeleton", name)


def _filled(source: Path, name: str) -> str:
    title = "".join(part.capitalize() for part in name.split("_"))
    return source.read_text(encoding="utf-8").replace("Skeleton", title).replace("skeleton", name)
