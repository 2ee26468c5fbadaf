"""One connection to e签宝: the application's credentials, and where the own seal goes."""

from pydantic import Field, SecretStr

from connector_kit import ConnectionSettings


class EsignSettings(ConnectionSettings):
    base_url: str = "https://openapi.esign.cn"
    app_id: str
    app_secret: SecretStr
    """Signs our requests and the vendor's callbacks."""

    notice_types: str = "1"
    """How signers are told: comma list of 1 SMS, 2 e-mail; empty for not at all."""
    seal_page: int | None = Field(default=None, ge=1)
    """Page of the own company's seal; None: the last one. x and y count in points from the lower left."""
    seal_x: int = 120
    seal_y: int = 160

    doc_template_id: str | None = None
    """A document template there, filled in by the mapping esign.template_fields; None: our own PDF."""
    evidence_report: bool = False
    """Whether a report (出证) is applied for after signing: each one is charged."""

    timeout_seconds: float = Field(default=15.0, gt=0)
    file_timeout_seconds: float = Field(default=60.0, gt=0)
    file_wait_seconds: float = Field(default=20.0, gt=0)
    """An uploaded file becomes usable a little later; after this time the sending is tried again later."""
    link_seconds: int = Field(default=600, ge=1, le=3600)
    """How long the link to the signed file lives."""
