"""Where the files lie and whose statements we expect in them."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from connector_kit import ConnectionSettings


def _listed(value: object) -> object:
    """A form field holds them with commas between."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(ConnectionSettings):
    folder: Path
    accounts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(min_length=1)
    """Our own account numbers: a statement of any other account is refused."""
    currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    file_limit_bytes: int = Field(default=20_000_000, ge=1)
