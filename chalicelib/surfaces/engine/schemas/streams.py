"""What stands in the address of a deployment's WebSockets."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from chalicelib.rest.fields import Parameters, Whole
from chalicelib.surfaces.engine.schemas.monitoring import MOST_LINES

Side = Annotated[Whole, Field(ge=1, le=1000)]
PodName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]


class LogStreamQuery(Parameters):
    """``tail``: lines of each pod from before. ``cursor``: of the last message that was heard."""

    tail: Annotated[Whole, Field(ge=0), AfterValidator(lambda lines: min(lines, MOST_LINES))] = 100
    cursor: Annotated[str, StringConstraints(max_length=8192)] = ""


class ShellQuery(Parameters):
    """``pod`` left out takes the one that was started last. ``resume``: the token of the session to go on
    with; ``seen``: the ``at`` of the last output that was seen."""

    cols: Side = 80
    rows: Side = 24
    pod: PodName | None = None
    resume: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    seen: Annotated[Whole, Field(ge=0, le=10**15)] | None = None
