"""From records to the documented JSON."""

from __future__ import annotations

import re
from typing import Any

from chalicelib.core.executions import feed
from chalicelib.core.executions.model import OUTPUT_HEAD, Execution, Part
from chalicelib.core.executions.status import Status, together
from chalicelib.core.identity.roles import Role
from chalicelib.core.identity.users import User
from chalicelib.core.inventory import groups
from chalicelib.core.inventory.groups import ServerGroup
from chalicelib.core.inventory.servers import Server
from chalicelib.core.listing import Page
from chalicelib.kernel.settings import MIB
from chalicelib.surfaces.birun.model import AppSettings, Script
from chalicelib.surfaces.birun.schemas import WORDS

OUTPUT_SHOWN = MIB
"""Bytes of output that the answer for one execution carries; the whole is read by cursor."""

BATCH_OUTPUT = 3 * MIB
"""Bytes of output, of all parts together, in the answer for a batch."""

Json = dict[str, Any]


def _time(text: str | None) -> str | None:
    """To the second, as the document shows times, when there is no more to say."""
    return re.sub(r"\.0+Z$", "Z", text) if text else None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def user(found: User) -> Json:
    """The document knows two roles; whoever is not an administrator is a user."""
    role = "admin" if found.role == Role.ADMIN else "user"
    return {"id": int(found.id), "username": found.username, "email": found.email, "role": role}


def server(found: Server) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "hostname": found.hostname,
        "username": found.username,
        "port": int(found.port),
        "auth_type": found.auth_type,
        "description": found.description,
        "created_at": _time(found.created_at),
        "last_health_check": _time(found.last_health_check),
        "health_status": found.health_status,
        "host_key": found.host_key,
    }


def server_health(found: Server) -> Json:
    """Figures that the host did not give stay null."""
    figures = found.health or {}
    return {
        "server_id": int(found.id),
        "server_name": found.name,
        "status": found.health_status,
        "uptime_seconds": figures.get("uptime_seconds"),
        "load_1min": figures.get("load_1min"),
        "disk_usage": figures.get("disk_usage"),
        "memory_usage": figures.get("memory_usage"),
        "last_checked": _time(found.last_health_check),
        "message": figures.get("message"),
    }


def script(found: Script) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "content": found.content,
        "description": found.description,
        "created_at": _time(found.created_at),
        "updated_at": _time(found.updated_at),
    }


def group(found: ServerGroup) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "description": found.description,
        "server_ids": groups.members(found),
        "created_at": _time(found.created_at),
    }


def settings(found: AppSettings) -> Json:
    names = (
        "max_concurrent_executions",
        "long_running_delay_seconds",
        "schedule_trigger_tolerance_seconds",
        "access_token_expire_minutes",
    )
    return {name: int(getattr(found, name)) for name in names}


def execution(part: Part, share: int = OUTPUT_HEAD) -> Json:
    """A list entry: the first ``share`` bytes of the output, marked where there is more."""
    size = int(part.output_bytes or 0)
    text = None if part.output is None else part.output[:share].decode("utf-8", "replace")
    return {
        "id": int(part.id),
        "execution_id": part.execution_id,
        "script_id": _whole(part.script_id),
        "server_id": int(part.server_id),
        "status": WORDS[part.state],
        "started_at": _time(part.started_at),
        "completed_at": _time(part.completed_at),
        "output": "" if text is None and part.state.final else text,
        "output_bytes": size,
        "output_truncated": size > share,
        "exit_code": _whole(part.exit_code),
        "signal": part.signal,
        "reason": part.reason,
        "script": {"id": _whole(part.script_id), "name": part.script_name},
        "server": {"id": int(part.server_id), "name": part.server_name},
    }


def execution_in_full(part: Part) -> Json:
    """With output up to OUTPUT_SHOWN bytes; while it runs, what there is so far."""
    shown = execution(part)
    if part.state.final and not shown["output_truncated"]:
        return shown
    text, size, whole = _read_output(int(part.id))
    if text or not part.state.final:
        shown |= {"output": text or None, "output_truncated": not whole}
        shown["output_bytes"] = max(size, shown["output_bytes"])
    return shown


def _read_output(part_id: int) -> tuple[str, int, bool]:
    """(text, bytes read, whether that is all)"""
    pieces: list[bytes] = []
    size = 0
    for entry in feed.output_of(part_id):
        if size + int(entry.size or 0) > OUTPUT_SHOWN and pieces:
            return b"".join(pieces).decode("utf-8", "replace"), size, False
        pieces.append(entry.bytes())
        size += len(pieces[-1])
    return b"".join(pieces).decode("utf-8", "replace"), size, True


def batch(found: Execution, parts: list[Part]) -> Json:
    """Each part with its share of what an answer can carry."""
    states = [part.state for part in parts]
    share = min(OUTPUT_HEAD, BATCH_OUTPUT // len(parts))
    return {
        "execution_id": found.id,
        "status": WORDS[together(states)],
        "script_id": found.subject.get("script_id"),
        "created_at": _time(found.created_at),
        "counts": {
            word: sum(WORDS[state] == word for state in states) for word in dict.fromkeys(WORDS.values())
        },
        "executions": [execution(part, share) for part in parts],
    }


def queued(found: Execution) -> Json:
    return {
        "execution_id": found.id,
        "status": WORDS[Status.QUEUED],
        "message": "Script execution queued successfully",
    }


def page(found: Page[Any], key: str, present: Any) -> Json:
    return {
        key: [present(item) for item in found.items],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
    }


def output(part: Part, cursor: str) -> Json:
    """The next stretch of output behind ``cursor``; ``complete`` when there will be no more."""
    pieces: list[Json] = []
    size, complete = 0, part.state.final
    for entry in feed.output_of(int(part.id), cursor):
        size += int(entry.size or 0)
        if pieces and size > OUTPUT_SHOWN:
            complete = False
            break
        pieces.append({"stream": entry.stream, "data": entry.bytes().decode("utf-8", "replace")})
        cursor = entry.gsi1sk or cursor
    return {
        "execution_id": int(part.id),
        "status": WORDS[part.state],
        "output": pieces,
        "cursor": cursor,
        "complete": complete,
    }
