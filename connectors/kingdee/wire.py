"""What the WebAPI answers. Names are the vendor's, its misspellings included."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


def _text(value: object) -> str:
    """Ids come as number or text; an empty text may come as one blank."""
    return "" if value is None else str(value).strip()


def _or_zero(value: Any) -> Any:
    """Empty in templates, null in a row without entries."""
    return 0 if value in (None, "", " ") else value


Text = Annotated[str, BeforeValidator(_text)]
Amount = Annotated[Decimal, BeforeValidator(_or_zero)]
Whole = Annotated[int, BeforeValidator(_or_zero)]


class Message(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class LoginAnswer(Message):
    LoginResultType: int
    Message: Text = ""
    KDSVCSessionId: Text = ""


class ErrorRow(Message):
    FieldName: Text = ""
    Message: Text = ""


class SuccessRow(Message):
    Id: Text
    Number: Text = ""


class ResponseStatus(Message):
    IsSuccess: bool
    Errors: tuple[ErrorRow, ...] = ()
    SuccessEntitys: tuple[SuccessRow, ...] = ()
    MsgCode: Whole = 0


class Result(Message):
    ResponseStatus: ResponseStatus


class Answer(Message):
    Result: Result


class DocumentRow(Message):
    """A row of a query, under our names: see `columns` in ledger.py."""

    id: Text
    number: Text
    status: Text


class CustomerRow(DocumentRow):
    name: Text


class BillRow(DocumentRow):
    customer: Text
    currency: Text
    amount: Amount
    write_off: Text


class ReceivableRow(BillRow):
    """One row of the collection plan, with its bill's head."""

    plan_row: Text
    planned: Amount
    written_off: Amount


class ReceiptRow(BillRow):
    cancelled: Text


class SourceRow(Message):
    """What a receipt pays of a receivable."""

    amount: Amount
