"""One connection to a Galaxy account set: credentials, and the company's choices in its books."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from connector_kit import ConnectionSettings

SITE = "k3cloud"


def _site(url: str) -> str:
    """Ends in one slash; a bare host gets the product's usual folder."""
    bare = url.rstrip("/")
    return f"{bare}/" if urlsplit(bare).path else f"{bare}/{SITE}/"


class KingdeeSettings(ConnectionSettings):
    """The codes are the product's presets; a company that numbers differently changes them."""

    base_url: Annotated[str, AfterValidator(_site)]
    acct_id: str
    """数据中心 id, a hexadecimal text: see GetDataCenterList."""
    user_name: str
    login: Literal["session", "signature"] = "session"
    """`session`: user and password. `signature`: an application's id and secret sign every request."""
    password: SecretStr = SecretStr("")
    app_id: SecretStr = SecretStr("")
    """第三方系统登录授权: the application id holds an encrypted key, so it is kept as a secret."""
    app_secret: SecretStr = SecretStr("")
    org_num: int = Field(default=0, ge=0)
    """The organisation that signed requests work in; 0: the user's own."""
    lcid: int = 2052
    timeout_seconds: float = Field(default=60.0, gt=0)
    session_minutes: float = Field(default=16.0, gt=1, lt=20)
    """The server forgets a session after 20 idle minutes."""
    rows_per_page: int = Field(default=2000, ge=2, le=10000)

    organization: str = "100"
    bank_account: str
    """Number of the own bank account (银行账号) that receipts come to."""
    currencies: dict[str, str] = Field(default={"CNY": "PRE001"})
    """ISO 4217 → the number of the currency in the account set."""
    local_currency: str = "CNY"
    exchange_type: str = "HLTX01_SYS"
    unit: str = "Pcs"
    receivable_type: str = "YSD01_SYS"
    receipt_type: str = "SKDLX01_SYS"
    order_type: str = "XSDD01_SYS"
    delivery_type: str = "XSCKD01_SYS"
    settle_type: str = "JSFS04_SYS"
    receipt_purpose: str = "SFKYT01_SYS"
    advance_purpose: str = "SFKYT02_SYS"
    """For the part of a receipt that pays no receivable yet."""
    link_rule: str = "AR_recableToRecBill"
    """Conversion rule from receivable to receipt: what makes an audit write off."""
    written_off_field: str = "FWRITTENOFFAMOUNTFOR_P"
    """[M] where a plan row keeps its written-off amount."""

    @model_validator(mode="after")
    def _has_what_its_login_needs(self) -> Self:
        needed = ("password",) if self.login == "session" else ("app_id", "app_secret")
        missing = [name for name in needed if not getattr(self, name).get_secret_value()]
        if missing:
            raise ValueError(f"login = {self.login} needs {' and '.join(missing)}")
        return self
