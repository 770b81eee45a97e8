"""Named sets of servers."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Check, ConditionFailed, Delete, Put, Record, Update
from chalicelib.core import audit, counting, usage
from chalicelib.core.audit import Actor
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import NotFound

COLLECTION = "server-groups"


class ServerGroup(Record, discriminator="server-group"):
    """``revision`` moves with every change, so that two at once cannot undo each other."""

    id = NumberAttribute()
    name = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    server_ids = ListAttribute(of=NumberAttribute)
    revision = NumberAttribute(default=1)
    created_at = UnicodeAttribute()


def _key(group_id: int) -> str:
    return f"GROUP#{group_id}"


def members(group: ServerGroup) -> list[int]:
    listed: list[Any] = group.server_ids or []
    return [int(one) for one in listed]


def _audited(group: ServerGroup) -> dict[str, Any]:
    return {"name": group.name, "description": group.description, "server_ids": members(group)}


def get(group_id: int) -> ServerGroup:
    group = table.find(ServerGroup, _key(group_id), "GROUP")
    if group is None:
        raise NotFound(f"There is no server group {group_id}.")
    return group


def there(group_id: int) -> Check:
    """For the transaction of what begins to use the group: it is there."""
    return Check(ServerGroup(_key(group_id), "GROUP"))


def find_many(group_ids: Iterable[int]) -> dict[int, ServerGroup]:
    found = table.find_many(ServerGroup, [(_key(one), "GROUP") for one in sorted(group_ids)])
    return {int(group.id): group for group in found}


def every() -> list[ServerGroup]:
    return list(ServerGroup.gsi1.query("GROUPS"))


def create(actor: Actor, name: str, description: str | None, server_ids: list[int]) -> ServerGroup:
    group_id = counting.next_ids(COLLECTION).start
    group = ServerGroup(
        _key(group_id),
        "GROUP",
        gsi1pk="GROUPS",
        gsi1sk=ids.padded(group_id),
        id=group_id,
        name=name,
        description=description,
        server_ids=server_ids,
        created_at=clock.iso_now(),
    )
    made = audit.entry(actor, "server-group.create", group.pk, after=_audited(group))
    table.write([Put(group, table.absent()), made])
    return group


def change(actor: Actor, group_id: int, fields: dict[str, Any]) -> ServerGroup:
    """Sets ``fields``; tried again when another change came in between."""
    while True:
        group = get(group_id)
        before = _audited(group)
        actions = table.setting(ServerGroup, fields)
        actions.append(ServerGroup.revision.add(1))
        changed = audit.entry(actor, "server-group.update", group.pk, before=before, after=before | fields)
        try:
            table.write([Update(group, actions, ServerGroup.revision == group.revision), changed])
        except ConditionFailed:
            continue
        group.refresh(consistent_read=True)
        return group


def delete(actor: Actor, group: ServerGroup) -> None:
    """Refused with BadRequest while something uses it."""
    group_id = int(group.id)
    thing, called = usage.group(group_id), f"Server group {group_id}"
    usage.refuse(thing, called)
    gone = audit.entry(actor, "server-group.delete", group.pk, before=_audited(group))
    try:
        table.write([Delete(group, table.present()), gone, usage.unused(thing)])
    except ConditionFailed as error:
        usage.refuse(thing, called)  # somebody began to use it at this moment
        raise NotFound(f"There is no server group {group_id}.") from error


def forget_server(server_id: int) -> None:
    """Takes a deleted server out of every group that lists it."""
    for group in every():
        left = [one for one in members(group) if one != server_id]
        if len(left) != len(group.server_ids):
            with suppress(NotFound):  # the group went in this very moment
                change(audit.SYSTEM, int(group.id), {"server_ids": left})
