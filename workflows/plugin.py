"""One definition of how workflows run: the same for client, worker, tests, replays, rehearsals."""

from typing import Any

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.sops import PROCEDURES

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


class Sandbox(SandboxedWorkflowRunner):
    """The SDK's, but what it asks for each payload (whose is it?) is asked without going inside:
    that is none of our code, and going in costs more than all the rest of a payload."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        instance: Any = super().create_instance(det)
        inside = instance.globals_and_locals["__temporal_in_sandbox"]
        instance.get_serialization_context = inside.get_serialization_context
        instance.get_external_store_context = inside.get_external_store_context
        ours: WorkflowInstance = instance
        return ours


def sandbox(*passed: str) -> Sandbox:
    """A sandbox around all but these modules."""
    return Sandbox(restrictions=SandboxRestrictions.default.with_passthrough_modules(*passed))


plugin = SimplePlugin(
    "aftercare",
    data_converter=pydantic_data_converter,
    workflows=[sop.workflow for sop in PROCEDURES.values()],
    workflow_runner=sandbox(*PURE),
)
