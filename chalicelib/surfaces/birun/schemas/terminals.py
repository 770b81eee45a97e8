"""Terminals on the wire. All of it is beyond the document, which has the channel alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from chalicelib.core.terminals.model import State
from chalicelib.rest.fields import Id, Parameters, Whole
from chalicelib.surfaces.birun.schemas.common import PageQuery

Side = Annotated[Whole, Field(ge=1, le=1000)]


class TerminalPath(Parameters):
    terminal_id: Id


class TerminalsQuery(PageQuery):
    status: Literal["opening", "open", "ended"] | None = None
    server_id: Id | None = None
    user_id: Id | None = None

    @property
    def state(self) -> State | None:
        return State(self.status) if self.status else None


class RecordingQuery(Parameters):
    """``cursor``: that of the answer before."""

    cursor: Annotated[str, StringConstraints(pattern=r"^\d{0,9}$")] = ""


class TerminalQuery(Parameters):
    """Of the WebSocket's address. ``resume``: the token of the session to go on with; ``seen``: the ``at`` of
    the last output that was seen."""

    cols: Side = 80
    rows: Side = 24
    resume: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    seen: Annotated[Whole, Field(ge=0, le=10**15)] | None = None
