"""One definition of how workflows run: the same for client, worker, tests, replays, rehearsals."""

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.sops import CATALOGUE, KEEP_IN_TOUCH

# Imported once, not anew for every follow-up: that was a third of what a worker did. A stray clock
# or die in our own modules, which the sandbox would catch if they were imported in it, is caught by
# the tests: they replay every history in one that passes only the nouns.
NOUNS = (
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "workflows.vocabulary",
    "workflows.events",
    "workflows.contract",
    "workflows.attributes",
)
PURE = (*NOUNS, "workflows")


def sandbox(*passed: str) -> SandboxedWorkflowRunner:
    """A sandbox around all but these modules."""
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*passed)
    return SandboxedWorkflowRunner(restrictions=restrictions)


plugin = SimplePlugin(
    "aftercare",
    data_converter=pydantic_data_converter,
    workflows=[sop.workflow for sop in (*CATALOGUE.values(), KEEP_IN_TOUCH)],
    workflow_runner=sandbox(*PURE),
)
