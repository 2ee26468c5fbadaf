"""Keeps every exchange with a vendor in the store."""

from dataclasses import asdict

from connector_kit import Exchange
from crm_store import Store


class StoreRecorder:
    """Implements connector_kit.Recorder."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, exchange: Exchange) -> None:
        values = asdict(exchange)
        del values["kind"]  # the operation's name tells it
        for name in ("request_body", "reply_body", "url", "outcome"):
            values[name] = values[name].replace("\x00", "\ufffd")  # PostgreSQL's text holds no NUL
        async with self._store.transaction() as uow:
            await uow.deliveries.keep_exchange(values)
