"""Executions on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, StringConstraints, field_validator

from chalicelib.core.executions import outputs
from chalicelib.core.executions.status import Status
from chalicelib.rest.fields import (
    Id,
    Parameters,
    moment,
)
from chalicelib.surfaces.birun.schemas.common import PageQuery

_STATES = {
    "queued": Status.QUEUED,
    "running": Status.RUNNING,
    "completed": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "stopped": Status.CANCELLED,
}


class ExecutionPath(Parameters):
    """A number, or the UUID that an execute call returned."""

    execution_id: Annotated[str, StringConstraints(pattern=r"^(\d{1,12}|[0-9a-fA-F-]{36})$")]

    @field_validator("execution_id")
    @classmethod
    def _not_zero(cls, text: str) -> str:
        if text.isdecimal() and int(text) < 1:
            raise ValueError("should be at least 1")
        return text


class ExecutionsQuery(PageQuery):
    status: Literal["queued", "running", "completed", "failed", "stopped"] | None = None
    script_id: Id | None = None
    server_id: Id | None = None
    start_date: Annotated[Any, BeforeValidator(moment)] = None
    end_date: Annotated[Any, BeforeValidator(lambda text: moment(text, whole_day=True))] = None

    @property
    def state(self) -> Status | None:
        return _STATES[self.status] if self.status else None


class OutputQuery(Parameters):
    cursor: Annotated[str, StringConstraints(pattern=outputs.CURSOR)] = ""
