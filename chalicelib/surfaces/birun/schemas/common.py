"""What several subjects' requests share. Source of all of them: the biRun API document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.core.executions.status import Status
from chalicelib.rest.fields import (
    BodyId,
    Parameters,
    Whole,
)

LARGEST_PAGE = 100
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


def left_out() -> Any:
    """Default of a field that keeps its stored value when it is not sent; null is not the same as that."""
    return Field(default=None)


Limit = Annotated[Whole, Field(ge=1), AfterValidator(lambda limit: min(limit, LARGEST_PAGE))]


class PageQuery(Parameters):
    """``limit`` past the largest page is cut down to it."""

    page: Annotated[Whole, Field(ge=1, le=10**9)] = 1
    limit: Limit = 10


class SearchQuery(PageQuery):
    search: Annotated[str, StringConstraints(max_length=200)] | None = None
