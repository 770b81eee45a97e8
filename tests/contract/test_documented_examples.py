"""What the documents print works: each operation's documented request gets a documented 2xx answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import cases
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.things import Things
from tests.support.world import World


@pytest.mark.parametrize("operation", cases.answered_by_us())
def test_the_documented_request_is_answered_as_documented(operation: Operation, world: Things) -> None:
    call = world.ready(operation)
    kwargs = {} if call.body is None else {"json": call.body}
    answer = call.client.request(operation.method, call.path, **kwargs)
    assert answer.ok, answer.text[:600]
    extra = operation.extra(answer.status_code)
    assert answer.status_code == operation.success or extra, answer.status_code


@pytest.mark.parametrize("operation", cases.creating())
def test_what_was_made_is_shown_alone_and_in_the_list(
    operation: Operation, admin: ContractClient, world: Things
) -> None:
    path = world.path(operation, fresh=False)
    made = admin.ok("POST", path, world.body(operation))
    if alone := cases.alone(operation, made["id"]):
        assert same(admin.ok("GET", alone), made)
    pages = admin.manners.place(admin.ok("GET", path))["pages"] if lists_pages(operation) else 1
    listed = [
        one for page in range(1, pages + 1) for one in cases.items(admin.ok("GET", f"{path}?page={page}"))
    ]
    [found] = [one for one in listed if one["id"] == made["id"]]
    assert same(found, made)


def lists_pages(operation: Operation) -> bool:
    listing = operation.contract.find("GET", operation.path)
    return listing is not None and listing.paged


def same(shown: dict[str, Any], made: dict[str, Any]) -> bool:
    """Whether both say the same where both say something, save what time changes by itself."""
    lasting = (shown.keys() & made.keys()) - {"status", "updated_at", "url", "message"}
    return "id" in lasting and all(shown[name] == made[name] for name in lasting)


@pytest.mark.parametrize("operation", cases.deleting())
def test_what_was_deleted_is_gone(operation: Operation, admin: ContractClient, world: Things) -> None:
    path = world.path(operation)
    shown = operation.contract.find("GET", path) is not None
    assert not shown or admin.get(path).status_code == 200
    assert admin.delete(path).status_code == operation.success
    assert not shown or admin.get(path).status_code == 404
    assert admin.delete(path).status_code == 404


def test_fields_left_out_of_an_update_keep_their_value(admin: ContractClient, world: World) -> None:
    server = world.server(description="first")
    before = admin.ok("GET", f"/servers/{server}")
    after = admin.ok("PUT", f"/servers/{server}", {"name": "renamed"})
    assert after == before | {"name": "renamed"}
    assert admin.ok("PUT", f"/servers/{server}", {}) == after


def test_a_client_may_send_a_server_back_whole(admin: ContractClient, world: World) -> None:
    shown = admin.ok("GET", f"/servers/{world.server()}")
    assert admin.ok("PUT", f"/servers/{shown['id']}", shown | {"port": 2222}) == shown | {"port": 2222}


def test_another_log_in_kind_calls_for_its_secret(admin: ContractClient, world: World) -> None:
    path = f"/servers/{world.server()}"
    assert admin.put(path, {"auth_type": "key"}).status_code in (400, 422)
    assert admin.ok("GET", path)["auth_type"] == "password"


def test_a_private_key_that_is_none_is_refused(admin: ContractClient, world: World) -> None:
    before = world.picture()
    body = {"name": "k", "hostname": "h", "username": "u", "auth_type": "key", "ssh_key": "not a key"}
    answer = admin.post("/servers/", body)
    assert answer.status_code in (400, 422), answer.text
    assert "key" in answer.json()["error"].lower() or "ssh_key" in answer.text
    assert world.picture() == before


@pytest.mark.parametrize(
    ("targets", "status"),
    [
        ({"server_ids": []}, 400),
        ({"server_ids": [987654321]}, 404),
        ({"group_id": 987654321}, 404),
    ],
    ids=["empty-list", "unknown-server", "unknown-group"],
)
def test_a_run_needs_servers_that_exist(
    targets: dict[str, Any], status: int, admin: ContractClient, world: World
) -> None:
    path = f"/scripts/{world.same('script_id', '/scripts/')}/execute"
    before = world.picture()
    assert admin.post(path, targets).status_code == status
    assert world.picture() == before


def test_one_unknown_server_among_good_ones_starts_nothing(admin: ContractClient, world: World) -> None:
    path = f"/scripts/{world.same('script_id', '/scripts/')}/execute"
    body = {"server_ids": [world.same("server_id", "/servers/"), 987654321]}
    before = world.picture()
    assert admin.post(path, body).status_code == 404
    assert world.picture() == before


def test_a_group_of_unknown_servers_is_400(admin: ContractClient, world: World) -> None:
    before = world.picture()
    answer = admin.post("/server-groups/", {"name": "g", "server_ids": [987654321]})
    assert answer.status_code == 400, answer.text
    assert world.picture() == before


def test_a_deleted_server_leaves_its_groups(admin: ContractClient, world: World) -> None:
    stays, goes = world.server(), world.server()
    group = world.group([stays, goes])
    admin.ok("DELETE", f"/servers/{goes}")
    assert admin.ok("GET", f"/server-groups/{group}")["server_ids"] == [stays]


def test_settings_are_kept_and_left_alone_where_not_given(admin: ContractClient) -> None:
    before = admin.ok("GET", "/settings/")
    try:
        changed = admin.ok("PUT", "/settings/", {"long_running_delay_seconds": 31})
        assert changed == before | {"long_running_delay_seconds": 31}
        assert admin.ok("GET", "/settings/") == changed
    finally:
        admin.ok("PUT", "/settings/", before)


def test_one_batch_is_one_execution_on_one_server_and_a_list_on_several(
    admin: ContractClient, world: World
) -> None:
    servers = [world.server(), world.server()]
    path = f"/scripts/{world.script()}/execute"
    one = admin.ok("POST", path, {"server_ids": servers[:1], "timeout": 5})
    assert admin.ok("GET", f"/scripts/executions/{one['execution_id']}")["server_id"] == servers[0]
    both = admin.ok("POST", path, {"server_ids": [*servers, servers[0]], "group_id": world.group(servers)})
    batch = admin.ok("GET", f"/scripts/executions/{both['execution_id']}")
    assert sorted(part["server_id"] for part in batch["executions"]) == servers
    for part in batch["executions"]:
        assert admin.ok("GET", f"/scripts/executions/{part['id']}")["execution_id"] == both["execution_id"]
