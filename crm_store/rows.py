"""Small helpers around SQLAlchemy's rows."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CursorResult, Executable, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

Row = RowMapping
"""One row, by column name."""


async def one(
    connection: AsyncConnection, statement: Executable, values: Mapping[str, object] | None = None
) -> RowMapping | None:
    return (await connection.execute(statement, values)).mappings().one_or_none()


async def many(
    connection: AsyncConnection, statement: Executable, values: Mapping[str, object] | None = None
) -> list[RowMapping]:
    return list((await connection.execute(statement, values)).mappings())


async def changed(connection: AsyncConnection, statement: Executable) -> int:
    """The number of rows that an UPDATE, INSERT or DELETE touched."""
    result: CursorResult[Any] = await connection.execute(statement)
    return result.rowcount
