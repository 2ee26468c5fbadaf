"""Lists, a page at a time."""

from collections.abc import Sequence

from sandboxes.common.lists import cut
from sandboxes.fadada.envelope import Json, bad, whole


def page(rows: Sequence[Json], body: Json, *, name: str) -> Json:
    """The rows under `name`, and how many there are."""
    number, size = _count(body, "listPageNo", 1), _count(body, "listPageSize", 100)
    if size > 100:
        raise bad("listPageSize最大100")
    shown, total = cut(rows, (number - 1) * size, size)
    return {
        name: shown,
        "listPageNo": number,
        "countInPage": len(shown),
        "listPageCount": -(-total // size),
        "totalCount": total,
    }


def _count(body: Json, name: str, default: int) -> int:
    count = whole(body.get(name) or default, f"{name}不正确")
    if count < 1:
        raise bad(f"{name}不正确")
    return count
