"""Notifications on the wire."""

from __future__ import annotations

from typing import Literal

from chalicelib.rest.fields import Parameters, Uuid


class TestNotificationQuery(Parameters):
    """Not documented; the reference implementation takes both."""

    notification_type: Literal["deployment_created", "deployment_success", "deployment_failed"] | None = None
    deployment_id: Uuid | None = None
