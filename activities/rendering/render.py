"""A template and the facts become one message, or a fault that says what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import css_inline
from markupsafe import Markup

from activities.rendering import colours, prose
from activities.rendering.facts import Facts, in_words
from activities.rendering.fill import fill, used
from activities.rendering.registry import (
    TEMPLATES,
    Template,
    TemplateFault,
    Words,
    entry,
    register,
    source,
)
from activities.rendering.sms import plainer
from activities.rendering.values import clean, visible
from workflows.vocabulary import Kind

INLINER = css_inline.CSSInliner(
    keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False
)


class Draft(Protocol):
    """A message as a person means it: its subject, and its body in Markdown."""

    @property
    def subject(self) -> str: ...
    @property
    def body(self) -> str: ...


@dataclass(frozen=True)
class Drafted:
    subject: str
    body: str


@dataclass(frozen=True)
class Rendered:
    subject: str  # empty for an SMS
    text: str
    html: str | None  # none for an SMS
    locale: str


def render(
    name: str,
    locale: str | None,
    channel: str,
    facts: Facts,
    draft: Draft | None = None,
    *,
    root: Path = TEMPLATES,
) -> Rendered:
    """The message as its reader gets it; a draft takes the place of the template's own words."""
    template = entry(root, name)
    text, language = source(root, template, locale, channel, facts["about"])
    facts = in_words(facts, locale, language)
    if channel == "sms":
        return _sms(template, text, language, facts, draft)
    words = _words_in(language, root, name)
    if draft is None:
        said = _said(template, text, facts)
    else:
        said = _completed(_checked(draft, template), template, facts, words)
    around = {
        "channel": channel,
        "language": language,
        "why": words.why.of(template.kind),
        "preferences": words.preferences,
        "unsubscribe": "" if template.kind is Kind.TRANSACTIONAL else facts["links"].unsubscribe,
    }
    return _laid_out(root, template, said, facts, around)


def draft_for(
    name: str, locale: str | None, facts: Facts, channel: str = "", *, root: Path = TEMPLATES
) -> Drafted:
    """The template's words for a person to work on: a subject, and a body in Markdown."""
    template = entry(root, name)
    text, language = source(root, template, locale, channel or _written(template), facts["about"])
    return _said(template, text, in_words(facts, locale, language))


def wanted(
    name: str, locale: str | None, channel: str = "", about: str = "", *, root: Path = TEMPLATES
) -> frozenset[str]:
    """The variables that the template's text uses, before anything is known of its reader."""
    template = entry(root, name)
    return used(source(root, template, locale, channel or _written(template), about)[0], name)


def _written(template: Template) -> str:
    """The channel whose words a person works on: the e-mail's, unless it is carried on paper."""
    return "email" if "email" in template.channels else template.channels[0]


def _words_in(language: str, root: Path, name: str) -> Words:
    spoken = register(root).words
    words = spoken.get(language) or spoken.get(language.partition("-")[0])
    if words is None:
        raise TemplateFault("words_missing", name)
    return words


def _said(template: Template, text: str, facts: Facts) -> Drafted:
    """What the template itself says: its first line is the subject."""
    subject, _, body = text.replace("\r\n", "\n").partition("\n")
    filled = clean(fill(subject, "plain", facts, template.name))
    if not filled:
        raise TemplateFault("subject_missing", template.name)
    return Drafted(filled, fill(body.strip("\n"), "markdown", facts, template.name))


def _checked(draft: Draft, template: Template) -> Drafted:
    """A person's draft: nothing in it is Jinja, nothing in it is unseen."""
    checked = Drafted(clean(draft.subject), visible(draft.body))
    if not checked.subject or not checked.body:
        raise TemplateFault("draft_empty", template.name)
    return checked


def _completed(draft: Drafted, template: Template, facts: Facts, words: Words) -> Drafted:
    """The SOP's links are sent even if the person who wrote the draft left them out."""
    there = {href for _, href in prose.read(draft.body).links}
    lacking = [name for name in template.links if _link(name, facts, template) not in there]
    lines = [f"[{words.links.get(it, it)}](<{getattr(facts['links'], it)}>)" for it in lacking]
    return Drafted(draft.subject, "\n\n".join([draft.body, *lines]))


def _laid_out(
    root: Path, template: Template, said: Drafted, facts: Facts, around: dict[str, Any]
) -> Rendered:
    """On the letterhead; a call's script is ours to read, and stands on a plain page."""
    told, channel = prose.read(said.body), around["channel"]
    there = {href for _, href in told.links}
    demanded = () if channel == "call" else template.links
    if any(_link(name, facts, template) not in there for name in demanded):
        raise TemplateFault("link_missing", template.name)
    brand = facts["company"].colour
    around |= {
        "subject": said.subject,
        "headed": told.headed,
        "lead": told.lead,
        "company": facts["company"],
        "colour": {"day": brand, "night": colours.at_night(brand), "dark": colours.NIGHT},
    }
    page = "layout.html" if channel == "email" else "layout.print.html"
    html = _layout(root, page, {**around, "body": Markup(told.html)})  # noqa: S704 - ours
    if channel == "call":
        return Rendered(said.subject, told.text, html, around["language"])
    text = _layout(root, "layout.txt", {**around, "body": told.text})
    return Rendered(said.subject, f"{text.strip()}\n", INLINER.inline(html), around["language"])


def _layout(root: Path, file: str, around: Facts) -> str:
    try:
        text = (root / file).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise TemplateFault("layout_missing") from None
    return fill(text, "html" if file.endswith(".html") else "raw", around, file)


def _sms(
    template: Template, text: str, language: str, facts: Facts, draft: Draft | None
) -> Rendered:
    if draft is None:
        said = visible(fill(text, "sms", facts, template.name))
    else:
        said = plainer(prose.read(_checked(draft, template).body).text)
    wanted = [str(getattr(facts["links"], name, "")) for name in template.links]
    if wanted and not any(link and link in said for link in wanted):
        if draft is None:
            raise TemplateFault("link_missing", template.name)
        said = f"{said} {wanted[0]}"
    return Rendered("", said, None, language)


def _link(name: str, facts: Facts, template: Template) -> str:
    address = getattr(facts["links"], name, "")
    if not address:
        raise TemplateFault("link_missing", template.name)
    return prose.address(address)
