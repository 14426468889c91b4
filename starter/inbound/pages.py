"""The pages that customers see: in their language and the company's colours, and nothing from any
other host."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from activities.crm.house import Company
from activities.rendering import colours

HERE = Path(__file__).parent / "pages"
HOME = "en"
STYLE = "/u/style.css"
NAMELESS = Company(name="", postal_address="", support_email="")  # while nobody can say who we are
SAFE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Language",
    "X-Robots-Tag": "noindex, nofollow",
}


def page(
    file: str, language: str, company: Company, status: int, *, root: str, **facts: Any
) -> Response:
    """A page of ours; `root` is the path under which the whole site stands."""
    html = _environment().get_template(file)
    text = html.render(
        company=company,
        language=language,
        style=f"{root}{STYLE}",
        words=words()[language],
        **facts,
    )
    headers = SAFE | {"Content-Language": language}
    if status in (408, 413):
        headers["Connection"] = "close"  # the rest of the body is still on its way
    if status == 503:
        headers["Retry-After"] = "60"
    return Response(text, status, headers, media_type="text/html")


def style(company: Company) -> Response:
    """The one style sheet, in the company's colour by day and by night."""
    day, night = company.colour, colours.at_night(company.colour)
    ink = max("#ffffff", "#111315", key=lambda one: colours.contrast(one, day))
    root = f":root {{ --day: {day}; --on-day: {ink}; --night: {night}; }}\n"
    text = root + (HERE / "style.css").read_text("utf-8")
    return Response(text, headers={"Cache-Control": "max-age=300"}, media_type="text/css")


def root_of(public_url: str) -> str:
    return urlsplit(public_url).path.rstrip("/")


@cache
def words() -> dict[str, dict[str, Any]]:
    """What the pages say, by language."""
    return tomllib.loads((HERE / "words.toml").read_text("utf-8"))


def spoken(locale: str | None, accepted: str) -> str:
    """The customer's language if we speak it, else the first of their browser's that we do."""
    for said in (locale or "", *_accepted(accepted)):
        language = said.lower().replace("_", "-").partition("-")[0]
        if language in words():
            return language
    return HOME


def _accepted(header: str) -> list[str]:
    def ranked() -> Iterator[tuple[float, int, str]]:
        for place, part in enumerate(header[:500].split(",")):
            tag, _, quality = part.partition(";q=")
            try:
                weight = float(quality or 1)
            except ValueError:
                weight = 0.0
            if weight > 0:  # 0: this one not
                yield -weight, place, tag.strip()

    return [tag for _, _, tag in sorted(ranked())]


def topic_title(language: str, name: str) -> tuple[str, str]:
    """What a topic is called, and a line about it; the house's own by their name alone."""
    known = words()[language]["topics"].get(name)
    return (known["title"], known["about"]) if known else (name.replace("-", " ").capitalize(), "")


def type_title(language: str, name: str) -> str:
    """What feedback may be about, in our words; the house's own types by their name alone."""
    known: dict[str, str] = words()[language]["categories"]
    return known.get(name) or name.replace("-", " ").replace("_", " ").capitalize()


def listed(names: list[str], between: str) -> str:
    """`a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} {between} {last}" if first else last


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"with": _with, "mail": _mail}
    return environment


def _with(text: str, **values: str) -> Markup:
    """A sentence with its values in it: what stands in `{}` is bold or a link, never markup of
    somebody else's."""
    return Markup.escape(text).format(**values)


def _mail(address: str) -> Markup:
    return Markup('<a href="mailto:{0}">{0}</a>').format(address)
