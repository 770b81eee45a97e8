"""biRun's own entities: scripts, workflows and the application's settings."""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.core import counting
from chalicelib.kernel.errors import NotFound

SCRIPTS = "scripts"

AD_HOC = "Ad-hoc script"
"""Name of a text that was run without being stored."""


class Script(Record, discriminator="script"):
    id = NumberAttribute()
    name = UnicodeAttribute()
    content = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    search = UnicodeAttribute()
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class Workflow(Record, discriminator="workflow"):
    """``nodes`` and ``edges`` are as they were sent. ``held``: the scripts and server groups that it counts
    as a user of, in the words of core.usage; at least those of its nodes. ``revision`` moves with every
    change made by people."""

    id = NumberAttribute()
    name = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    nodes: JSONAttribute = JSONAttribute()
    edges: JSONAttribute = JSONAttribute()
    held: JSONAttribute = JSONAttribute()
    notifications: JSONAttribute = JSONAttribute(null=True)
    last_outcome = UnicodeAttribute(null=True)
    enabled = BooleanAttribute(default=True)
    revision = NumberAttribute(default=1)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class AppSettings(Record, discriminator="birun-settings"):
    """Initial values are those of the document's example."""

    max_concurrent_executions = NumberAttribute(default=8)
    long_running_delay_seconds = NumberAttribute(default=30)
    schedule_trigger_tolerance_seconds = NumberAttribute(default=60)
    access_token_expire_minutes = NumberAttribute(default=30)


def script_key(script_id: int) -> tuple[str, str]:
    return counting.key(SCRIPTS, script_id)


def script_subject(script_id: int) -> str:
    """What a script is called in the audit."""
    return f"SCRIPT#{script_id}"


def find_script(script_id: int) -> Script | None:
    return table.find(Script, *script_key(script_id))


def get_script(script_id: int) -> Script:
    script = find_script(script_id)
    if script is None:
        raise NotFound(f"There is no script {script_id}.")
    return script


def find_scripts(script_ids: Iterable[int]) -> dict[int, Script]:
    """Those that there are, by id."""
    found = table.find_many(Script, [script_key(one) for one in sorted(script_ids)])
    return {int(script.id): script for script in found}


def workflow_key(workflow_id: int) -> str:
    return f"WORKFLOW#{workflow_id}"


def find_workflow(workflow_id: int) -> Workflow | None:
    return table.find(Workflow, workflow_key(workflow_id), "WORKFLOW")


def get_workflow(workflow_id: int) -> Workflow:
    workflow = find_workflow(workflow_id)
    if workflow is None:
        raise NotFound(f"There is no workflow {workflow_id}.")
    return workflow


def app_settings() -> AppSettings:
    return table.find(AppSettings, "SETTINGS#birun", "SETTINGS") or AppSettings("SETTINGS#birun", "SETTINGS")
