"""The vendor's envelopes. Rows stay plain data: the mapping reads them under the vendor's own names."""

from typing import Any

from pydantic import BaseModel

from connector_kit import Page

Row = dict[str, Any]


def page(rows: list[Row], *, size: int, total: int) -> Page[Row]:
    """What every list says in its own words. One with fewer rows than `size` is the last: the number of
    pages changes while we read."""
    return Page(rows, total, last=len(rows) < max(size, 1))


class Envelope(BaseModel):
    """`data` is `{}` beside an error."""

    code: int
    message: str = ""
    request_id: str = ""
    data: dict[str, Any] = {}


class Nothing(BaseModel):
    """A report is answered with the envelope alone."""


class TokenData(BaseModel):
    access_token: str
    refresh_token: str
    expires_in: int


class PageInfo(BaseModel):
    page: int
    page_size: int
    total_number: int


class CluePage(BaseModel):
    list: list[Row]
    page_info: PageInfo

    def page(self) -> Page[Row]:
        return page(self.list, size=self.page_info.page_size, total=self.page_info.total_number)


class NumberedPage(BaseModel):
    """The page information of local life."""

    page_size: int
    total: int


class LifePage(BaseModel):
    list: list[Row]
    page_info: NumberedPage

    def page(self) -> Page[Row]:
        return page(self.list, size=self.page_info.page_size, total=self.page_info.total)


class OpenEnvelope(BaseModel):
    """Of the Douyin open platform; some of its endpoints fail with the upper two, or in `extra` alone."""

    err_no: int = 0
    err_msg: str = ""
    data: dict[str, Any] = {}
    extra: dict[str, Any] = {}


class OpenPage(BaseModel):
    clue_data: list[Row]
    page: NumberedPage


class ClientToken(BaseModel):
    access_token: str
    expires_in: int


class LegacyPage(BaseModel):
    """`count` is that of all rows."""

    status: str | int
    count: int = 0
    data: list[Row] = []
    msg: Any = ""
