"""Every environment variable, once, typed."""

import re
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULTS = Path(__file__).parent / "defaults"


class Settings(BaseSettings):
    """Read from the environment: GUANTONG_<NAME>; DATABASE_URL and REDIS_URL name real servers."""

    model_config = SettingsConfigDict(env_prefix="GUANTONG_", extra="ignore", populate_by_name=True)

    database_url: str = Field(default="", validation_alias="DATABASE_URL")
    """Empty: the embedded servers in the data folder."""
    redis_url: str = Field(default="", validation_alias="REDIS_URL")
    data: Path = Path(".guantong")
    config: Path = DEFAULTS
    """Folder with routing.yaml and policy.yaml."""
    host: str = "127.0.0.1"
    port: int = 8700
    public_url: str = ""
    """Where vendors reach us; empty: http://host:port."""
    apis: int = 1
    """API processes that share the port: one takes about 5,000 pushes a second."""
    workers: int = 1
    worker_threads: int = 8
    worker_poll_ms: int = 10
    """How often an idle worker asks Redis: 10 ms costs a sixth of a core (20 ms: an eighth)."""

    backoff_base: float = 2.0
    backoff_cap: float = 8 * 3600.0
    """Seconds. Doubled from base to cap, with full jitter."""
    delivery_attempts: int = 16

    pull_every: float = 60
    pull_overlap: float = 900
    """A lead's late fields come about ten minutes after it: the window reaches back a quarter of an hour."""
    statements_every: float = 30
    flows_every: float = 600
    write_offs_every: float = 300
    matching_every: float = 60
    routing_every: float = 5
    dated_every: float = 600
    purge_every: float = 86400
    keep_exchanges_days: int = 180
    keep_refused_days: int = 30

    @field_validator("database_url")
    @classmethod
    def _for_asyncpg(cls, url: str) -> str:
        """The address as everybody else writes it works too."""
        return re.sub(r"^postgres(ql)?://", "postgresql+asyncpg://", url)

    @property
    def address(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)
