"""What can be seen only in the message that a customer would get."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from activities.rendering import prose, sms
from activities.rendering.facts import Facts
from activities.rendering.registry import Template, TemplateFault
from activities.rendering.render import Rendered, draft_for, render
from workflows.vocabulary import Kind

LARGEST = 102_000  # bytes; Gmail cuts off what is longer
LONGEST_SUBJECT = 70
MOST_SEGMENTS = 2
EMPTY_WORDS = ("", "here", "click here", "link", "this link", "hier", "hier klicken")
ACTIVE = frozenset("script iframe object embed form input button base link svg video audio".split())
FAULTS = {
    "variable_unknown": "uses something a customer may lack: put it inside an {% if %}",
    "value_missing": "puts out something that is no text: put out one of its parts",
    "link_missing": "lacks a link that registry.toml demands: add it",
    "link_invalid": "an address in the house rules is not http(s): mend it there",
    "subject_missing": "the subject can come out empty: give it words for everybody",
    "syntax": "the subject, or the message, does not close what it opens",
    "file_missing": "has no English original, to which other languages fall back",
    "layout_missing": "layout.html, .print.html and .txt must stand beside the templates",
}

Said = Iterator[tuple[str, str]]


def problems(root: Path, template: Template, channel: str, facts: Facts, language: str) -> Said:
    """Code and words for each thing wrong with what a sample customer would get."""
    try:
        sent = render(template.name, language, channel, facts, root=root)
    except TemplateFault as fault:
        yield fault.code, FAULTS.get(fault.code, "cannot be rendered")
        return
    if channel == "sms":
        if (needs := sms.segments(sent.text)) > MOST_SEGMENTS:
            yield "sms_long", f"takes {needs} SMS segments: at most {MOST_SEGMENTS}"
        return
    if len(sent.subject) > LONGEST_SUBJECT:
        yield "subject_long", f"the subject has {len(sent.subject)} letters: {LONGEST_SUBJECT} show"
    if channel == "email":
        yield from _written(root, template, facts, language)
        yield from _letter(sent)
        if template.kind is not Kind.TRANSACTIONAL:
            yield from _footer(sent, facts)


def _written(root: Path, template: Template, facts: Facts, language: str) -> Said:
    said = prose.read(draft_for(template.name, language, facts, root=root).body)
    if template.action and not said.actions:
        yield "action_missing", "the SOP asks for a call to action: **[words]({{ links.… }})**"
    if said.headings > 1:
        yield "headings", f"has {said.headings} main headings: one line may begin with '# '"
    for words, _ in said.links:
        if words.lower() in EMPTY_WORDS:
            yield "link_words", f"a link says only '{words}': say where it leads"


def _letter(sent: Rendered) -> Said:
    html = Reader(sent.html or "")
    if not html.language:
        yield "language_missing", 'layout.html must say <html lang="{{ language }}">'
    if not html.title.strip():
        yield "title_missing", "layout.html must have a <title>"
    if html.headings != 1:
        yield "headings", "layout.html must add a <h1> if, and only if, the message is not headed"
    if html.active:
        yield "active", f"layout.html holds what mail programs block: {', '.join(html.active)}"
    if html.blind:
        yield "alt_missing", "every image needs an alt text"
    if any(address.removeprefix("mailto:") not in sent.text for address in html.links):
        yield "links_differ", "the text part lacks a link that the HTML part has"
    if len((sent.html or "").encode()) > LARGEST:
        yield "size", f"is larger than {LARGEST // 1000} kB: Gmail would cut it off"


def _footer(sent: Rendered, facts: Facts) -> Said:
    html = Reader(sent.html or "")
    leave, home = str(facts["links"].unsubscribe), str(facts["company"].postal_address)
    if leave not in html.links or leave not in sent.text:
        yield "unsubscribe_missing", "both layouts must lead to {{ unsubscribe }}"
    if home not in html.words or home not in sent.text:
        yield "postal_address_missing", "both layouts must show {{ company.postal_address }}"


class Reader(HTMLParser):
    """What an HTML part holds."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.language = ""
        self.title = ""
        self.headings = 0
        self.links: list[str] = []
        self.active: list[str] = []
        self.blind = False
        self.words = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self._open.append(tag)
        if tag == "html":
            self.language = said.get("lang") or ""
        elif tag == "h1":
            self.headings += 1
        elif tag == "a":
            self.links.append(said.get("href") or "")
        elif tag == "img":
            self.blind |= "alt" not in said
        if tag in ACTIVE or any(name.startswith("on") or name == "http-equiv" for name in said):
            self.active.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while tag in self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "title" in self._open:
            self.title += data
        elif "style" not in self._open:
            self.words += data
