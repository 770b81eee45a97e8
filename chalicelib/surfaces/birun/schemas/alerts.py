"""Alerts on the wire: all of it beyond the document."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from chalicelib.core.alerts.model import Severity, Standing
from chalicelib.rest.fields import Id, Parameters, Request
from chalicelib.surfaces.birun.schemas.common import Limit
from chalicelib.surfaces.birun.schemas.notifications import Notifications


class AlertsQuery(Parameters):
    """``cursor``: that of the answer before."""

    status: Standing | None = None
    severity: Severity | None = None
    kind: str | None = None
    server_id: Id | None = None
    limit: Limit = 20
    cursor: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z#[0-9a-f-]{36})?$")] = ""


class AlertChannelsUpdate(Request):
    """Who is told of alerts: ``failure`` is one raised, ``recovery`` one cleared. Null: nobody."""

    notifications: Notifications | None
