"""What the WebAPI answers. Names are the vendor's, its misspellings included."""

import json
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
    DIndex: Whole = 0


class SuccessRow(Message):
    Id: Text
    Number: Text = ""
    DIndex: Whole = 0


class ResponseStatus(Message):
    IsSuccess: bool
    Errors: tuple[ErrorRow, ...] = ()
    SuccessEntitys: tuple[SuccessRow, ...] = ()
    MsgCode: Whole = 0


class Result(Message):
    ResponseStatus: ResponseStatus


class Answer(Message):
    Result: Result


class ConvertRow(Message):
    """How some servers write the conversion part of a Push."""

    IsSuccess: bool
    Message: Text = ""


class PushResult(Message):
    ConvertResponseStatus: ResponseStatus | tuple[ConvertRow, ...] | None = None


class PushAnswer(Message):
    Result: PushResult


def _object(value: object) -> object:
    """Some old servers write the object as text."""
    return json.loads(value) if isinstance(value, str) else value


class ViewResult(Message):
    Result: Annotated[dict[str, Any], BeforeValidator(_object)] = {}


class ViewAnswer(Message):
    Result: ViewResult


class DataCenter(Message):
    """账套. Its `Id` is what a login calls acctID."""

    Id: Text
    Number: Text = ""
    Name: Text = ""


class FieldInfo(Message):
    Key: Text
    MustInput: Whole = 0
    LookUpObjectFormId: Text = ""


class EntryInfo(Message):
    Key: Text
    Fields: tuple[FieldInfo, ...] = ()


class FormInfo(Message):
    """Metadata of a form in this account set: its head and tables, custom fields included."""

    Id: Text
    Entrys: tuple[EntryInfo, ...] = ()


class InfoResult(Message):
    NeedReturnData: FormInfo


class InfoAnswer(Message):
    Result: InfoResult


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


class SaleRow(DocumentRow):
    """Head of a sales order or delivery."""

    customer: Text
    currency: Text
    amount: Amount


class MaterialRow(DocumentRow):
    name: Text


class StockRow(Message):
    """What lies in one store."""

    material: Text
    store: Text
    quantity: Amount
    available: Amount
