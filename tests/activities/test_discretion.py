"""Nothing that names somebody leaves an activity: neither into a history nor into a log."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.crm.store import Store
from activities.crm.tables import Alias
from activities.discretion import Discretion

CANARY = "canary@example.com"


class Runs(ActivityInboundInterceptor):
    """What stands behind the last interceptor: the activity itself."""

    def __init__(self) -> None:
        """It is the last."""

    async def execute_activity(self, input: ExecuteActivityInput) -> object:  # noqa: A002 - the SDK's own name
        return await input.fn(*input.args)


async def test_a_database_that_names_somebody_is_quoted_by_nobody(store: Store) -> None:
    """PostgreSQL says which value stood in its way; the history gets the name of the error."""

    @activity.defn
    async def stumble() -> None:
        async with store.transaction() as session:
            session.add(Alias(alias=CANARY, customer_id=CANARY))

    guarded = Discretion().intercept_activity(Runs())
    asked = ExecuteActivityInput(fn=stumble, args=(), executor=None, headers={})
    with pytest.raises(IntegrityError):
        await stumble()
    with capture_logs() as lines, pytest.raises(ApplicationError) as caught:
        await ActivityEnvironment().run(guarded.execute_activity, asked)
    fault = caught.value
    assert (fault.type, fault.non_retryable, fault.__cause__) == ("fault", False, None)
    assert CANARY not in f"{fault!r} {fault.args} {lines}"
    assert "IntegrityError at " in lines[0]["error"]


async def test_our_own_codes_pass() -> None:
    @activity.defn
    async def refuse() -> None:
        raise ApplicationError("template", type="template", non_retryable=True)

    guarded = Discretion().intercept_activity(Runs())
    asked = ExecuteActivityInput(fn=refuse, args=(), executor=None, headers={})
    with pytest.raises(ApplicationError, match="template") as caught:
        await ActivityEnvironment().run(guarded.execute_activity, asked)
    assert caught.value.non_retryable
