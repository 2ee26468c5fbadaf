"""Credentials and choices of one Ocean Engine connection."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

Number = Annotated[str, Field(pattern=r"^\d+$")]


def _listed(value: object) -> object:
    """A form field holds them with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = "https://api.oceanengine.com"
    app_id: Number
    secret: SecretStr
    refresh_token: SecretStr
    """The one from the last authorisation; later ones are kept by the token cache."""
    advertiser_ids: Annotated[tuple[Number, ...], BeforeValidator(_listed)] = Field(min_length=1)
    page_size: int = Field(default=100, ge=1, le=100)

    push_token: SecretStr
    push_secretkey: SecretStr = SecretStr("")
    verification: Literal["signature", "token"] = "signature"
    """How pushes are signed is not documented [U]: `token` compares only the token of the rule."""
    clock_tolerance_seconds: int = Field(default=300, ge=1)
    push_names: Mapping[str, str] = {}
    """`mapNormal` of the rule: default field name to the name under which it is pushed."""
    push_limit_bytes: int = Field(default=1_000_000, ge=1)
