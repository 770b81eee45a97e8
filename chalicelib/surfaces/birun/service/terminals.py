"""Terminals: open, go on, list, look back, end."""

from __future__ import annotations

from chalicelib.aws import table
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.identity.roles import Permission
from chalicelib.core.inventory import logins, servers
from chalicelib.core.listing import Page
from chalicelib.core.terminals import history, model, recordings, sessions
from chalicelib.core.terminals.history import Filters
from chalicelib.core.terminals.model import Place, Terminal
from chalicelib.core.terminals.recordings import Stretch
from chalicelib.kernel.errors import NotFound
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.birun.schemas.terminals import TerminalQuery, TerminalsQuery

KIND = "server"


def _place(server_id: int) -> str:
    return f"{KIND}#{server_id}"


def enter(actor: Actor, server_id: int, connection_id: str, wanted: TerminalQuery) -> None:
    """Opens a terminal on the server for that connection, or gives it the one that it resumes."""
    from chalicelib.core.terminals import asking  # orders know how hosts are logged in to: not for the API
    from chalicelib.core.terminals.asking import Screen
    from chalicelib.core.terminals.orders import OnServer

    if wanted.resume is not None:
        asking.go_on(actor, _place(server_id), wanted.resume, connection_id, wanted.seen)
        return
    server = servers.get(server_id)
    place = Place(KIND, str(server_id), server.name)
    where = OnServer(server_id=server_id, login=logins.of(server))
    asking.open_at(actor, place, where, connection_id, Screen(wanted.cols, wanted.rows))


def _sees_all(caller: Caller) -> bool:
    return Permission.ADMIN in caller.permissions


def list_terminals(caller: Caller, query: TerminalsQuery) -> Page[Terminal]:
    """Of everybody for an administrator, of oneself for everybody else."""
    whose = query.user_id if _sees_all(caller) else caller.user_id
    if query.user_id not in {None, whose}:
        return Page([], 0, query.page, query.limit)
    place = _place(query.server_id) if query.server_id is not None else None
    return history.page(Filters(KIND, place, whose, query.state), query.page, query.limit)


def get(caller: Caller, terminal_id: int) -> Terminal:
    """Raises NotFound; somebody else's is not there for whoever is no administrator."""
    found = sessions.get(terminal_id)
    known = _sees_all(caller) or int(found.user_id) == caller.user_id
    if not known or not found.place.startswith(f"{KIND}#"):
        raise NotFound(f"There is no terminal session {terminal_id}.")
    return found


def stop(caller: Caller, terminal_id: int) -> Terminal:
    from chalicelib.core.terminals import asking

    found = get(caller, terminal_id)
    asking.stop(caller.actor, found)
    return found


def recording(caller: Caller, terminal_id: int, cursor: str) -> tuple[Terminal, Stretch]:
    """The next stretch. That somebody looked is audited where the looking begins."""
    found = get(caller, terminal_id)
    stretch = recordings.read(found, int(cursor or 0))
    if not cursor:
        table.write([audit.entry(caller.actor, "terminal.recording.read", model.subject(terminal_id))])
    return found, stretch
