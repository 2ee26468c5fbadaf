"""The vendor's envelopes. Rows stay plain data: the mapping reads them under the vendor's own names."""

from typing import Any

from pydantic import BaseModel


class Envelope(BaseModel):
    """`data` is `{}` beside an error."""

    code: int
    message: str = ""
    request_id: str = ""
    data: dict[str, Any] = {}


class TokenData(BaseModel):
    access_token: str
    refresh_token: str
    expires_in: int


class PageInfo(BaseModel):
    page: int
    page_size: int
    total_number: int


class CluePage(BaseModel):
    list: list[dict[str, Any]]
    page_info: PageInfo
