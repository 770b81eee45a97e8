"""What was done with a deployment."""

from __future__ import annotations

from chalicelib.core.executions import ledger
from chalicelib.core.executions.model import Execution
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import Change, Deployment, Revision
from chalicelib.surfaces.engine.service.changing import own


def revisions(caller: Caller, deployment_id: str) -> tuple[Deployment, list[Revision]]:
    """Newest first."""
    return own(caller, deployment_id), deployments.revisions(deployment_id)


def executions(
    caller: Caller, deployment_id: str, limit: int, cursor: str | None
) -> list[tuple[Change, Execution | None]]:
    """Newest first, behind ``cursor``, the sort key of the last one shown before."""
    own(caller, deployment_id)
    asked = deployments.changes(deployment_id, limit, cursor)
    found = {one.id: one for one in ledger.find_many([one.execution_id for one in asked])}
    return [(one, found.get(one.execution_id)) for one in asked]
