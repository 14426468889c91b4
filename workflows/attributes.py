"""The search attributes: what a follow-up can be found by. Registered before anything starts."""

from temporalio.common import SearchAttributeKey

SOP = SearchAttributeKey.for_keyword("AftercareSop")  # set at the start, by the desk
CUSTOMER = SearchAttributeKey.for_keyword("AftercareCustomer")  # set at the start, by the desk
CLAUSE = SearchAttributeKey.for_keyword("AftercareClause")
NEXT_DUE = SearchAttributeKey.for_datetime("AftercareNextDue")
ON_HOLD = SearchAttributeKey.for_bool("AftercareOnHold")
OPEN_COMPLAINTS = SearchAttributeKey.for_int("AftercareOpenComplaints")

ALL = (SOP, CUSTOMER, CLAUSE, NEXT_DUE, ON_HOLD, OPEN_COMPLAINTS)
