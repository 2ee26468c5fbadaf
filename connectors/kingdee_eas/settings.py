"""One connection to an EAS server: credentials, and the company's choices in its books."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from connector_kit import ConnectionSettings


class KingdeeEasSettings(ConnectionSettings):
    base_url: Annotated[str, AfterValidator(lambda url: url.rstrip("/"))]
    """http(s)://host:port, without /ormrpc."""
    user_name: str
    password: SecretStr
    solution: str = "eas"
    data_center: str
    language: Literal["L1", "L2", "L3"] = "L2"
    """English, simplified or traditional Chinese."""
    database: int = Field(default=0, ge=0)
    """0 SQL Server, 1 Oracle, 2 DB2."""
    timeout_seconds: float = Field(default=60.0, gt=0)

    company: str
    currencies: dict[str, str] = Field(default={"CNY": "BB01"})
    """ISO 4217 → the number of the currency in EAS."""
    voucher_type: str = "记"
    voucher_state: Literal[0, 1, 2, 3, 99] = 3
    """isVerify: 0 kept for later, 1 checked and kept, 2 submitted, 3 checked and submitted, 99 posted. [M]"""
    bill_type: str = "101"
