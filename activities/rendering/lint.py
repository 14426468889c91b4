"""What is wrong with the templates, said before a customer reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from activities.crm.house import HouseRules
from activities.rendering import colours, lint_sent, lint_source
from activities.rendering.registry import (
    HOME,
    SUFFIX,
    TEMPLATES,
    Register,
    Template,
    TemplateFault,
    register,
)
from activities.rendering.samples import PUBLIC, samples

FURNITURE = ("README.md", "registry.toml", "layout.html", "layout.print.html", "layout.txt")


@dataclass(frozen=True)
class Problem:
    template: str
    code: str
    words: str  # what is wrong, and what to do

    def __str__(self) -> str:
        return f"{self.template}: {self.words} ({self.code})"


@dataclass(frozen=True)
class Sheet:
    """One file: what a template says on a channel, in a language, about something."""

    path: Path
    template: Template
    channel: str
    language: str
    about: str


def lint(
    root: Path = TEMPLATES, rules: HouseRules | None = None, public_url: str = PUBLIC
) -> list[Problem]:
    """Every problem of every template, each once; none: all may be sent."""
    rules = rules or HouseRules()
    try:
        held = register(root)
    except TemplateFault as fault:
        words = "registry.toml cannot be read: mend its TOML, or what a field may hold"
        return [Problem("registry.toml", fault.code, words)]
    sheets = list(_sheets(root, held))
    found = [*_register(held), *_files(root, held, sheets), *_house(rules)]
    for sheet in sheets:
        found += [
            Problem(sheet.template.name, *said) for said in _sheet(root, sheet, rules, public_url)
        ]
    return list(dict.fromkeys(found))


def _sheets(root: Path, held: Register) -> Iterator[Sheet]:
    for template in held.templates.values():
        for channel in template.channels:
            suffix = SUFFIX.get(channel, channel)
            for about in ("", *template.variants):
                stem = f"{template.name}.{about}" if about else template.name
                for path in sorted(root.glob(f"{stem}.*.{suffix}")):
                    language = path.name[len(stem) + 1 : -len(suffix) - 1]
                    if "." not in language:
                        yield Sheet(path, template, channel, language, about)


def _register(held: Register) -> Iterator[Problem]:
    """What is carried must be what another template would say."""
    asked = {template.asks for template in held.templates.values()}
    for name, template in held.templates.items():
        for carried in sorted(set(template.carries) - asked):
            words = f"registry.toml: it carries '{carried}', which no template asks: correct it"
            yield Problem(name, "carries_nothing", words)


def _files(root: Path, held: Register, sheets: list[Sheet]) -> Iterator[Problem]:
    there = {(s.template.name, s.channel, s.about, s.language) for s in sheets}
    spoken = {HOME, *(s.language for s in sheets if "-" not in s.language)}
    for name, template in held.templates.items():
        for channel, language in product(template.channels, sorted(spoken)):
            for about in ("", *template.variants) if channel == "email" else ("",):
                if (name, channel, about, language) not in there:
                    code = "text_missing" if channel == "sms" else "file_missing"
                    stem = f"{name}.{about}" if about else name
                    file = f"{stem}.{language}.{SUFFIX.get(channel, channel)}"
                    yield Problem(name, code, f"{file} is promised by {_promise(language)}")
    known = {sheet.path.name for sheet in sheets}
    for path in sorted(root.iterdir()):
        if path.is_file() and path.name not in known and path.name not in FURNITURE:
            words = f"{path.name} belongs to no template: register it (channel, variant?) or delete"
            yield Problem(path.name, "file_unregistered", words)
    for language in sorted({sheet.language for sheet in sheets}):
        words_in = held.words.get(language) or held.words.get(language.partition("-")[0])
        if words_in is None:
            words = f"there are templates in it: add [words.{language}] to registry.toml"
            yield Problem(language, "words_missing", words)
            continue
        demanded = {link for template in held.templates.values() for link in template.links}
        for link in sorted(demanded - set(words_in.links)):
            words = f"[words.{language}.links] in registry.toml does not say what to call '{link}'"
            yield Problem(language, "words_missing", words)


def _promise(language: str) -> str:
    if language == HOME:
        return "registry.toml: write it"
    return f"the others: whoever reads {language} reads all of it: write it"


def _house(rules: HouseRules) -> Iterator[Problem]:
    colour = rules.company.colour
    if (ratio := colours.contrast(colour, colours.PAPER)) < colours.READABLE:
        words = f"white on {colour} has a contrast of {ratio:.1f}: choose a darker company colour"
        yield Problem("house", "contrast", f"{words} (at least {colours.READABLE})")


def _sheet(
    root: Path, sheet: Sheet, rules: HouseRules, public_url: str
) -> Iterator[tuple[str, str]]:
    file = sheet.path.name
    try:
        text = sheet.path.read_text("utf-8")
    except UnicodeDecodeError:
        yield "encoding", f"{file}: save it as UTF-8"
        return
    known = next(samples(rules))
    for code, words in lint_source.problems(text, sheet.template, sheet.channel, known):
        yield code, f"{file}: {words}"
    for facts in samples(rules, sheet.about, public_url, lint_source.variables(text)):
        for code, words in lint_sent.problems(
            root, sheet.template, sheet.channel, facts, sheet.language
        ):
            yield code, f"{file}: {words}"
