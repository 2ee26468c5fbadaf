"""Credentials and choices of one Ocean Engine connection."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from connector_kit import ConnectionSettings

Source = Literal["ads", "life", "douyin", "feiyu"]
"""Lists of leads: Ocean Engine's, its local life's, the Douyin open platform's, and Feiyu's old one."""

Number = Annotated[str, Field(pattern=r"^\d+$")]


def _listed(value: object) -> object:
    """A form field holds them with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Listed = BeforeValidator(_listed)

NEEDS: Mapping[Source, tuple[str, ...]] = {
    "ads": ("app_id", "secret", "refresh_token", "advertiser_ids"),
    "life": ("app_id", "secret", "refresh_token", "local_account_ids"),
    "douyin": ("client_key", "client_secret", "douyin_account_id"),
    "feiyu": ("feiyu_key", "feiyu_token"),
}


class Settings(ConnectionSettings):
    sources: Annotated[tuple[Source, ...], Listed] = ("ads",)
    """What is pulled. Pushes need none of it."""
    page_size: int = Field(default=100, ge=1, le=100)

    base_url: str = "https://api.oceanengine.com"
    app_id: Number | Literal[""] = ""
    secret: SecretStr = SecretStr("")
    refresh_token: SecretStr = SecretStr("")
    """The one from the last authorisation; later ones are kept by the token cache."""
    advertiser_ids: Annotated[tuple[Number, ...], Listed] = ()
    local_account_ids: Annotated[tuple[Number, ...], Listed] = Field(default=(), max_length=50)

    feedback: bool = False
    """Whether the vendor is told that a lead was contacted or won (线索回传)."""

    open_url: str = "https://open.douyin.com"
    client_key: str = ""
    """App of the Douyin open platform; its secret also signs that platform's webhooks."""
    client_secret: SecretStr = SecretStr("")
    douyin_account_id: str = ""
    """The merchant's account; `life_account_ids` are its shops, none meaning all."""
    life_account_ids: Annotated[tuple[str, ...], Listed] = ()

    feiyu_url: str = "https://feiyu.oceanengine.com"
    feiyu_key: SecretStr = SecretStr("")
    feiyu_token: SecretStr = SecretStr("")
    """Static, copied from Feiyu's own settings."""

    push_token: SecretStr = SecretStr("")
    """Of the Feiyu push rule. A door whose secret is empty is shut."""
    push_secretkey: SecretStr = SecretStr("")
    verification: Literal["signature", "token"] = "signature"
    """How pushes are signed is not documented [U]: `token` compares only the token of the rule."""
    clock_tolerance_seconds: int = Field(default=300, ge=1)
    push_names: Mapping[str, str] = {}
    """`mapNormal` of the rule: default field name to the name under which it is pushed."""
    push_limit_bytes: int = Field(default=1_000_000, ge=1)
    spi_secret: SecretStr = SecretStr("")
    """Signs the messages of the subscription service (SPI)."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Signed with an empty key is not signed; and a source needs its account."""
        secretkey = self.push_secretkey.get_secret_value()
        if self.push_token.get_secret_value() and self.verification == "signature" and not secretkey:
            raise ValueError("verification 'signature' needs push_secretkey")
        needed = [name for source in self.sources for name in NEEDS[source]]
        if self.feedback:
            needed += NEEDS["life"] if self.local_account_ids else NEEDS["ads"]
        missing = [name for name in dict.fromkeys(needed) if not _given(getattr(self, name))]
        if missing:
            raise ValueError(f"needed for what is switched on: {', '.join(missing)}")
        return self


def _given(value: object) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)
