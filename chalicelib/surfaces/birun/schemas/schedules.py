"""Schedules on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from chalicelib.core.schedules import cron
from chalicelib.rest.fields import BodyId, Id, Name, Parameters, Request
from chalicelib.surfaces.birun.schemas.common import Limit, ServerIds, Timeout, left_out
from chalicelib.surfaces.birun.schemas.notifications import Notifications

Cron = Annotated[str, StringConstraints(min_length=1, max_length=cron.LONGEST)]
Zone = Annotated[str, StringConstraints(min_length=1, max_length=100)]
MisfirePolicy = Literal["skip", "run_once"]
OverlapPolicy = Literal["allow", "skip", "queue"]


class SchedulePath(Parameters):
    schedule_id: Id


class ScheduleCreate(Request):
    """A group may stand in for servers or beside them."""

    name: Name
    cron_expression: Cron
    script_id: BodyId
    server_ids: ServerIds
    group_id: BodyId | None = None
    enabled: bool = True
    timezone: Zone = "UTC"
    timeout: Timeout = 60
    misfire_policy: MisfirePolicy = "skip"
    overlap_policy: OverlapPolicy = "allow"
    notifications: Notifications | None = None


class ScheduleUpdate(Request):
    """Fields left out keep their value; ``group_id`` and ``notifications`` null take those away."""

    name: Name = left_out()
    cron_expression: Cron = left_out()
    script_id: BodyId = left_out()
    server_ids: ServerIds = left_out()
    group_id: BodyId | None = None
    enabled: bool = left_out()
    timezone: Zone = left_out()
    timeout: Timeout = left_out()
    misfire_policy: MisfirePolicy = left_out()
    overlap_policy: OverlapPolicy = left_out()
    notifications: Notifications | None = None


class ScheduleRunsQuery(Parameters):
    """``cursor``: that of the answer before."""

    limit: Limit = 20
    cursor: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z)?$")] = ""
