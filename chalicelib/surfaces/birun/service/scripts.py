"""Scripts: list and keep."""

from __future__ import annotations

from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Update
from chalicelib.core import audit, counting, listing, usage
from chalicelib.core.audit import Actor
from chalicelib.core.listing import Collection, Listing, Page
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import NotFound
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import Script
from chalicelib.surfaces.birun.schemas.common import SearchQuery
from chalicelib.surfaces.birun.schemas.scripts import ScriptCreate, ScriptUpdate


def list_scripts(query: SearchQuery) -> Page[Script]:
    listed = Listing(Script.gsi1.query, Script.gsi1sk, "SCRIPTS")
    return listing.searched(Collection(Script, model.SCRIPTS), listed, query, Script.search)


def _search(name: str, description: str | None) -> str:
    return f"{name}\n{description or ''}".casefold()


def _audited(script: Script) -> dict[str, Any]:
    return {"name": script.name, "description": script.description, "content": script.content[:2000]}


def create_script(actor: Actor, request: ScriptCreate) -> Script:
    script_id = counting.next_ids(model.SCRIPTS).start
    now = clock.iso_now()
    script = Script(
        *model.script_key(script_id),
        gsi1pk="SCRIPTS",
        gsi1sk=ids.padded(script_id),
        id=script_id,
        name=request.name,
        content=request.content,
        description=request.description,
        search=_search(request.name, request.description),
        created_at=now,
        updated_at=now,
    )
    table.write(
        [
            Put(script, table.absent()),
            audit.entry(actor, "script.create", model.script_subject(script_id), after=_audited(script)),
            *counting.counting(model.SCRIPTS, [script_id]),
        ]
    )
    return script


def update_script(actor: Actor, script_id: int, request: ScriptUpdate) -> Script:
    script = model.get_script(script_id)
    before = _audited(script)
    fields = request.model_dump(exclude_unset=True)
    actions = table.setting(Script, fields)
    description = fields.get("description", script.description)
    actions += [
        Script.search.set(_search(fields.get("name", script.name), description)),
        Script.updated_at.set(clock.iso_now()),
    ]
    after = before | fields
    after["content"] = after["content"][:2000]
    changed = audit.entry(actor, "script.update", model.script_subject(script_id), before=before, after=after)
    try:
        table.write([Update(script, actions, table.present()), changed])
    except ConditionFailed as error:
        raise NotFound(f"There is no script {script_id}.") from error
    return model.get_script(script_id)


def delete_script(actor: Actor, script_id: int) -> None:
    """Refused with BadRequest while something uses it. Its past executions are kept."""
    script = model.get_script(script_id)
    thing = usage.script(script_id)
    usage.refuse(thing, f"Script {script_id}")
    try:
        table.write(
            [
                Delete(script, table.present()),
                audit.entry(actor, "script.delete", model.script_subject(script_id), before=_audited(script)),
                *counting.counting(model.SCRIPTS, [script_id], -1),
                usage.unused(thing),
            ]
        )
    except ConditionFailed as error:
        usage.refuse(thing, f"Script {script_id}")  # somebody began to use it at this moment
        raise NotFound(f"There is no script {script_id}.") from error
