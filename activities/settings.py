"""Settings from the environment or `.env`; `aftercare doctor` lists them with secrets masked."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every `AFTERCARE_…` variable that this release reads. `TEMPORAL_…` is the SDK's business."""

    model_config = SettingsConfigDict(
        env_prefix="AFTERCARE_", env_file=".env", extra="ignore", frozen=True
    )

    data: Path = Field(Path(".aftercare"), description="Data directory of the embedded databases")
    database_url: str = Field("", description="CRM database; default: SQLite in the data directory")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where customers reach links in their messages"
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs tokens; default: made once, kept in the data directory"
    )
    sops: str = Field("", description="SOPs that are on, by commas; default: those without blanks")
    go_live: date | None = Field(
        None, description="Events older than this date are recorded and start nothing"
    )
    only_to: str = Field(
        "", description="Addresses and domains that may be written to, by commas; default: all"
    )
    email: str = Field("outbox", pattern="^outbox$", description="E-mail channel")
    sms: str = Field("outbox", pattern="^outbox$", description="SMS channel")
    metrics_bind: str = Field("", description="host:port of the worker's Prometheus endpoint")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.data / 'aftercare.db'}"
