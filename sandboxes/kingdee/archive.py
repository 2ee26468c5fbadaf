"""Documents in the books: by internal id, and by number through an index."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from sandboxes.common import Books, Row
from sandboxes.kingdee.forms import FORMS
from sandboxes.kingdee.metadata import Form
from sandboxes.kingdee.words import RefusedError, nothing_found, number_missing, unknown_form

USABLE = {"FDocumentStatus": "C", "FForbidStatus": "A"}


class Archive:
    def __init__(self, books: Books) -> None:
        self._books = books

    def form(self, name: object) -> Form:
        form = FORMS.get(str(name or "").lower())
        if form is None:
            raise unknown_form(str(name or ""))
        return form

    def rows(self, form: Form) -> Iterator[Row]:
        """In the order of creation. Read only: `copy` what is to be changed."""
        return iter(self._books.table(form.id).values())

    def get(self, form: Form, key: object) -> Row | None:
        return self._books.table(form.id).get(str(key))

    def by_number(self, form: Form, number: str) -> Row | None:
        pointer = self._index(form).get(number.upper())
        return self.get(form, pointer["id"]) if pointer and number else None

    def usable(self, form: Form, number: str) -> bool:
        """Only audited and enabled base data may be referred to."""
        row = self.by_number(form, number)
        return row is not None and all(row[key] == value for key, value in USABLE.items())

    def put(self, form: Form, row: Row) -> None:
        key = str(row[form.key])
        old = self.get(form, key)
        if old and old[form.number] != row[form.number]:
            self._forget_number(form, old)
        self._books.table(form.id)[key] = row
        if row[form.number]:
            self._index(form)[row[form.number].upper()] = {"id": key}

    def remove(self, form: Form, row: Row) -> None:
        self._forget_number(form, row)
        del self._books.table(form.id)[str(row[form.key])]

    def next_id(self, form: Form) -> int:
        return self._books.next_number(form.id, start=form.first_id)

    def next_entry_id(self, series: str, start: int) -> int:
        return self._books.next_number(series, start=start)

    def next_bill_number(self, form: Form) -> str:
        while True:
            number = f"{form.prefix}{self._books.next_number(form.id + '.number'):08d}"
            if self.by_number(form, number) is None:
                return number

    def named(self, form: Form, data: Row) -> list[Row | RefusedError]:
        """What `Ids` (a text, before all else) or `Numbers` name: copies, or why there is none."""
        ids = listed(data.get("ids")) or listed(data.get("id"))
        numbers = [] if ids else listed(data.get("numbers")) or listed(data.get("number"))
        if not ids and not numbers:
            raise number_missing()
        found = [(each, self.get(form, each)) for each in ids]
        found += [(each, self.by_number(form, each)) for each in numbers]
        return [deepcopy(row) if row else nothing_found(form.title, wanted) for wanted, row in found]

    def _index(self, form: Form) -> Any:
        return self._books.table(f"_{form.id}.numbers")

    def _forget_number(self, form: Form, row: Row) -> None:
        if row[form.number]:
            del self._index(form)[row[form.number].upper()]


def listed(value: object) -> list[str]:
    """`Numbers` is an array and `Ids` a text with commas; either may come as the other, or empty."""
    parts = value if isinstance(value, list) else str(value if value is not None else "").split(",")
    return [text for part in parts if (text := str(part).strip()) and text != "0"]
