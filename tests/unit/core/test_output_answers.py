"""What answers say of a script's output: all of it by cursor, what fits elsewhere, and what is gone."""

from __future__ import annotations

import pytest

from chalicelib.aws import table
from chalicelib.core.executions import tasks
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.kernel.errors import BadRequest
from chalicelib.surfaces.birun.service import runs, workflows
from tests.unit.core.builders import ACTOR, execution

pytestmark = pytest.mark.usefixtures("cloud")


def test_output_is_asked_of_one_part_and_a_run_without_any_says_so() -> None:
    run = tasks.prepare(TaskRequest(ACTOR, workflows.WORK, {"workflow_id": 1, "workflow_name": "nightly"}))
    table.put(run)
    with pytest.raises(BadRequest, match="started no script"):
        runs.only_part(run.id)
    with pytest.raises(BadRequest, match="several servers"):
        runs.only_part(execution(hosts=2).id)
    alone = execution()
    assert runs.only_part(alone.id).id == alone.part_ids.start
