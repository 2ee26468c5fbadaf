"""Tables for a terminal."""

from typing import Any

from rich.table import Column
from rich.table import Table as RichTable


class Table(RichTable):
    """A cell goes on in the next line. Rich cuts what has no spaces: Chinese, names, keys."""

    def __init__(self, *headers: Column | str, **options: Any) -> None:
        columns = (Column(each, overflow="fold") if isinstance(each, str) else each for each in headers)
        super().__init__(*columns, **options)
