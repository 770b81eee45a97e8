"""Groups of servers."""

from __future__ import annotations

from chalicelib.core.audit import Actor
from chalicelib.core.inventory import groups, servers
from chalicelib.core.inventory.groups import ServerGroup
from chalicelib.kernel.errors import BadRequest
from chalicelib.surfaces.birun.schemas.groups import GroupCreate, GroupUpdate


def known(server_ids: list[int]) -> list[int]:
    """Each once, in order. Raises BadRequest for servers that there are not."""
    wanted = list(dict.fromkeys(server_ids))
    found = servers.find_many(wanted) if wanted else {}
    missing = [one for one in wanted if one not in found]
    if missing:
        raise BadRequest(f"There is no server with id {', '.join(map(str, missing[:20]))}.", missing)
    return wanted


def create_group(actor: Actor, request: GroupCreate) -> ServerGroup:
    return groups.create(actor, request.name, request.description, known(request.server_ids))


def update_group(actor: Actor, group_id: int, request: GroupUpdate) -> ServerGroup:
    groups.get(group_id)
    fields = request.model_dump(exclude_unset=True)
    if "server_ids" in fields:
        fields["server_ids"] = known(fields["server_ids"])
    return groups.change(actor, group_id, fields)


def delete_group(actor: Actor, group_id: int) -> None:
    groups.delete(actor, groups.get(group_id))
