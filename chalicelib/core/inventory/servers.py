"""Servers: one record a machine, its log-in secret sealed on an item of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import ConditionFailed, Delete, Put, Record, Update, Write
from chalicelib.core import audit, counting, vault
from chalicelib.core.audit import Actor
from chalicelib.core.inventory import groups
from chalicelib.core.listing import Collection
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.secrets import Secret

COLLECTION = "servers"
_AT_ONCE = 16


class Server(Record, discriminator="server"):
    """Stored in the collection; listed for searches (index gsi1)."""

    id = NumberAttribute()
    uuid = UnicodeAttribute()
    name = UnicodeAttribute()
    hostname = UnicodeAttribute()
    port = NumberAttribute(default=22)
    username = UnicodeAttribute()
    auth_type = UnicodeAttribute()
    description = UnicodeAttribute(null=True)
    search = UnicodeAttribute()
    host_key = UnicodeAttribute(null=True)
    health_status = UnicodeAttribute(default="unknown")
    health: JSONAttribute = JSONAttribute(null=True)
    last_health_check = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()

    @property
    def address(self) -> tuple[str, int]:
        """Host name and port."""
        return (self.hostname, int(self.port))


class ServerSecret(Record, discriminator="server-secret"):
    """What logs in: sealed, on its own item, so that no listing ever carries it."""

    ssh_key = UnicodeAttribute(null=True)
    passphrase = UnicodeAttribute(null=True)
    password = UnicodeAttribute(null=True)


@dataclass(frozen=True)
class Credentials:
    ssh_key: Secret | None = None
    passphrase: Secret | None = None
    password: Secret | None = None

    def given(self) -> dict[str, Secret]:
        named = {"ssh_key": self.ssh_key, "passphrase": self.passphrase, "password": self.password}
        return {name: value for name, value in named.items() if value is not None}

    def for_login(self, auth_type: str) -> Credentials:
        """Of key and password the one that ``auth_type`` calls for."""
        if auth_type == "key":
            return Credentials(ssh_key=self.ssh_key, passphrase=self.passphrase)
        return Credentials(password=self.password)


def subject(server_id: int) -> str:
    """What a server is called in the audit, and where its secret lies."""
    return f"SERVER#{server_id}"


def _server(server_id: int) -> Server:
    return Server(*counting.key(COLLECTION, server_id))


def _context(server_id: int, name: str) -> dict[str, str]:
    return {"record": subject(server_id), "field": name}


def _search(name: str, hostname: str) -> str:
    return f"{name}\n{hostname}".casefold()


def _sealed(server_id: int, credentials: Credentials) -> dict[str, str]:
    given = credentials.given()
    return {name: vault.seal(value, _context(server_id, name)) for name, value in given.items()}


def _audited(server: Server) -> dict[str, Any]:
    fields = ("name", "hostname", "port", "username", "auth_type", "description", "host_key")
    return {name: getattr(server, name) for name in fields}


def find(server_id: int) -> Server | None:
    return table.find(Server, *counting.key(COLLECTION, server_id))


def get(server_id: int) -> Server:
    server = find(server_id)
    if server is None:
        raise NotFound(f"There is no server {server_id}.")
    return server


def find_many(server_ids: list[int]) -> dict[int, Server]:
    found = table.find_many(Server, [counting.key(COLLECTION, one) for one in server_ids])
    return {int(server.id): server for server in found}


def blocks() -> list[int]:
    """The blocks of a hundred ids that hold servers, in order; see core.counting."""
    return [block for block, _ in counting.walk(COLLECTION, counting.census(COLLECTION), 0)]


def in_block(block: int) -> list[Server]:
    """All servers of one block, in order."""
    return Collection(Server, COLLECTION).read(block, counting.BLOCK)


def every() -> list[Server]:
    """All servers in order: a read a hundred."""
    held = blocks()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [server for found in pool.map(in_block, held) for server in found]


def credentials(server_id: int) -> Credentials:
    secret = table.find(ServerSecret, subject(server_id), "SECRET")
    return _opened(secret) if secret else Credentials()


def credentials_of(server_ids: list[int]) -> dict[int, Credentials]:
    """Those of many servers: read together, opened side by side, each being a call to KMS."""
    stored = table.find_many(ServerSecret, [(subject(one), "SECRET") for one in server_ids])
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        opened = pool.map(lambda secret: (_owner(secret), _opened(secret)), stored)
        return dict(opened)


def _owner(secret: ServerSecret) -> int:
    return int(secret.pk.partition("#")[2])


def _opened(secret: ServerSecret) -> Credentials:
    server_id = _owner(secret)
    return Credentials(
        **{
            name: vault.unseal(sealed, _context(server_id, name))
            for name in ("ssh_key", "passphrase", "password")
            if (sealed := getattr(secret, name))
        }
    )


def holds(server_id: int, name: str) -> bool:
    """Whether a secret of that name is stored."""
    secret = table.find(ServerSecret, subject(server_id), "SECRET")
    return bool(secret and getattr(secret, name))


def create(actor: Actor, fields: dict[str, Any], given: Credentials) -> Server:
    """``fields``: name, hostname, port, username, auth_type, description."""
    server_id = counting.next_ids(COLLECTION).start
    now = clock.iso_now()
    server = Server(
        *counting.key(COLLECTION, server_id),
        gsi1pk="SERVERS",
        gsi1sk=ids.padded(server_id),
        id=server_id,
        uuid=ids.new_uuid(),
        search=_search(fields["name"], fields["hostname"]),
        created_at=now,
        updated_at=now,
        **fields,
    )
    secret = ServerSecret(subject(server_id), "SECRET")
    for name, value in _sealed(server_id, given).items():
        setattr(secret, name, value)
    after = _audited(server) | dict.fromkeys(given.given(), "set")
    table.write(
        [
            Put(server, table.absent()),
            Put(secret, table.absent()),
            audit.entry(actor, "server.create", subject(server_id), after=after),
            *counting.counting(COLLECTION, [server_id]),
        ]
    )
    return server


def change(actor: Actor, server: Server, fields: dict[str, Any], given: Credentials) -> Server:
    """Sets ``fields`` and the secrets given. Another address or port forgets the pinned host key."""
    server_id = int(server.id)
    before = _audited(server)
    moved = any(name in fields and fields[name] != getattr(server, name) for name in ("hostname", "port"))
    if moved:
        fields = fields | {"host_key": None}
    actions = table.setting(Server, fields)
    search = _search(fields.get("name", server.name), fields.get("hostname", server.hostname))
    actions += [Server.search.set(search), Server.updated_at.set(clock.iso_now())]
    secrets = [getattr(ServerSecret, name).set(value) for name, value in _sealed(server_id, given).items()]
    after = before | fields | dict.fromkeys(given.given(), "changed")
    writes: list[Write] = [
        Update(server, actions, table.present()),
        audit.entry(actor, "server.update", subject(server_id), before=before, after=after),
    ]
    if secrets:
        writes.append(Update(ServerSecret(subject(server_id), "SECRET"), secrets, table.present()))
    try:
        table.write(writes)
    except ConditionFailed as error:
        raise NotFound(f"There is no server {server_id}.") from error
    server.refresh(consistent_read=True)
    return server


def delete(actor: Actor, server: Server) -> None:
    """Takes the server out of every group as well; its past executions stay."""
    server_id = int(server.id)
    try:
        table.write(
            [
                Delete(server, table.present()),
                Delete(ServerSecret(subject(server_id), "SECRET")),
                audit.entry(actor, "server.delete", subject(server_id), before=_audited(server)),
                *counting.counting(COLLECTION, [server_id], -1),
            ]
        )
    except ConditionFailed as error:
        raise NotFound(f"There is no server {server_id}.") from error
    groups.forget_server(server_id)


def pin_host_key(server_id: int, address: tuple[str, int], host_key: str) -> None:
    """Pins on first use: a key that is there already stays. ``address`` (host name, port) is where the key
    was seen: a server that was moved meanwhile has another."""
    pinned = Server.host_key.does_not_exist() & table.present()
    pinned &= (Server.hostname == address[0]) & (Server.port == address[1])
    try:
        table.update(_server(server_id), [Server.host_key.set(host_key)], pinned)
    except ConditionFailed:
        return
