"""Servers: list, keep, check."""

from __future__ import annotations

from pydantic import SecretStr

from chalicelib.aws import table
from chalicelib.core import audit, listing
from chalicelib.core.audit import Actor
from chalicelib.core.inventory import health, servers
from chalicelib.core.inventory.servers import Credentials, Server
from chalicelib.core.listing import Collection, Listing, Page
from chalicelib.kernel.errors import TargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.rest.dialect import invalid_field
from chalicelib.surfaces.birun.schemas.common import SearchQuery
from chalicelib.surfaces.birun.schemas.servers import ServerCreate, ServerUpdate
from chalicelib.surfaces.birun.service import schedules, workflows
from chalicelib.surfaces.birun.service.hosts import host_order
from chalicelib.targets.ssh import keys

SCOPE = "birun"
"""Whose alerts tell of a server."""

HEALTH_SECONDS = 20.0
"""The gateway ends a request at 29 s; the check itself has 15 to connect."""


def list_servers(query: SearchQuery) -> Page[Server]:
    listed = Listing(Server.gsi1.query, Server.gsi1sk, "SERVERS")
    return listing.searched(Collection(Server, servers.COLLECTION), listed, query, Server.search)


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
    """Takes it out of groups, schedules and workflows too: out of those that would fail without it before it
    goes, so that a deletion which stops half-way can be asked for again."""
    server = servers.get(server_id)
    schedules.forget_server(server_id)
    workflows.forget_server(server_id)
    servers.delete(actor, server)
    health.forget(server_id)


def check_server(actor: Actor, server_id: int) -> Server:
    """Asks the host through the relay. That it does not answer is a result, not an error. Who has us log in
    to the host is in the audit, whatever comes of it."""
    from chalicelib.core.relays import calls  # with what it speaks of; only this operation needs it

    server = servers.get(server_id)
    table.write([audit.entry(actor, "server.check", servers.subject(server_id))])
    known = servers.credentials(server_id)
    login = host_order(server, known).login()
    try:
        figures = calls.ask("ssh.check_health", login, HEALTH_SECONDS)
    except TargetError as error:
        return health.record(SCOPE, server_id, health.now(server, problem=error.message))
    return health.record(SCOPE, server_id, health.now(server, figures=figures))
