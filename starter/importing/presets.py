"""The headers of exports that are met with often, and what their columns are with us."""

from __future__ import annotations

from collections.abc import Mapping

IGNORED = "-"

PRESETS: Mapping[str, Mapping[str, str]] = {
    "shopify-customers": {
        "Customer ID": "customer.id",
        "First Name": "customer.name",
        "Last Name": "customer.name",
        "Email": "customer.email",
        "Accepts Email Marketing": "customer.consent.email_marketing",
        "Accepts Marketing": "customer.consent.email_marketing",
        "Default Address Company": "customer.company",
        "Company": "customer.company",
        "Default Address Address1": "customer.address.line1",
        "Default Address Address2": "customer.address.line2",
        "Default Address City": "customer.address.city",
        "Default Address Province Code": "customer.address.region",
        "Default Address Country Code": "customer.country",
        "Default Address Zip": "customer.address.postal_code",
        "Address1": "customer.address.line1",
        "Address2": "customer.address.line2",
        "City": "customer.address.city",
        "Province": IGNORED,
        "Province Code": "customer.address.region",
        "Country": IGNORED,
        "Country Code": "customer.country",
        "Zip": "customer.address.postal_code",
        "Default Address Phone": IGNORED,
        "Phone": "customer.phone",
        "Accepts SMS Marketing": "customer.consent.sms_marketing",
        "Total Spent": IGNORED,
        "Total Orders": IGNORED,
        "Note": IGNORED,
        "Tax Exempt": IGNORED,
        "Tags": IGNORED,
    },
    "woocommerce-customers": {
        "Name": "customer.name",
        "Username": IGNORED,
        "Last Active": IGNORED,
        "Date Registered": "customer.since",
        "Sign Up": "customer.since",
        "Email": "customer.email",
        "Orders": IGNORED,
        "Total Spend": IGNORED,
        "AOV": IGNORED,
        "Country / Region": "customer.country",
        "City": "customer.address.city",
        "Region": "customer.address.region",
        "Postal Code": "customer.address.postal_code",
    },
}
PREFIXES = {"shopify-customers": {"customer.id": "shopify-"}}  # as its webhooks' ids begin
