"""Every sender that has a door of ours, by its address below `/hooks/`."""

from __future__ import annotations

from starter.senders import Sender
from starter.senders.inbound_mail import InboundMail
from starter.senders.standard import StandardWebhooks
from starter.senders.surveymonkey import SurveyMonkey
from starter.senders.twilio_inbound import TwilioInbound

SENDERS: dict[str, Sender] = {
    sender.path: sender
    for sender in (
        StandardWebhooks(),
        SurveyMonkey(),
        InboundMail(),
        TwilioInbound(),
    )
}
