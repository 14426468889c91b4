"""What an e-mail is made of, whoever carries it: one recipient, and nothing but text."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from activities.channels import Parcel

URL = re.compile(r"https?://[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")


class Mailbox(NamedTuple):
    """One address. `plain` is what servers of the old kind read: none if there is no such form."""

    full: str
    plain: str | None


def mailbox(address: str) -> Mailbox | None:
    """The address, if it is exactly one; nothing else may come near a recipient's field."""
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        return None
    return Mailbox(found.normalized, found.ascii_email)


def words(text: str) -> str:
    """A body without what is no text: controls and broken letters. Its lines stay."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        letter for letter in lines if letter in "\n\t" or unicodedata.category(letter) not in UNFIT
    )


UNFIT = ("Cc", "Cs")


def headers(parcel: Parcel) -> dict[str, str]:
    """What mail programs read: that a machine wrote it, and how one click ends it (RFC 8058)."""
    said = {"Auto-Submitted": "auto-generated"}  # or out-of-office replies would answer us
    if URL.fullmatch(parcel.unsubscribe):
        said["List-Unsubscribe"] = f"<{parcel.unsubscribe}>"
        said["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return said
