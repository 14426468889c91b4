"""Recipients to whom something happens: so that each outcome can be seen without an account.

E-mail, by what stands before the @, whatever the domain (SendGrid; SMTP its nearest):

| address | what comes of it |
|---|---|
| refused@… | nobody is there: 400 (550) |
| toobig@… | too large: 413 (552) |
| bounced@… | accepted, and comes back later: the look-up says so, and an event |
| blocked@… | accepted, and turned away this time |
| spam@… | accepted and delivered; they report it as spam |
| busy@… | 429 at first, then accepted |
| broken@… | 500 at first and not taken, then accepted |
| unsure@… | 500, and taken: only the look-up knows |
| silent@… | taken, and never answered |
| away@… | 503 always |

A sender unverified@… is refused with 403: that is the account's matter.

Numbers: Twilio's own test numbers mean what they mean at Twilio; the rest is ours.

| number | what comes of it |
|---|---|
| +15005550001 | no such number: 21211 |
| +15005550002 | cannot be reached: 21612 |
| +15005550003 | a country that the account may not write to: 21408 |
| +15005550004 | has told Twilio STOP: 21610 |
| +15005550009 | a landline: 21614 |
| +15005550010 | 429 at first, then accepted |
| +15005550011 | 500 at first and not taken, then accepted |
| +15005550012 | 500, and taken |
| +15005550013 | taken, and never answered |
| +15005550014 | 503 always |
| +15005550015 | accepted, and never delivered: no such number, 30005 |
| +15005550016 | accepted, and not delivered: out of reach, 30003 |

A sender +15005550001 is no number (21212), …07 is not the account's (21606), …08 has a full
queue (21611).
"""

from __future__ import annotations

from activities.fakes.faults import Fault

STRANGE = {
    "busy": Fault.RATE_LIMITED,
    "broken": Fault.ERROR_BEFORE,
    "unsure": Fault.ERROR_AFTER,
    "silent": Fault.HANG_AFTER,
    "away": Fault.UNAVAILABLE,
    "+15005550010": Fault.RATE_LIMITED,
    "+15005550011": Fault.ERROR_BEFORE,
    "+15005550012": Fault.ERROR_AFTER,
    "+15005550013": Fault.HANG_AFTER,
    "+15005550014": Fault.UNAVAILABLE,
}
AT_FIRST = (Fault.RATE_LIMITED, Fault.ERROR_BEFORE)
REFUSED, TOO_BIG, BOUNCED, UNVERIFIED = "refused", "toobig", "bounced", "unverified"
BLOCKED, SPAM = "blocked", "spam"
UNDELIVERED = {"+15005550015": "30005", "+15005550016": "30003"}

TO = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}


def who(address: str) -> str:
    """What the table lists: a number, or what stands before the @."""
    return address.partition("@")[0].lower()


class Strangers:
    """Those to whom something happens only the first time are remembered."""

    def __init__(self) -> None:
        self._met: set[str] = set()

    def fault(self, address: str) -> Fault | None:
        """What becomes of a request for this recipient, if they are in the table."""
        fault = STRANGE.get(who(address))
        if fault in AT_FIRST:
            if address in self._met:
                return None
            self._met.add(address)
        return fault
