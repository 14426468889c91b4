"""What came with what a customer wrote, as it is handed to a colleague: nothing here opens it."""

from __future__ import annotations

from urllib.parse import quote

from activities.crm import enclosures
from starter.reports import Reports

HARMLESS = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "text/plain")
UNKNOWN = "application/octet-stream"


class Received:
    """A file and its headers: to be kept by whoever asked for it, and shown by no browser."""

    def __init__(self, name: str, type_: str, content: bytes) -> None:
        self.content = content
        self.type = type_ if type_ in HARMLESS else UNKNOWN
        plain = "".join(
            c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name
        )
        self.headers = {
            "Content-Disposition": f'attachment; filename="{plain}"; '
            f"filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }


async def enclosure(reports: Reports, id_: str) -> Received | None:
    """One that came; none: there is no such thing."""
    async with reports.store.reading() as session:
        row = await enclosures.whole(session, id_)
    return Received(row.name, row.type, row.content) if row else None
