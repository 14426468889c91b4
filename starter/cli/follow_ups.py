"""Follow-ups: start one, tell it something, see where it stands and why, steer it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from starter.cli.common import (
    DEFAULT,
    PRINTING,
    CliError,
    Common,
    Printing,
    Reason,
    Target,
    desk,
    notice,
    parse_object,
    print_json,
    read_json,
    say,
    who,
)
from starter.cli.receipts import EFFECTS, print_receipt
from starter.cli.whom import meant
from starter.reports import Reports

if TYPE_CHECKING:
    from starter.desk import Verb

File = Annotated[
    Path | None, Parameter(help="A JSON file, or - for standard input", allow_leading_hyphen=True)
]
Clause = Annotated[str | None, Parameter(help="The clause meant, as 5.2.1")]


# -- beginning and telling -----------------------------------------------------------------------


async def start(
    sop: Annotated[str, Parameter(help="As in `aftercare sops`")],
    /,
    *,
    customer: Annotated[
        Path, Parameter(help="A JSON file, or - for standard input", allow_leading_hyphen=True)
    ],
    order: File = None,
    contract: File = None,
    policy: File = None,
    printing: Printing = PRINTING,
) -> None:
    """Start a follow-up. A customer: {"email": "ada@example.com", "name": "Ada Byron"}."""
    if [str(one) for one in (customer, order, contract, policy)].count("-") > 1:
        raise CliError("only one of them can be read from standard input")
    given = read_json(customer, "the customer") or {}
    rest = (
        read_json(order, "the order"),
        read_json(contract, "the contract"),
        read_json(policy, "the policy"),
    )
    async with desk(printing) as opened:
        follow_up, created, effect = await opened.start(sop, given, *rest, by=who())
    if printing.json:
        print_json({"id": follow_up, "created": created, "effect": effect})
        return
    say(f"{follow_up}: {EFFECTS.get(effect, effect) if created else 'it existed already'}")
    notice(f"Its checklist: aftercare show {follow_up}")


async def signal(
    target: Target,
    name: Annotated[str, Parameter(help="A signal or an event, as responded or reply.received")],
    /,
    *,
    text: Annotated[str | None, Parameter(help="What was said; it goes to the CRM only")] = None,
    json: Annotated[str | None, Parameter(help="The signal's body, as JSON")] = None,
    common: Common = DEFAULT,
) -> None:
    """Tell a follow-up, or all of a customer's, that something happened."""
    body: dict[str, Any] = parse_object(json, "--json") if json else {}
    if text is not None:
        body["text"] = text
    async with desk(common) as opened:
        target = await meant(Reports(opened.store, opened.clock), target)
        print_receipt(await opened.signal(target, name, body, by=who()))


async def write(
    customer: Annotated[str, Parameter(help="Their id or e-mail address")],
    /,
    *,
    text: Annotated[str, Parameter(help="What they are to read, in Markdown")],
    subject: Annotated[str | None, Parameter(help="By default, a word from the company")] = None,
    case: Annotated[str | None, Parameter(help="The open case meant, if there are several")] = None,
    printing: Printing = PRINTING,
) -> None:
    """Write to a customer in your own words; an open complaint or inquiry is answered with it."""
    letter = {"text": text, "subject": subject, "case": case}
    said = {name: value for name, value in letter.items() if value is not None}
    async with desk(printing) as opened:
        target = await meant(Reports(opened.store, opened.clock), customer)
        print_receipt(await opened.write(target, said, who()), as_json=printing.json)


async def opt_out(
    customer: Annotated[str, Parameter(help="Their id or e-mail address")],
    /,
    *,
    topic: Annotated[str, Parameter(help="all, or a topic as in the templates")] = "all",
    channel: Annotated[Literal["email", "sms"] | None, Parameter(help="Only this one")] = None,
    reason: Annotated[str | None, Parameter(help="How they said so")] = None,
    printing: Printing = PRINTING,
) -> None:
    """Take back a customer's consent: for all that is not about their order, or for a topic."""
    async with desk(printing) as opened:
        target = await meant(Reports(opened.store, opened.clock), customer)
        receipt = await opened.opt_out(
            target, topic=topic, channel=channel, reason=reason, by=who()
        )
    print_receipt(receipt, as_json=printing.json)


# -- steering ------------------------------------------------------------------------------------


async def hold(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Keep back all but what the customer must have, until `resume`."""
    await _control("hold", target, clause, reason, printing)


async def resume(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Release a hold."""
    await _control("resume", target, clause, reason, printing)


async def skip(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Leave a clause out; without one, the first that is blocked."""
    await _control("skip", target, clause, reason, printing)


async def run_now(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Do a clause now instead of when it is due; the gate is asked all the same."""
    await _control("run-now", target, clause, reason, printing)


async def retry(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """Try a blocked clause again; without one, the first that is blocked."""
    await _control("retry", target, clause, reason, printing)


async def end(
    target: Target, /, *, clause: Clause = None, reason: Reason, printing: Printing = PRINTING
) -> None:
    """End a follow-up for good."""
    await _control("end", target, clause, reason, printing)


async def _control(
    verb: Verb,
    target: str,
    clause: str | None,
    reason: str,
    printing: Printing,
) -> None:
    async with desk(printing) as opened:
        target = await meant(Reports(opened.store, opened.clock), target)
        receipt = await opened.control(verb, target, clause=clause, reason=reason, by=who())
    print_receipt(receipt, as_json=printing.json)
