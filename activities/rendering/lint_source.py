"""What can be seen in a template as it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from jinja2 import TemplateSyntaxError, meta, nodes

from activities.rendering import sms
from activities.rendering.background import Concern
from activities.rendering.facts import Facts
from activities.rendering.fill import ENVIRONMENTS, read, used
from activities.rendering.meetings import Talk
from activities.rendering.offers import LINKS, offers
from activities.rendering.purchases import Purchase, Shipment
from activities.rendering.registry import Template, TemplateFault
from workflows.vocabulary import Kind

ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.If,
    nodes.For, nodes.CondExpr, nodes.Const, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Filter,
)  # fmt: skip
FILTERS = ("first", "join", "last", "length", "lower", "title", "trim", "upper")
RAW = re.compile(r"<[A-Za-z/!?](?!ttps?://|ailto:)[^>\n]*>?")
MOJIBAKE = re.compile("â€|Ã[\u0080-\u00bf]|Â[\u00a0-\u00bf]|\ufffd")

PERSONAL = ("name", "product")  # what a text may call its reader, or what they have, by

Said = Iterator[tuple[str, str]]


def problems(text: str, template: Template, channel: str, facts: Facts) -> Said:
    """Code and words for each thing wrong with a template's text."""
    yield from _letters(text)
    if channel != "sms":
        yield from _shape(text)
    try:
        tree = ENVIRONMENTS["plain"].parse(read(text))
    except TemplateSyntaxError as error:
        yield "syntax", f"line {error.lineno}: {error.message}"
        return
    yield from _constructs(tree)
    yield from _variables(tree, facts)
    if channel != "call":  # a script's reader sees what is missing
        yield from _impersonal(tree, template)
    written = " ".join(node.data for node in tree.find_all(nodes.TemplateData))
    spoken = [str(node.value) for node in tree.find_all(nodes.Const)]
    if raw := RAW.search(written):
        yield "raw_html", f"{raw[0]!r} is HTML: write Markdown"
    if template.kind is not Kind.MARKETING:
        yield from _offers(tree, " ".join([written, *spoken]))
    if channel == "sms":
        yield from _text_message(template, written)


def _letters(text: str) -> Said:
    if MOJIBAKE.search(text):
        yield "encoding", "letters are garbled (mojibake): type them anew and save as UTF-8"
    for letter in sorted(set(text) - {"\n", "\r"}):
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co"):
            yield "invisible", f"holds the invisible character U+{ord(letter):04X}: delete it"


def _text_message(template: Template, written: str) -> Said:
    if template.kind is not Kind.TRANSACTIONAL and "STOP" not in written:
        yield "stop_missing", "an SMS that is not transactional must say how to STOP it"
    for mark in sms.needless(written):
        typed = sms.plainer(mark)
        yield "sms_dear", f"{mark!r} makes every text cost twice as much: type {typed!r}"


def _shape(text: str) -> Said:
    subject, _, rest = text.replace("\r\n", "\n").partition("\n")
    if not subject.strip() or subject.lstrip().startswith("#"):
        yield "subject_missing", "the first line must be the subject, with no mark before it"
    elif rest.partition("\n")[0].strip():
        yield "subject_missing", "a blank line must part the subject from the message"
    if not rest.strip():
        yield "body_missing", "nothing follows the subject"


def _constructs(tree: nodes.Template) -> Said:
    for node in tree.find_all(nodes.Node):
        name = type(node).__name__.lower()
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            yield "construct", f"line {node.lineno}: the filter '{node.name}' is not allowed"
        elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            yield "construct", f"line {node.lineno}: '{node.attr}' is nobody's business"
        elif not isinstance(node, ALLOWED):
            words = "only variables, if and for are allowed"
            yield "construct", f"line {node.lineno}: '{name}' is not allowed: {words}"


def _variables(tree: nodes.Template, facts: Facts) -> Said:
    for name in sorted(meta.find_undeclared_variables(tree) - set(facts)):
        yield "variable_unknown", f"there is no '{name}': README.md lists what there is"
    has = {
        "company": set(vars(facts["company"])),
        "links": set(vars(facts["links"])),
        "order": set(Purchase.__dataclass_fields__),
        "shipment": set(Shipment.__dataclass_fields__),
        "case": set(Concern.__dataclass_fields__),
        "meeting": set(Talk.__dataclass_fields__),
    }
    for node in tree.find_all(nodes.Getattr):
        owner = node.node.name if isinstance(node.node, nodes.Name) else ""
        if owner in has and node.attr not in has[owner]:
            words = f"there is no '{owner}.{node.attr}': README.md lists what there is"
            yield "variable_unknown", words


def _impersonal(tree: nodes.Template, template: Template) -> Said:
    """Whoever is called by no name must be told so in the register, where the gate asks."""
    for fact in sorted(set(_unguarded(tree, frozenset())) - set(template.personal)):
        words = f"'{fact}' may be unknown: put it inside {{% if {fact} %}}, or say"
        yield "impersonal", f'{words} personal = ["{fact}"] in registry.toml'
    for fact in sorted(set(template.personal) - meta.find_undeclared_variables(tree)):
        words = f"registry.toml says that it is impersonal without '{fact}', which it does not use"
        yield "impersonal", f"{words}: use it, or take it out there"


def _unguarded(node: nodes.Node, known: frozenset[str]) -> Iterator[str]:
    """The personal facts that are put out where nothing has asked whether they are known."""
    if isinstance(node, nodes.If | nodes.CondExpr):
        known |= {name.name for name in node.test.find_all(nodes.Name)}
        if isinstance(node.test, nodes.Name):
            known |= {node.test.name}
    elif isinstance(node, nodes.Name) and node.name in PERSONAL and node.name not in known:
        yield node.name
    for child in node.iter_child_nodes():
        yield from _unguarded(child, known)


def variables(text: str) -> frozenset[str]:
    """What a text uses, if it can be read at all."""
    try:
        return used(text, "")
    except TemplateFault:
        return frozenset()


def _offers(tree: nodes.Template, words: str) -> Said:
    cure = "make it marketing in registry.toml, or take it out"
    for offer in offers(words):
        yield "offer", f"{offer!r} sells something: {cure}"
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name == "links" and node.attr in LINKS:
            yield "offer", f"links.{node.attr} leads to something for sale: {cure}"
