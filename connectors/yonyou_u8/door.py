"""What the ports need of a way into U8. There are two: the OpenAPI gateway and the XML import (EAI)."""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Protocol

from connectors.yonyou_u8.protocol import Finished
from connectors.yonyou_u8.wire import CustomerRow, ReceiptRow, ReceivableRow


class Door(Protocol):
    async def customer(self, code: str) -> CustomerRow | None: ...

    async def receivable(self, number: str) -> ReceivableRow | None: ...

    async def receipt(self, number: str) -> ReceiptRow | None: ...

    def receivables(self, since: date) -> AsyncIterator[ReceivableRow]: ...

    def receipts(self, since: date) -> AsyncIterator[ReceiptRow]: ...

    def archive(self, resource: str) -> AsyncIterator[CustomerRow]:
        """Code, name and end of every record: all archives have these alike."""
        ...

    async def add(self, resource: str, record: Mapping[str, object], *, key: str) -> Finished:
        """`key` makes a repeat of the same submission recognisable at the other end."""
        ...

    async def verify(self, resource: str, code: str) -> bool:
        """False: this door has no call for it, and a person verifies inside U8."""
        ...
