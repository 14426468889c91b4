"""Settings from the environment or `.env`; `aftercare doctor` lists them with secrets masked."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from temporalio.envconfig import ClientConfig, ClientConnectConfig

from activities.systems import LOOPBACK, host_of, systems_of

DATABASE = "aftercare.db"  # the embedded one, in the data directory


class Settings(BaseSettings):
    """Every variable that this release reads; `TEMPORAL_…` is the SDK's own business."""

    model_config = SettingsConfigDict(
        env_prefix="AFTERCARE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
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
    email: str = Field(
        "outbox",
        pattern="^(outbox|smtp|sendgrid)$",
        description="E-mail goes to the outbox, by smtp or by sendgrid",
    )
    sms: str = Field(
        "outbox", pattern="^(outbox|twilio)$", description="SMS go to the outbox or by twilio"
    )
    email_rate: float = Field(10, gt=0, le=10_000, description="E-mails a second, at most")
    sms_rate: float = Field(10, gt=0, le=10_000, description="SMS a second, at most")
    from_email: str = Field("", description="The address that messages come from")
    reply_domain: str = Field(
        "", description="Answers go to r+TOKEN@ this domain; default: to the support address"
    )
    smtp_url: SecretStr = Field(
        SecretStr(""), description="smtp://user:password@host:587, smtps:// for TLS from the start"
    )
    sendgrid_api_key: SecretStr = Field(
        SecretStr(""), validation_alias="SENDGRID_API_KEY", description="SendGrid's API key"
    )
    sendgrid_api_base: str = Field(
        "https://api.sendgrid.com",
        validation_alias="SENDGRID_API_BASE",
        description="SendGrid's API; the EU's: https://api.eu.sendgrid.com",
    )
    twilio_account_sid: str = Field(
        "", validation_alias="TWILIO_ACCOUNT_SID", description="Twilio's account, AC…"
    )
    twilio_auth_token: SecretStr = Field(
        SecretStr(""), validation_alias="TWILIO_AUTH_TOKEN", description="Its token"
    )
    twilio_api_base: str = Field(
        "https://api.twilio.com", validation_alias="TWILIO_API_BASE", description="Twilio's API"
    )
    twilio_messaging_service_sid: str = Field(
        "",
        validation_alias="TWILIO_MESSAGING_SERVICE_SID",
        description="The messaging service that SMS come from, MG…",
    )
    twilio_from: str = Field(
        "",
        validation_alias="TWILIO_FROM",
        description="The number SMS come from, if there is no messaging service",
    )
    sendgrid_webhook_public_key: str = Field(
        "",
        validation_alias="SENDGRID_WEBHOOK_PUBLIC_KEY",
        description="Proves SendGrid's events, and its inbound mail: their public keys, by commas",
    )
    shopify_secret: SecretStr = Field(
        SecretStr(""), description="Proves Shopify's webhooks: the app's client secret"
    )
    stripe_secret: SecretStr = Field(
        SecretStr(""), description="Proves Stripe's webhooks: the endpoint's whsec_…"
    )
    woocommerce_secret: SecretStr = Field(
        SecretStr(""), description="Proves WooCommerce's webhooks: the secret given to each"
    )
    woocommerce_url: str = Field(
        "",
        pattern=r"^((https://|http://(localhost|127\.0\.0\.1)[:/])[^\s<>\"@?#]+)?$",
        description="The WooCommerce shop, asked by the hour for what its webhooks did not bring",
    )
    woocommerce_consumer_key: SecretStr = Field(
        SecretStr(""), description="Its REST key that may read: ck_…"
    )
    woocommerce_consumer_secret: SecretStr = Field(
        SecretStr(""), description="And its secret, cs_…"
    )
    generic_secret: SecretStr = Field(
        SecretStr(""), description="Proves any other system's (Standard Webhooks): whsec_…"
    )
    zoom_secret: SecretStr = Field(
        SecretStr(""), description="Proves Zoom's webhooks: the app's secret token"
    )
    surveymonkey_secret: SecretStr = Field(
        SecretStr(""), description="Proves SurveyMonkey's webhooks: CLIENT_ID&CLIENT_SECRET"
    )
    crm: str = Field(
        "builtin",
        pattern="^(builtin|salesforce)$",
        description="Who has customers, notes and tasks beside us: builtin (nobody), salesforce",
    )
    salesforce_url: str = Field(
        "", description="Salesforce's My Domain: https://….my.salesforce.com"
    )
    salesforce_client_id: str = Field("", description="Its external client app's consumer key")
    salesforce_client_secret: SecretStr = Field(SecretStr(""), description="And its secret")
    meetings: str = Field(
        "invitation",
        pattern="^(invitation|zoom)$",
        description="Calls are held by invitation with the house's own link, or in zoom",
    )
    zoom_account_id: str = Field("", description="Zoom's server-to-server app: its account")
    zoom_client_id: str = Field("", description="Its client")
    zoom_client_secret: SecretStr = Field(SecretStr(""), description="And its secret")
    zoom_api_base: str = Field("https://api.zoom.us", description="Zoom's API")
    zoom_auth_base: str = Field("https://zoom.us", description="Where Zoom gives out tokens")
    surveys: str = Field(
        "own",
        pattern="^(own|surveymonkey)$",
        description="Surveys are answered in our own form, or at surveymonkey",
    )
    surveymonkey_link: str = Field(
        "",
        pattern=r"^((https://|http://(localhost|127\.0\.0\.1)[:/])[^\s<>\"]+)?$",
        description="The survey's web link; with a custom variable called `r`",
    )
    surveymonkey_token: SecretStr = Field(SecretStr(""), description="SurveyMonkey's access token")
    surveymonkey_api_base: str = Field(
        "https://api.surveymonkey.com", description="SurveyMonkey's API; the EU's is another"
    )
    staff_webhook: str = Field(
        "",
        pattern=r"^(https?://[^\s]+)?$",
        description="Told of every task, as colleagues are; its secret: `aftercare staff webhook`",
    )
    systems: str = Field(
        "",
        description="Set up new accounts: billing=https://…,crm=https://…; secrets: "
        "`aftercare systems`",
    )
    metrics_bind: str = Field("", description="host:port of the worker's Prometheus endpoint")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.data / DATABASE}"

    @field_validator("only_to")
    @classmethod
    def _names_somebody(cls, said: str) -> str:
        for entry in filter(None, said.replace(" ", "").split(",")):
            if not re.fullmatch(r"\+\d{5,15}|[^@;]*@[^@;]+", entry):
                raise ValueError("write addresses, +numbers and @domains, separated by commas")
        return said

    @field_validator("systems")
    @classmethod
    def _names_systems(cls, said: str) -> str:
        systems_of(said)
        return said

    @property
    def named_systems(self) -> Mapping[str, str]:
        """The house's systems that set up a customer themselves, and where each is asked."""
        return systems_of(self.systems)

    @property
    def survey(self) -> str:
        """Where customers say what they think, if not in our own form."""
        return self.surveymonkey_link if self.surveys == "surveymonkey" else ""

    @property
    def real_providers(self) -> list[str]:
        """The settings by which real people would be written to, or real systems; none on this
        machine is real."""
        mail = {"sendgrid": self.sendgrid_api_base, "smtp": self.smtp_url.get_secret_value()}
        named = [(f"AFTERCARE_EMAIL={self.email}", mail.get(self.email))]
        if self.sms == "twilio":
            named.append((f"AFTERCARE_SMS={self.sms}", self.twilio_api_base))
        others = {
            "AFTERCARE_CRM=salesforce": self.salesforce_url,
            "AFTERCARE_MEETINGS=zoom": self.zoom_api_base,
            "AFTERCARE_SURVEYS=surveymonkey": self.surveymonkey_api_base,
        }
        chosen = (
            f"AFTERCARE_{n.upper()}={getattr(self, n)}" for n in ("crm", "meetings", "surveys")
        )
        named += [(words, others[words]) for words in chosen if words in others]
        for name, where in self.named_systems.items():
            named.append((f"AFTERCARE_SYSTEMS={name}={host_of(where)}", where))
        return [words for words, url in named if url is not None and not _here(url)]

    @property
    def has_database(self) -> bool:
        """Whether a database is named, or the data directory has the embedded one."""
        return bool(self.database_url) or (self.data / DATABASE).exists()


def _here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False


def variable(field: str) -> str:
    """The environment variable that sets a field: vendors' have the vendors' names."""
    known = Settings.model_fields.get(field)
    alias = known.validation_alias if known else field if field.isupper() else None
    return alias if isinstance(alias, str) else f"AFTERCARE_{field.upper()}"


def load_settings(data: Path | None = None, **instead: Any) -> Settings:
    """The settings, with the secret key that the data directory keeps if none is given.

    With a database of its own, several machines share it: there the key must be given.
    """
    settings = Settings(data=data, **instead) if data else Settings(**instead)
    if settings.secret_key.get_secret_value() or settings.database_url:
        return settings
    kept = SecretStr(_kept(settings.data / "secret-key"))
    return settings.model_copy(update={"secret_key": kept})


def _kept(path: Path) -> str:
    """The key in the file, made by whoever comes first; none where there is no directory yet."""
    if not path.parent.is_dir():
        return ""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with open(draft, "w", opener=_private) as file:
            file.write(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # whole, or not at all
        draft.unlink()
    return path.read_text().strip()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def temporal_connection() -> ClientConnectConfig:
    """Where Temporal answers, by the SDK's own `TEMPORAL_…` variables; else on this machine."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return config
