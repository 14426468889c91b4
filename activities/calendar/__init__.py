"""When: contact hours in the customer's zone, office hours and holidays. Pure functions.

A moment is open by what the clock on the wall shows there, so both clock changes need no rule of
their own: an hour that comes twice is open twice, one that is skipped is nobody's.
"""

from activities.calendar.contact import last_open_before, open_from, slot_in_window
from activities.calendar.office import business_window, office_due, works
from activities.calendar.zones import zone_of

__all__ = [
    "business_window",
    "last_open_before",
    "office_due",
    "open_from",
    "slot_in_window",
    "works",
    "zone_of",
]
