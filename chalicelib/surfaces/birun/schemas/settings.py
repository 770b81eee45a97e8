"""Settings on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.rest.fields import (
    Request,
)
from chalicelib.surfaces.birun.schemas.common import left_out


class SettingsUpdate(Request):
    """Fields left out keep their value."""

    max_concurrent_executions: Annotated[int, Field(ge=1, le=256)] = left_out()
    long_running_delay_seconds: Annotated[int, Field(ge=0, le=86400)] = left_out()
    schedule_trigger_tolerance_seconds: Annotated[int, Field(ge=0, le=86400)] = left_out()
    access_token_expire_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = left_out()
