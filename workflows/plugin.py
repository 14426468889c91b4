"""One definition of how workflows run: the same for client, worker, tests, replays, rehearsals."""

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.plugin import SimplePlugin
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from workflows.sops import CATALOGUE, KEEP_IN_TOUCH

# Pure data is imported once; what has logic stays in the sandbox, which catches a stray clock.
PURE = (
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "workflows.vocabulary",
    "workflows.events",
    "workflows.contract",
    "workflows.attributes",
)

plugin = SimplePlugin(
    "aftercare",
    data_converter=pydantic_data_converter,
    workflows=[sop.workflow for sop in (*CATALOGUE.values(), KEEP_IN_TOUCH)],
    workflow_runner=SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE)
    ),
)
