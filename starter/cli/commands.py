"""Every command: where it is, and what its help says. The rooms are loaded only when they are used:
most of what the program can do needs most of what is installed."""

from __future__ import annotations

from typing import NamedTuple

UP = """Start everything on this machine: Temporal with its UI, worker, web application and CRM.

Ctrl-C stops all of it; started again, it continues where it stopped. The demonstration has a
data directory of its own, `.aftercare/demo`, unless another is named.
"""
STOP = """The stop button: nothing that matches goes out until `go`; without options, nothing.

It works with the web application and Temporal down.
"""
IMPORT = """Take in customers and their past from a CSV, from the start that they really had.

The header names the fields of an event: customer.email, customer.name, order.id, order.total, type,
occurred_at, order.delivered_at … Each line is an event: of a customer as they are, or of an order
as it was confirmed, unless `type` says what. What was due before now is marked so and never done;
only what lies ahead is. The same file again goes on where it was, and does nothing twice.

    aftercare import customers.csv --map shopify-customers --dry-run
    aftercare import orders.csv --map "Order number=order.id" --map "Date=occurred_at"
"""
REHEARSE = """Play a procedure, or a customer's whole life, in simulated time; print its timeline.

`rehearse SOP` plays that one alone; `rehearse --customer FILE` plays all that are on, as one life.
FILE is a customer as in an event, or a life:

    {"start": "2026-12-18T16:30", "customer": {"id": "C-1", "email": "ada@example.com"},
     "order": {"id": "1001", "total": "49.00"}, "policies": {"satisfaction": {}}, "script": []}

Without a script the customer is silent. A script is a JSON list of what the customer and the staff
do, each entry so long after the purchase, as an event, a signal, a control, or a task done:

    [{"after": "1d", "event": "order.shipped"},
     {"after": "8d2h", "event": "complaint.opened", "data": {"reference": "K-1"}},
     {"after": "8d5h", "task": "2", "sop": "case", "outcome": {"answered": "phone"}},
     {"after": "20d", "event": "complaint.resolved", "data": {"reference": "K-1"}},
     {"after": "20d3h", "signal": "task_done"}]

The policies in force are those of the data directory, where there is one; otherwise the defaults.
"""


class Command(NamedTuple):
    room: str  # the module in here, and what of it
    help: str


COMMANDS: dict[str, dict[str, Command]] = {  # by their heading
    "Run it": {
        "up": Command("running:up", UP),
        "worker": Command(
            "running:worker",
            "Run the worker: it carries out the procedures and sends the messages.",
        ),
        "web": Command(
            "running:web",
            "Run the web application: the HTTP API, and the relay that tells Temporal.",
        ),
        "migrate": Command("running:migrate", "Bring the database to this release."),
        "doctor": Command(
            "running:doctor",
            "Look at settings, database, Temporal, worker, templates and SOPs; say the cure "
            "of each.",
        ),
    },
    "Follow-ups": {
        "start": Command(
            "follow_ups:start",
            'Start a follow-up. A customer: {"email": "ada@example.com", "name": "Ada Byron"}.',
        ),
        "signal": Command(
            "follow_ups:signal",
            "Tell a follow-up, or all of a customer's, that something happened.",
        ),
        "write": Command(
            "follow_ups:write",
            "Write to a customer in your own words; an open complaint or inquiry is answered "
            "with it.",
        ),
        "opt-out": Command(
            "follow_ups:opt_out",
            "Take back a customer's consent: for all that is not about their order, or for a "
            "topic.",
        ),
        "hold": Command(
            "follow_ups:hold", "Keep back all but what the customer must have, until `resume`."
        ),
        "resume": Command("follow_ups:resume", "Release a hold."),
        "skip": Command(
            "follow_ups:skip", "Leave a clause out; without one, the first that is blocked."
        ),
        "run-now": Command(
            "follow_ups:run_now",
            "Do a clause now instead of when it is due; the gate is asked all the same.",
        ),
        "retry": Command(
            "follow_ups:retry",
            "Try a blocked clause again; without one, the first that is blocked.",
        ),
        "end": Command("follow_ups:end", "End a follow-up for good."),
        "list": Command("reading:list_", "Follow-ups, newest first, with what comes next."),
        "show": Command(
            "reading:show",
            "The checklist by clause: done, next and when, skipped and why, on hold since when.",
        ),
        "why": Command(
            "reading:why", "Why each message was sent, or was not: every decision, in plain words."
        ),
        "rehearse": Command("rehearsing:rehearse", REHEARSE),
    },
    "What people see to": {
        "tasks": Command(
            "tasks:room",
            "What waits for a person: the list; show one; close, reassign or snooze one, or ask.",
        ),
        "messages": Command(
            "messages:room", "What was sent: the list; read or print one; settle an unknown."
        ),
        "feedback": Command(
            "feedback:room", "What customers think: the list; classify some; write some down."
        ),
    },
    "How the house is run": {
        "inbox": Command(
            "inbox:room",
            "What came in: the list; show one, replay it, give it to whom it is from; fetch "
            "what a shop said in vain.",
        ),
        "status": Command(
            "status:status",
            "One screen: what is late, what waits, what is in doubt, and each provider's "
            "last answer.",
        ),
        "stop": Command("operations:stop", STOP),
        "go": Command(
            "operations:go",
            "Lift the stop buttons that were pressed with these options; without options, "
            "all of them.",
        ),
        "keys": Command("operations:room", "API keys: make one, list them, revoke one."),
        "staff": Command(
            "staff:room",
            "Colleagues and their accounts: make one, list them, set what is known of one.",
        ),
        "systems": Command(
            "systems:room",
            "Who sets up a new account; who else has our customers, notes and tasks.",
        ),
        "sops": Command(
            "catalogue:room",
            "The catalogue: versions, approval, review, clauses; on and off; its templates.",
        ),
        "policy": Command(
            "policies:policy",
            "An SOP's policy, what its document leaves in brackets: show it, change it, "
            "approve it, have those in flight follow it.",
        ),
        "import": Command("importing:import_", IMPORT),
        "privacy": Command(
            "privacy:room",
            "What customers ask about their data, what they allowed, and the record of processing.",
        ),
    },
}
