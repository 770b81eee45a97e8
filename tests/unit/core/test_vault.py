"""Sealed at rest, masked everywhere."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidTag

from chalicelib.aws import blobs
from chalicelib.core import audit, vault
from chalicelib.core.inventory import servers
from chalicelib.core.inventory.servers import Credentials, ServerSecret
from chalicelib.core.relays import orders
from chalicelib.core.relays.orders import HostOrder, ScriptOrder
from chalicelib.kernel import clock
from chalicelib.kernel.secrets import Secret
from tests.unit.core.builders import ACTOR, server

pytestmark = pytest.mark.usefixtures("cloud")

HOME = {"record": "SERVER#1"}


def test_what_was_sealed_opens_with_its_own_context() -> None:
    sealed = vault.seal(Secret("pässword\n"), HOME)
    assert "pässword" not in sealed
    assert vault.unseal(sealed, HOME).reveal() == "pässword\n"


def test_sealed_text_does_not_open_in_another_place() -> None:
    with pytest.raises((ClientError, InvalidTag)):
        vault.unseal(vault.seal(Secret("x"), HOME), {"record": "SERVER#2"})


def test_sealed_text_with_a_changed_byte_does_not_open() -> None:
    version, key, body = vault.seal(Secret("secret"), HOME).split(".")
    changed = f"{body[:20]}{'B' if body[20] == 'A' else 'A'}{body[21:]}"
    with pytest.raises(InvalidTag):
        vault.unseal(f"{version}.{key}.{changed}", HOME)


def test_a_secret_shows_a_mask_wherever_it_is_printed() -> None:
    host = HostOrder(part_id=1, server_id=1, hostname="h", port=22, username="u", password=Secret("hunter2"))
    for text in (str(host), repr(host), host.model_dump_json(), str(host.model_dump()), f"{host.password}"):
        assert "hunter2" not in text
    assert "hunter2" in host.model_dump_json(context={"reveal": True})


def test_a_server_is_listed_without_its_secret_and_audited_with_a_mask() -> None:
    made = server()
    assert servers.credentials(int(made.id)).password == Secret("pw")
    assert not {"password", "ssh_key"} & set(made.attribute_values)
    stored = ServerSecret.get("SERVER#1", "SECRET")
    assert stored.password.startswith("v1.")
    assert audit.history("SERVER#1")[0].after["password"] == "set"


def test_changing_one_secret_keeps_the_others() -> None:
    made = server()
    servers.change(ACTOR, made, {}, Credentials(ssh_key=Secret("key")))
    both = servers.credentials(int(made.id))
    assert (both.password, both.ssh_key) == (Secret("pw"), Secret("key"))


def test_a_moved_server_forgets_its_host_key_and_a_renamed_one_does_not() -> None:
    made = server()
    servers.pin_host_key(int(made.id), ("elsewhere", 22), "ssh-ed25519 CCCC")
    assert servers.get(int(made.id)).host_key is None, "seen where it is no more"
    servers.pin_host_key(int(made.id), made.address, "ssh-ed25519 AAAA")
    servers.pin_host_key(int(made.id), made.address, "ssh-ed25519 BBBB")
    assert servers.get(int(made.id)).host_key == "ssh-ed25519 AAAA", "the first one stays"
    renamed = servers.change(ACTOR, servers.get(int(made.id)), {"name": "other"}, Credentials())
    assert renamed.host_key == "ssh-ed25519 AAAA"
    assert servers.change(ACTOR, renamed, {"port": 2222}, Credentials()).host_key is None


def test_an_order_lies_sealed_in_the_bucket_and_opens_under_its_own_name_alone() -> None:
    host = HostOrder(part_id=1, server_id=1, hostname="h", port=22, username="u", password=Secret("hunter2"))
    order = ScriptOrder(
        execution_id="e",
        attempt=1,
        chunk=0,
        script="echo",
        timeout_seconds=5,
        max_concurrent=8,
        said_at=clock.iso_now(),
        hosts=[host],
    )
    orders.store("orders/e/1/0", order)
    assert b"hunter2" not in blobs.get("orders/e/1/0")
    opened = ScriptOrder.model_validate_json(orders.load("orders/e/1/0"))
    assert opened.hosts[0].password == Secret("hunter2")
    blobs.put("orders/e/1/1", blobs.get("orders/e/1/0"))
    with pytest.raises((ClientError, InvalidTag)):
        orders.load("orders/e/1/1")
