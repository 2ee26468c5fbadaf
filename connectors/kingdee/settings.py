"""One connection to a Galaxy account set: credentials, and the company's choices in its books."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

SITE = "k3cloud"


def _site(url: str) -> str:
    """Ends in one slash; a bare host gets the product's usual folder."""
    bare = url.rstrip("/")
    return f"{bare}/" if urlsplit(bare).path else f"{bare}/{SITE}/"


class KingdeeSettings(BaseModel):
    """The codes are the product's presets; a company that numbers differently changes them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Annotated[str, AfterValidator(_site)]
    acct_id: str
    """数据中心 id, a hexadecimal text: see GetDataCenterList."""
    user_name: str
    password: SecretStr
    lcid: int = 2052
    timeout_seconds: float = Field(default=60.0, gt=0)
    session_minutes: float = Field(default=16.0, gt=1, lt=20)
    """The server forgets a session after 20 idle minutes."""
    rows_per_page: int = Field(default=2000, ge=2, le=10000)

    organization: str = "100"
    bank_account: str
    """Number of the own bank account (银行账号) that receipts come to."""
    currencies: dict[str, str] = {"CNY": "PRE001"}
    """ISO 4217 → the number of the currency in the account set."""
    local_currency: str = "CNY"
    exchange_type: str = "HLTX01_SYS"
    unit: str = "Pcs"
    receivable_type: str = "YSD01_SYS"
    receipt_type: str = "SKDLX01_SYS"
    settle_type: str = "JSFS04_SYS"
    receipt_purpose: str = "SFKYT01_SYS"
    advance_purpose: str = "SFKYT02_SYS"
    """For the part of a receipt that pays no receivable yet."""
    link_rule: str = "AR_recableToRecBill"
    """Conversion rule from receivable to receipt: what makes an audit write off."""
    written_off_field: str = "FWRITTENOFFAMOUNTFOR_P"
    """[M] where a plan row keeps its written-off amount."""
