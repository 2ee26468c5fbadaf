"""One connection to 法大大: the application's credentials, our company there, and where the own seal goes."""

from pydantic import Field, SecretStr

from connector_kit import ConnectionSettings


class FadadaSettings(ConnectionSettings):
    base_url: str = "https://api.fadada.com/api/v5"
    app_id: str
    app_secret: SecretStr
    """Signs our requests and the vendor's callbacks."""
    open_corp_id: str
    """Our company, as it was authorised for the application."""
    free_sign_scene: str | None = None
    """Scene code of sealing without verification; without it somebody of ours has to seal."""

    notify_signers: bool = True
    seal_page: int | None = Field(default=None, ge=1)
    """Page of the own company's seal; None: the last one. x and y are its middle."""
    seal_x: int = 120
    seal_y: int = 600

    doc_template_id: str | None = None
    """A document template there, filled in by the mapping fadada.template_fields; None: our own PDF."""
    evidence_report: bool = False
    """Whether the report on the signing (保全报告) is fetched after signing."""

    timeout_seconds: float = Field(default=15.0, gt=0)
    file_timeout_seconds: float = Field(default=60.0, gt=0)
