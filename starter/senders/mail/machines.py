"""Whether a person wrote it: out-of-office notes, receipts and returned mail are no answers.

What is sure is what standards say, and what nobody's own letter carries. A subject line, or the
wish not to be answered by machines (`X-Auto-Response-Suppress`, which Exchange puts on people's
mail, too), only hint at it: two hints are enough, one is not.
"""

from __future__ import annotations

import re

from starter.senders.mail import Head, Mail

NOT_PEOPLES = ("mailer-daemon", "postmaster", "mail-daemon", "mdaemon")
PRECEDENCE = ("bulk", "list", "junk", "auto_reply", "auto-reply")
NO = ("no", "false", "0")
SURELY = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply-from",
    "x-mail-autoreply",
)
AWAY = re.compile(
    r"^\W*(?:(?:re|aw|sv|antw|r)\s*:\s*)*(?:out of (?:the )?office|automatic reply|autoreply"
    r"|auto(?:matic)?[ -]?(?:reply|response)|i am (?:away|out)|away from"
    r"|on (?:holiday|vacation|leave)|abwesen|automatische (?:antwort|abwesen)|nicht im büro"
    r"|réponse automatique|absence|absent|en congés|respuesta automática|fuera de (?:la )?oficina"
    r"|ausente|risposta automatica|fuori (?:sede|ufficio)|assente|automatisch antwoord|afwezig"
    r"|niet aanwezig|automatisk svar|autosvar|fraværende|frånvar|ikke til stede|poissa"
    r"|automaattinen vastaus|odpowiedź automatyczna|autoodpowiedź|nieobecn|automatická odpověď"
    r"|resposta automática|ausência|автоответ|自動応答|不在|自动回复|自動回覆|자동)",
    re.IGNORECASE,
)


def why_automatic(mail: Mail, envelope_from: str | None) -> str | None:
    """What gives the machine away; None: a person wrote it, for all that one can see.

    The envelope's sender is blank for what must not be answered; None: it is not known.
    """
    head, marks = mail.head, mail.head.marks
    submitted = marks.get("auto-submitted", "no").partition(";")[0].strip().lower()
    suppressed = "x-auto-response-suppress" in marks
    signs = {
        "auto_submitted": submitted not in ("no", ""),
        "report": head.type == "multipart/report" or bool(mail.returned),
        "autoreply": any(marks.get(one, "no").lower() not in NO for one in SURELY),
        "precedence": marks.get("precedence", "").lower().replace(" ", "_") in PRECEDENCE,
        "returned": "x-failed-recipients" in marks or _is_returned(head, envelope_from),
        "mailer_daemon": head.sender.partition("@")[0] in NOT_PEOPLES,
        "away": suppressed and bool(AWAY.match(head.subject)),
    }
    return next((sign for sign, shows in signs.items() if shows), None)


def _is_returned(head: Head, envelope_from: str | None) -> bool:
    path = head.marks.get("return-path")
    return path == "<>" or (envelope_from is not None and envelope_from.strip() in ("", "<>"))
