"""The record of processing (GDPR, article 30), made of what this installation does: its procedures,
their templates, its settings and house rules. What only people can say is named as theirs to add.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.crm.house import HouseRules, current_policy, house_rules
from activities.crm.tables import Enrolment
from activities.rendering import TemplateFault, registry
from activities.settings import Settings
from activities.systems import host_of
from starter.reports import Reports
from starter.reports.objects import Shape
from starter.reports.sops import procedures
from workflows.sops import Sop
from workflows.vocabulary import Kind

BASES = {  # what each kind of message stands on, and so what a procedure does
    Kind.TRANSACTIONAL: "contract: what they ordered or signed for (article 6(1)(b))",
    Kind.RELATIONSHIP: "legitimate interest: serving those who bought (article 6(1)(f)); they may"
    " object, by a link in each message",
    Kind.MARKETING: "consent, which they may take back at any time (article 6(1)(a))",
}
PEOPLE = ("customers, and whoever acts for them", "colleagues with an account")
KEPT = {
    "identity and contact": "name, company, e-mail, telephone, postal address, language, time zone",
    "purchases and contracts": "orders, deliveries, contracts with contacts and needs",
    "what was said": "messages sent, replies, notes of calls, feedback, complaints and inquiries",
    "use of the product": "log-ins, features and contents, as other systems report them",
    "what they allow": "consents and objections, each with its moment, source and wording",
    "how they were served": "checklists, decisions with their facts, tasks, appointments",
    "colleagues": "address, name, role, deputy, days off, and what they did here",
}
SECURITY = (
    "Everybody who reads or writes shows an account, or a key with its scope, kept as hashes.",
    "Nothing that says who somebody is stands in workflow histories, logs or addresses of pages.",
    "Links in messages are signed; requests to other systems are signed and go over TLS.",
    "One gate decides about every message: consent, objection, hold, erasure; all is on record.",
    "Commands of colleagues are kept with who, when and why.",
    "Encryption of disks and backups is the operator's: to be added here.",
)
MISSING = (
    "the controller's representative and data protection officer, with their addresses",
    "agreements with each recipient, and safeguards for those outside the EU and the UK",
    "how long rows are kept: this release deletes none by itself",
)
UNSTATED = "no time is set: until they are erased"


class Purpose(Shape):
    """One procedure: for what, and on which basis."""

    sop: str
    title: str
    version: str
    lawful_bases: list[str]
    templates: int
    running: int
    people: list[str]
    data: list[str]
    retention: str


class Recipient(Shape):
    """Somebody else who gets data, as the settings have it."""

    name: str
    what: str
    where: str


class Processing(Shape):
    """The record, as it stands at this moment."""

    at: datetime
    controller: dict[str, str]
    purposes: list[Purpose]
    people: list[str]
    data: dict[str, str]
    recipients: list[Recipient]
    security: list[str]
    documents: dict[str, str]
    to_be_added: list[str]


async def processing(reports: Reports, settings: Settings) -> Processing:
    """The record of this installation."""
    async with reports.store.reading() as session:
        rules = await house_rules(session)
        running = await _running(session)
        policies = {name: await current_policy(session, name) for name in procedures()}
    purposes = [
        _purpose(sop, running.get(sop.name, 0), policies[sop.name]) for sop in procedures().values()
    ]
    company = rules.company
    return Processing(
        at=reports.clock.now(),
        controller={
            "name": company.name,
            "postal_address": company.postal_address,
            "contact": company.support_email,
        },
        purposes=purposes,
        people=list(PEOPLE),
        data=KEPT,
        recipients=list(_recipients(settings)),
        security=list(SECURITY),
        documents=_documents(rules),
        to_be_added=list(MISSING),
    )


async def _running(session: AsyncSession) -> dict[str, int]:
    query = select(Enrolment.sop, func.count()).where(Enrolment.ended_at.is_(None))
    rows = await session.execute(query.group_by(Enrolment.sop))
    return {sop: count for sop, count in rows}  # noqa: C416 - rows


def _purpose(sop: Sop, running: int, policy: dict[str, Any]) -> Purpose:
    kinds = _kinds(sop)
    measures = "preset" in sop.policy.model_fields  # how little use of the product is little
    data = ["identity and contact", "what was said", "what they allow", "how they were served"]
    data += ["purchases and contracts", *(["use of the product"] if measures else [])]
    kept = policy.get("retention")
    return Purpose(
        sop=sop.name,
        title=sop.title,
        version=sop.version,
        lawful_bases=[BASES[kind] for kind in Kind if kind in kinds],
        templates=len(_templates(sop)),
        running=running,
        people=["customers, and whoever acts for them"],
        data=data,
        retention=str(kept) if kept else UNSTATED,
    )


def _templates(sop: Sop) -> set[str]:
    return {name for names in sop.steps.values() for name in names}


def _kinds(sop: Sop) -> set[Kind]:
    """Of all that it may send; what sends nothing by a template answers those who wrote to us."""
    try:
        known = registry()
    except TemplateFault:
        return set(Kind)
    found = {known[name].kind for name in _templates(sop) if name in known}
    return found or {Kind.TRANSACTIONAL}


def _recipients(settings: Settings) -> Iterator[Recipient]:
    """Whoever is sent something by these settings; the outbox sends nothing to anybody."""
    message = "the address, and what the message says"
    if settings.email == "sendgrid":
        yield Recipient(name="SendGrid", what=message, where=_host(settings.sendgrid_api_base))
    if settings.email == "smtp":
        server = _host(settings.smtp_url.get_secret_value())
        yield Recipient(name="mail server", what=message, where=server)
    if settings.sms == "twilio":
        number = "the number, and what the message says"
        yield Recipient(name="Twilio", what=number, where=_host(settings.twilio_api_base))
    for name, url in settings.named_systems.items():
        what = "who is to be set up there, on signing: docs/systems.md says which fields"
        yield Recipient(name=name, what=what, where=host_of(url))
    if settings.crm == "salesforce":
        what = "name, company, e-mail, telephone, postal address; whether offers are allowed; what"
        what += " was said when and about what, without our messages' words; tasks for colleagues"
        yield Recipient(name="Salesforce", what=what, where=_host(settings.salesforce_url))
    if settings.staff_webhook:
        what = "tasks for colleagues, without names"
        yield Recipient(name="staff webhook", what=what, where=_host(settings.staff_webhook))


def _host(url: str) -> str:
    """Where that is, without account or password."""
    try:
        return urlsplit(url).hostname or "not set"
    except ValueError:
        return "not readable"


def _documents(rules: HouseRules) -> dict[str, str]:
    """What the house has written down besides."""
    return {
        one.title: one.url or "no address is set: `aftercare policy house`"
        for one in rules.documents.values()
    }
