"""Every sender that has a door of ours, by its address below `/hooks/`."""

from __future__ import annotations

from starter.senders import Sender
from starter.senders.inbound_mail import InboundMail
from starter.senders.sendgrid_events import SendGridEvents
from starter.senders.shopify import Shopify
from starter.senders.standard import StandardWebhooks
from starter.senders.stripe import Stripe
from starter.senders.surveymonkey import SurveyMonkey
from starter.senders.twilio_inbound import TwilioInbound
from starter.senders.twilio_status import TwilioStatus
from starter.senders.woocommerce import WooCommerce
from starter.senders.zoom import Zoom

SENDERS: dict[str, Sender] = {
    sender.path: sender
    for sender in (
        StandardWebhooks(),
        Shopify(),
        Stripe(),
        WooCommerce(),
        SurveyMonkey(),
        Zoom(),
        InboundMail(),
        TwilioInbound(),
        SendGridEvents(),
        TwilioStatus(),
    )
}
