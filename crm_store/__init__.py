"""The CRM core and its database: the only code that touches it."""

from crm_store.rows import Row
from crm_store.store import Store, UnitOfWork, Wake

__all__ = ["Row", "Store", "UnitOfWork", "Wake"]
