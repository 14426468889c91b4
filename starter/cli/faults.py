"""What can go wrong with a command, in words: what is wrong, and what to do next."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from activities.crm.pace import PaceError
from activities.crm.store import UnsafeDatabaseError
from activities.settings import variable
from starter.answers import Refusal
from starter.bootstrap import NotReadyError
from starter.cli.common import CliError, UsageError
from starter.reports.paging import UnknownCursorError
from starter.up.directory import DirectoryError
from starter.up.supervisor import GaveUpError

SAID = (CliError, DirectoryError, GaveUpError, NotReadyError, PaceError, UnsafeDatabaseError)
NOT_THERE = ("not_found", "not_in_doubt")  # the codes of what is not known by this id
LISTS = {  # where those that are known stand, by what was named
    "feedback": "feedback",
    "id": "privacy",
    "message": "messages --state unknown",
    "target": "list",
    "task": "tasks",
}


def is_of_usage(fault: Exception) -> bool:
    return isinstance(fault, UsageError)


def words(fault: Exception) -> str | None:
    """What is wrong, for the person at the terminal; none if nobody foresaw it."""
    match fault:
        case Refusal():
            where = f" ({fault.param})" if fault.param else ""
            lists = LISTS.get(fault.param or "") if fault.code in NOT_THERE else None
            hint = f": `aftercare {lists}` shows what there is" if lists else ""
            return f"{fault.detail}{where} [{fault.code}]{hint}"
        case ValidationError():
            return _settings(fault)
        case UnknownCursorError():
            return "what --after names is not on this list (any more): leave it out"
        case SQLAlchemyError():
            return _database(fault)
    return str(fault) if isinstance(fault, SAID) else None


def _settings(fault: ValidationError) -> str:
    lines = [
        f"{variable('_'.join(map(str, error['loc'])))}: {error['msg']}" for error in fault.errors()
    ]
    return "\n".join([*lines, "`aftercare doctor` lists all settings."])


def _database(fault: SQLAlchemyError) -> str:
    if "no such table" in str(fault) or "does not exist" in str(fault):
        return "the database has no tables yet: start with `aftercare up`, or `aftercare migrate`"
    return f"the database does not answer ({type(fault).__name__}): see `aftercare doctor`"
