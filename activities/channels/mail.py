"""What an e-mail is made of, whoever carries it: one recipient, and nothing but text."""

from __future__ import annotations

import re
import unicodedata
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from activities.channels import Attachment, Parcel
from activities.rendering.values import clean

ENCODED = "=?"  # how an encoded word begins
UNFIT = ("Cc", "Cs")
LONGEST = 60  # letters of a name: more would be folded, which Python does not do well
SPECIAL = re.compile(r"[()<>\[\]:;@\\,\"=?]")
CALENDAR = re.compile(r"text/calendar; method=[A-Z]{1,20}")
REPLY = re.compile(r"r\+[a-z0-9]{1,60}@[a-z0-9.-]{1,250}")  # with the message's token: read by us
URL = re.compile(r"https?://[\w./:?=&%~+-]{1,600}", re.ASCII)  # a line of a mail holds 998


class Whole(UnstructuredHeader, BaseHeader):
    """One line, as it is: the library would encode a long address, which nobody finds then."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


HEADERS = HeaderRegistry()
HEADERS.map_to_type("list-unsubscribe", Whole)
POLICY = SMTP.clone(header_factory=HEADERS)


class Mailbox(NamedTuple):
    """One address. `plain` is what servers of the old kind read: none if there is no such form."""

    full: str
    plain: str | None


def mailbox(address: str) -> Mailbox | None:
    """The address, if it is exactly one; nothing else may come near a recipient's field.

    An encoded word is a fine local part to the RFC, and a line break to whoever decodes it.
    """
    if ENCODED in address:
        return None
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        return None
    return Mailbox(found.normalized, found.ascii_email)


def line(text: str) -> str:
    """What stands in a header. Encoded words in it stay letters: decoded on the way, they would
    bring line breaks, and with them headers."""
    return clean(text).replace(ENCODED, "= ?")


def shown(text: str) -> str:
    """What stands before an address: nothing that could end there and begin another one."""
    return " ".join(SPECIAL.sub(" ", line(text))[:LONGEST].split())


def words(text: str) -> str:
    """A body without what is no text: controls and broken letters. Its lines stay."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        letter for letter in lines if letter in "\n\t" or unicodedata.category(letter) not in UNFIT
    )


def is_invitation(one: Attachment) -> bool:
    """Whether mail programs are to show it as an invitation, not only as a file (RFC 6047)."""
    return bool(CALENDAR.fullmatch(one.type))


def filed(one: Attachment) -> str:
    """The content type of the file beside: an invitation there is the same once more, for whoever
    opens files, and says so by its type, or some programs would show two."""
    return "application/ics" if is_invitation(one) else one.type


def headers(parcel: Parcel) -> dict[str, str]:
    """What mail programs read: that a machine wrote it, and how one click ends it (RFC 8058)."""
    said = {"Auto-Submitted": "auto-generated"}  # or out-of-office replies would answer us
    if URL.fullmatch(parcel.unsubscribe) and ENCODED not in parcel.unsubscribe:
        ways = [parcel.unsubscribe]
        if REPLY.fullmatch(parcel.reply_to):  # for programs that know no one-click
            ways.append(f"mailto:{parcel.reply_to}?subject=unsubscribe")
        said["List-Unsubscribe"] = ", ".join(f"<{way}>" for way in ways)
        said["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return said


def attach(message: EmailMessage, parcel: Parcel) -> None:
    """An invitation is one more alternative, for which mail programs show buttons, and a file."""
    for one in filter(is_invitation, parcel.attachments):
        method = one.type.partition("method=")[2]
        message.add_alternative(
            one.text, subtype="calendar", cte="base64", params={"method": method}
        )
    for one in parcel.attachments:
        main, _, sub = filed(one).partition(";")[0].partition("/")
        message.add_attachment(
            one.text.encode(), maintype=main, subtype=sub.strip(), filename=one.name
        )
