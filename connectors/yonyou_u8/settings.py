"""One connection to a U8 account set: credentials, and the company's choices in its books."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from connector_kit import ConnectionSettings

CLOUD = "https://api.yonyouup.com"
OPENAPI_NEEDS = ("from_account", "to_account", "app_key", "app_secret")
CURRENCY_NAMES = {"CNY": "人民币", "USD": "美元", "EUR": "欧元", "HKD": "港币", "JPY": "日元", "GBP": "英镑"}


class U8Settings(ConnectionSettings):
    """The accounts are those of the standard chart; a company that numbers differently changes them."""

    door: Literal["openapi", "eai"] = "openapi"
    """How U8 is reached: the vendor's cloud gateway, or XML posted to the company's own U8 server."""
    base_url: str = CLOUD
    """For the XML door: the U8 server, without the path of the import page."""
    from_account: str = ""
    to_account: str = ""
    app_key: str = ""
    app_secret: SecretStr = SecretStr("")
    ds_sequence: int = Field(default=1, ge=1)
    """Which account set of the app, counted from 1."""
    sender: str = ""
    """XML door: the code under which this system is registered there. It alone chooses the account set."""
    read_by_sql: bool = False
    """XML door: read state and open balance by fixed SELECT statements. No template shows either of them."""

    synchronous: bool = True
    """sync=1: the answer says at once what happened. False: acknowledged, then polled."""
    timeout_seconds: float = Field(default=30.0, gt=0)
    poll_first_seconds: float = Field(default=3.0, gt=0)
    poll_budget_seconds: float = Field(default=60.0, gt=0)
    rows_per_page: int = Field(default=100, ge=1, le=1000)

    operator: str = "财务接口"
    """制单人: must exist in U8 by this name."""
    auditor: str | None = None
    """U8 user id that verifies; None: the default user of the interface does."""
    department: str | None = None
    salesman: str | None = None
    customer_class: str = "01"
    receivable_account: str = "1122"
    """Must be controlled by U8's receivables system; so must `advance_account`."""
    advance_account: str = "2203"
    revenue_account: str = "600101"
    tax_accounts: dict[Decimal, str] = Field(
        default={Decimal("0.13"): "22210101", Decimal("0.06"): "22210106"}
    )
    """Tax rate as a fraction → account of the output tax. A rate that is not here is not split off."""
    bank_account: str = "100201"
    settlement_style: str = "3"
    currency_names: dict[str, str] = CURRENCY_NAMES
    exchange_rates: dict[str, Decimal] = Field(default={})
    """ISO currency → rate to 人民币, for documents in foreign currency."""
    balance_field: str = "iramount_f"
    """[U] where get and lists print the open balance in document currency; absent: unknown."""
    local_balance_field: str = "iramount"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Each door needs its own."""
        needs = OPENAPI_NEEDS if self.door == "openapi" else ("sender",)
        missing = [name for name in needs if getattr(self, name) in ("", SecretStr(""))]
        if self.door == "eai" and self.base_url == CLOUD:
            missing.append("base_url")
        if missing:
            raise ValueError(f"{self.door}: {', '.join(missing)} 未填 (missing)")
        return self
