"""biRun's use cases: accounts, servers, scripts, groups, settings. Executions are in ``runs``."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Update
from chalicelib.core import audit, counting, listing
from chalicelib.core.audit import Actor
from chalicelib.core.identity import sessions, users
from chalicelib.core.identity.users import User
from chalicelib.core.inventory import groups, servers
from chalicelib.core.inventory.groups import ServerGroup
from chalicelib.core.inventory.servers import Credentials, Server
from chalicelib.core.listing import Listing, Page
from chalicelib.core.relays import calls
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import BadRequest, Forbidden, NotFound, TargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import settings
from chalicelib.rest.dialect import invalid_field
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import AppSettings, Script
from chalicelib.surfaces.birun.schemas import (
    GroupCreate,
    GroupUpdate,
    RegisterRequest,
    ScriptCreate,
    ScriptUpdate,
    SearchQuery,
    ServerCreate,
    ServerUpdate,
    SettingsUpdate,
)
from chalicelib.targets.ssh import keys
from chalicelib.targets.ssh.requests import Login

HEALTH_SECONDS = 20.0
"""The gateway ends a request at 29 s; the check itself has 15 to connect."""


# -- accounts ---------------------------------------------------------------------------------------


def log_in(username: str, password: SecretStr) -> tuple[User, str]:
    """The user and an access token. Raises Unauthenticated."""
    user = sessions.authenticate(username, password.get_secret_value())
    seconds = int(model.app_settings().access_token_expire_minutes) * 60
    return user, sessions.open_session(user, seconds).access


def register(request: RegisterRequest, address: str) -> User:
    """An account with role user. Raises Forbidden where registration is closed, Conflict for a taken name."""
    if not settings().registration:
        raise Forbidden("Registration is closed. Ask an administrator for an account.")
    actor = Actor(0, request.username, address)
    return users.register(actor, request.username, request.email, request.password.get_secret_value())


# -- servers ----------------------------------------------------------------------------------------


def _list(listed: Listing, collection: str, query: SearchQuery, search: Any) -> Page[Any]:
    if not query.search:
        return listing.ascending(listed, collection, query.page, query.limit)
    wanted = search.contains(query.search.casefold())
    return listing.filtered(listed, wanted, query.page, query.limit)


def list_servers(query: SearchQuery) -> Page[Server]:
    listed = Listing(Server.gsi1.query, Server.gsi1sk, "SERVERS")
    return _list(listed, servers.COLLECTION, query, Server.search)


def _secret(value: SecretStr | None) -> Secret | None:
    return Secret(value.get_secret_value()) if value is not None and value.get_secret_value() else None


def _key_text(key: SecretStr | None, passphrase: Secret | None) -> Secret | None:
    """A private key as it will be stored. Raises Invalid for text that is none."""
    given = _secret(key)
    if given is None:
        return None
    try:
        keys.check_private_key(given.reveal(), passphrase.reveal() if passphrase else None)
    except ValueError as error:
        raise invalid_field("body", "ssh_key", str(error)) from error
    return given


def _credentials(request: ServerCreate | ServerUpdate) -> Credentials:
    passphrase = _secret(request.passphrase)
    return Credentials(_key_text(request.ssh_key, passphrase), passphrase, _secret(request.password))


def create_server(actor: Actor, request: ServerCreate) -> Server:
    """Stores it with the secret that its ``auth_type`` calls for; the other one is passed over."""
    given = _credentials(request)
    wanted = (
        Credentials(given.ssh_key, given.passphrase)
        if request.auth_type == "key"
        else Credentials(password=given.password)
    )
    fields = request.model_dump(include={"name", "hostname", "port", "username", "auth_type", "description"})
    return servers.create(actor, fields, wanted)


def update_server(actor: Actor, server_id: int, request: ServerUpdate) -> Server:
    server = servers.get(server_id)
    given = _credentials(request)
    fields = request.model_dump(
        exclude_unset=True, exclude={"ssh_key", "passphrase", "password", "reset_host_key"}
    )
    if request.reset_host_key:
        fields["host_key"] = None
    auth_type = fields.get("auth_type", server.auth_type)
    needed = "ssh_key" if auth_type == "key" else "password"
    if "auth_type" in fields and needed not in given.given() and not servers.holds(server_id, needed):
        raise invalid_field("body", needed, f"is required when auth_type becomes '{auth_type}'", "missing")
    return servers.change(actor, server, fields, given)


def delete_server(actor: Actor, server_id: int) -> None:
    servers.delete(actor, servers.get(server_id))


def check_server(server_id: int) -> Server:
    """Asks the host through the relay. That it does not answer is a result, not an error."""
    server = servers.get(server_id)
    known = servers.credentials(server_id)
    login = Login(
        hostname=server.hostname,
        port=int(server.port),
        username=server.username,
        private_key=known.ssh_key if server.auth_type == "key" else None,
        passphrase=known.passphrase,
        password=known.password if server.auth_type == "password" else None,
        host_key=server.host_key,
    )
    try:
        figures = calls.ask("ssh.check_health", login, HEALTH_SECONDS)
    except TargetError as error:
        return servers.record_health(server, "unhealthy", {"message": error.message})
    if server.host_key is None:
        servers.pin_host_key(server_id, figures["host_key"])
    return servers.record_health(server, "healthy", figures)


# -- scripts ----------------------------------------------------------------------------------------


def list_scripts(query: SearchQuery) -> Page[Script]:
    listed = Listing(Script.gsi1.query, Script.gsi1sk, "SCRIPTS")
    return _list(listed, model.SCRIPTS, query, Script.search)


def _search(name: str, description: str | None) -> str:
    return f"{name}\n{description or ''}".casefold()


def _audited(script: Script) -> dict[str, Any]:
    return {"name": script.name, "description": script.description, "content": script.content[:2000]}


def create_script(actor: Actor, request: ScriptCreate) -> Script:
    script_id = counting.next_ids(model.SCRIPTS).start
    now = clock.iso_now()
    script = Script(
        model.script_key(script_id),
        "SCRIPT",
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
            audit.entry(actor, "script.create", script.pk, after=_audited(script)),
            *counting.counting(model.SCRIPTS, [script_id]),
        ]
    )
    return script


def update_script(actor: Actor, script_id: int, request: ScriptUpdate) -> Script:
    script = model.get_script(script_id)
    before = _audited(script)
    fields = request.model_dump(exclude_unset=True)
    actions = [
        getattr(Script, name).remove() if value is None else getattr(Script, name).set(value)
        for name, value in fields.items()
    ]
    description = fields.get("description", script.description)
    actions += [
        Script.search.set(_search(fields.get("name", script.name), description)),
        Script.updated_at.set(clock.iso_now()),
    ]
    after = before | fields
    after["content"] = after["content"][:2000]
    changed = audit.entry(actor, "script.update", script.pk, before=before, after=after)
    try:
        table.write([Update(script, actions, table.present()), changed])
    except ConditionFailed as error:
        raise NotFound(f"There is no script {script_id}.") from error
    return model.get_script(script_id)


def delete_script(actor: Actor, script_id: int) -> None:
    """Its past executions are kept."""
    script = model.get_script(script_id)
    try:
        table.write(
            [
                Delete(script, table.present()),
                audit.entry(actor, "script.delete", script.pk, before=_audited(script)),
                *counting.counting(model.SCRIPTS, [script_id], -1),
            ]
        )
    except ConditionFailed as error:
        raise NotFound(f"There is no script {script_id}.") from error


# -- groups -----------------------------------------------------------------------------------------


def _known(server_ids: list[int]) -> list[int]:
    """Each once, in order. Raises BadRequest for servers that there are not."""
    wanted = list(dict.fromkeys(server_ids))
    found = servers.find_many(wanted) if wanted else {}
    missing = [one for one in wanted if one not in found]
    if missing:
        raise BadRequest(f"There is no server with id {', '.join(map(str, missing[:20]))}.", missing)
    return wanted


def create_group(actor: Actor, request: GroupCreate) -> ServerGroup:
    return groups.create(actor, request.name, request.description, _known(request.server_ids))


def update_group(actor: Actor, group_id: int, request: GroupUpdate) -> ServerGroup:
    groups.get(group_id)
    fields = request.model_dump(exclude_unset=True)
    if "server_ids" in fields:
        fields["server_ids"] = _known(fields["server_ids"])
    return groups.change(actor, group_id, fields)


def delete_group(actor: Actor, group_id: int) -> None:
    groups.delete(actor, groups.get(group_id))


# -- settings ---------------------------------------------------------------------------------------


def update_settings(actor: Actor, request: SettingsUpdate) -> AppSettings:
    """Takes effect at once; tokens issued before keep their expiry."""
    found = model.app_settings()
    fields = request.model_dump(exclude_unset=True)
    names = SettingsUpdate.model_fields
    before = {name: int(getattr(found, name)) for name in names}
    actions = [getattr(AppSettings, name).set(value) for name, value in (before | fields).items()]
    changed = audit.entry(actor, "settings.update", found.pk, before=before, after=before | fields)
    table.write([Update(found, [AppSettings.kind.set(AppSettings), *actions]), changed])
    return model.app_settings()
