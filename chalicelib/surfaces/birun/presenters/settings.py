"""Settings as the documented JSON."""

from __future__ import annotations

from chalicelib.surfaces.birun.model import AppSettings
from chalicelib.surfaces.birun.presenters.common import Json


def settings(found: AppSettings) -> Json:
    names = (
        "max_concurrent_executions",
        "long_running_delay_seconds",
        "schedule_trigger_tolerance_seconds",
        "access_token_expire_minutes",
    )
    return {name: int(getattr(found, name)) for name in names}
