"""Named sets of servers."""

from __future__ import annotations

from chalicelib.core.inventory import groups
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.presenters import groups as present
from chalicelib.surfaces.birun.routes.base import WRITE, Json, message, operation
from chalicelib.surfaces.birun.schemas import groups as schemas
from chalicelib.surfaces.birun.service import groups as service


@operation("GET", "/server-groups")
def list_server_groups(call: Call) -> Json:
    return {"server_groups": [present.group(group) for group in groups.every()]}


@operation("POST", "/server-groups", permission=WRITE, body=lambda: schemas.GroupCreate)
def create_server_group(call: Call) -> Json:
    return present.group(service.create_group(call.caller.actor, call.body))


@operation("GET", "/server-groups/{group_id}", params=lambda: schemas.GroupPath)
def get_server_group(call: Call) -> Json:
    return present.group(groups.get(call.path.group_id))


@operation(
    "PUT",
    "/server-groups/{group_id}",
    permission=WRITE,
    params=lambda: schemas.GroupPath,
    body=lambda: schemas.GroupUpdate,
)
def update_server_group(call: Call) -> Json:
    return present.group(service.update_group(call.caller.actor, call.path.group_id, call.body))


@operation("DELETE", "/server-groups/{group_id}", permission=WRITE, params=lambda: schemas.GroupPath)
def delete_server_group(call: Call) -> Json:
    service.delete_group(call.caller.actor, call.path.group_id)
    return message("Server group deleted successfully")
