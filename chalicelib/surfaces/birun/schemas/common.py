"""What several subjects' requests share. Source of all of them: the biRun API document."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.core.executions.status import Status
from chalicelib.rest.fields import BodyId, Limit, PageQuery, left_out

__all__ = [
    "WORDS",
    "Limit",
    "PageQuery",
    "ScriptText",
    "SearchQuery",
    "ServerIds",
    "Timeout",
    "left_out",
]

LONGEST_TIMEOUT = 24 * 3600
LARGEST_SCRIPT = 256 * 1024
MOST_SERVERS = 2000

WORDS: dict[Status, str] = {
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.RETRYING: "running",
    Status.SUCCEEDED: "completed",
    Status.FAILED: "failed",
    Status.TIMED_OUT: "failed",
    Status.CANCELLED: "stopped",
}
"""What the document calls our states."""


def _fits(text: str) -> str:
    if len(text.encode()) > LARGEST_SCRIPT:
        raise ValueError(f"a script may have at most {LARGEST_SCRIPT} bytes")
    return text


ScriptText = Annotated[str, StringConstraints(min_length=1), AfterValidator(_fits)]
Timeout = Annotated[int, Field(ge=1, le=LONGEST_TIMEOUT)]
ServerIds = Annotated[list[BodyId], Field(max_length=MOST_SERVERS)]


class SearchQuery(PageQuery):
    search: Annotated[str, StringConstraints(max_length=200)] | None = None
