"""One word that is a wish: to hear no more, to hear again, to be told how. Nothing else beside it.

`Please stop by our shop` is a letter. What Twilio itself takes for a wish is one here, too, because
its network acts on it whatever we do.
"""

from __future__ import annotations

import re
from enum import Enum


class Wish(Enum):
    STOP = "stop"
    START = "start"
    HELP = "help"


NO_LETTER = re.compile(r"[^\w\s]+|_+")
STOPS = """stop|stopp|stop all|stopall|unsubscribe|unsubscribe me|please unsubscribe|opt out|optout
|abmelden|abbestellen|bitte abmelden|keine mails mehr|désabonner|désinscrire
|desabonner|se désabonner|désinscription|arret|arrêt|arrêter|darse de baja
|cancelar suscripción|dar de baja|disiscrivi|cancellami
|annulla iscrizione|afmelden|uitschrijven|avregistrera|avmeld|afmeld|frameld
|wypisz|rezygnuję|cancelar inscrição|descadastrar|odhlásit|peruuta tilaus|remove me|stop please
|please stop|stop emails|stop sending|no more emails"""
OF_SMS = "cancel|end|quit|revoke|baja|alto|parar|basta|fin"  # by mail, `cancel` may mean an order
STOP_WORDS = frozenset(STOPS.replace("\n", "").split("|"))
SMS_STOP_WORDS = STOP_WORDS | frozenset(OF_SMS.split("|"))
START_WORDS = frozenset(("start", "unstop"))
YES = "yes"  # an opt-in to whoever had opted out, to all others an answer
HELP_WORDS = frozenset(("help", "info"))


def by_mail(words: str) -> Wish | None:
    """What somebody's own words by e-mail come to."""
    return Wish.STOP if _plain(words) in STOP_WORDS else None


def by_sms(words: str, type_: str, *, stopped: bool) -> Wish | None:
    """What an SMS comes to; Twilio's own reading of it (`OptOutType`) goes first."""
    for wish in Wish:
        if type_.strip().upper() == wish.name:
            return wish
    said = _plain(words)
    if said in SMS_STOP_WORDS:
        return Wish.STOP
    if said in START_WORDS or (said == YES and stopped):
        return Wish.START
    return Wish.HELP if said in HELP_WORDS else None


def _plain(words: str) -> str:
    """Letters alone: `"Stop!"` is the word, whatever stands around it."""
    return (
        " ".join(NO_LETTER.sub(" ", words.strip()[:200]).casefold().split())
        if len(words.strip()) < 200
        else ""
    )
