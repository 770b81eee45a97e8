"""A shell on a server through a WebSocket; who was where, and what was seen there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from chalicelib.core.identity import tickets
from chalicelib.core.identity.roles import Permission
from chalicelib.core.identity.tickets import Holder
from chalicelib.rest.dialect import invalid
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.presenters import terminals as present
from chalicelib.surfaces.birun.presenters.common import page as present_page
from chalicelib.surfaces.birun.routes.base import WRITE, Json, operation
from chalicelib.surfaces.birun.schemas import terminals as schemas
from chalicelib.surfaces.birun.service import terminals as service

if TYPE_CHECKING:
    from chalicelib.rest.channels import Visit  # not for the API, which has no visitors


@operation("POST", "/auth/tickets")
def create_ticket(call: Call) -> Json:
    """Beyond the document: what stands for the token in a WebSocket's address, once and for 30 seconds."""
    ticket, _ = tickets.issue(Holder(call.caller.user_id, call.caller.session_id))
    return {"ticket": ticket, "expires_in": tickets.SECONDS}


@operation("GET", "/terminals", query=lambda: schemas.TerminalsQuery)
def list_terminals(call: Call) -> Json:
    return present_page(service.list_terminals(call.caller, call.query), "terminals", present.terminal)


@operation("GET", "/terminals/{terminal_id}", params=lambda: schemas.TerminalPath)
def get_terminal(call: Call) -> Json:
    return present.terminal(service.get(call.caller, call.path.terminal_id))


@operation("POST", "/terminals/{terminal_id}/stop", permission=WRITE, params=lambda: schemas.TerminalPath)
def stop_terminal(call: Call) -> Json:
    return present.terminal(service.stop(call.caller, call.path.terminal_id))


@operation(
    "GET",
    "/terminals/{terminal_id}/recording",
    permission=Permission.ADMIN,
    params=lambda: schemas.TerminalPath,
    query=lambda: schemas.RecordingQuery,
)
def get_terminal_recording(call: Call) -> Json:
    found, stretch = service.recording(call.caller, call.path.terminal_id, call.query.cursor)
    return present.recording(found, stretch)


def _enter(visit: Visit, server_id: str) -> None:
    visit.caller.require(WRITE)
    try:
        wanted = schemas.TerminalQuery.model_validate(visit.query)
    except ValidationError as error:
        raise invalid("query", error) from error
    service.enter(visit.caller.actor, int(server_id), visit.connection_id, wanted)


DOORS = {r"/birun(?:/api)?/ws/terminal/(?P<server_id>[0-9]{1,12})": _enter}
"""As documented beside the API; a client that puts it behind the API's base address is let in as well."""
