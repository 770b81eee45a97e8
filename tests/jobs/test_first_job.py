"""Run this script on these servers."""

from __future__ import annotations

import hashlib

import pytest

from tests.jobs.fleet import Fleet
from tests.support.client import ContractClient
from tests.support.sshd import Sshd
from tests.support.stack import Stack, wait_until
from tests.support.world import World, unique

NOISY = """#!/bin/bash
echo "on $(hostname) with $BASH_VERSION" | cut -c1-2
echo "to stderr" >&2
exit 3
"""


def test_two_real_hosts_and_a_dead_one_in_one_execution(fleet: Fleet) -> None:
    one, two = fleet.host(), fleet.host()
    dead = fleet.host(port=9)
    execution_id = fleet.start("echo hello; id -un", [one, two, dead])
    ended = fleet.finished(execution_id)
    by_server = {part["server_id"]: part for part in ended["executions"]}
    assert ended["status"] == "failed"
    for server in (one, two):
        part = by_server[server]
        assert (part["status"], part["exit_code"], part["output"]) == ("completed", 0, "hello\nroot\n")
        assert part["started_at"] <= part["completed_at"]
    assert (by_server[dead]["status"], by_server[dead]["exit_code"]) == ("failed", None)
    assert "refused the connection" in by_server[dead]["reason"]


def test_the_number_and_the_uuid_of_a_run_on_one_server_show_the_same(fleet: Fleet) -> None:
    execution_id = fleet.start("echo one", [fleet.host()])
    ended = fleet.finished(execution_id)
    assert ended["execution_id"] == execution_id
    assert fleet.look(ended["id"]) == ended


def test_group_and_servers_are_run_on_once_each(fleet: Fleet, world: World) -> None:
    one, two, three = (fleet.host() for _ in range(3))
    group = world.group([two, three])
    ended = fleet.finished(fleet.start("echo x", [one, two], group_id=group))
    assert sorted(part["server_id"] for part in ended["executions"]) == sorted([one, two, three])


def test_a_group_alone_will_do(fleet: Fleet, world: World, admin: ContractClient) -> None:
    group = world.group([fleet.host()])
    body = {"group_id": group}
    queued = admin.ok("POST", f"/scripts/{world.script('echo g')}/execute", body)
    assert fleet.finished(queued["execution_id"])["output"] == "g\n"


def test_executing_directly_answers_with_output_and_exit_code(fleet: Fleet, admin: ContractClient) -> None:
    answer = admin.ok("POST", f"/servers/{fleet.host()}/execute", {"script_content": NOISY})
    assert (answer["status"], answer["exit_code"]) == ("failed", 3)
    assert "on" in answer["output"]
    assert "to stderr" in answer["output"]
    part = fleet.look(answer["execution_id"])
    assert (part["script_id"], part["script"]["name"]) == (None, "Ad-hoc script")


@pytest.mark.slow
def test_executing_directly_answers_202_with_what_to_follow_when_it_takes_longer(
    fleet: Fleet, admin: ContractClient
) -> None:
    body = {"script_content": "sleep 27; echo late", "timeout": 40}
    response = admin.post(f"/servers/{fleet.host()}/execute", body)
    answer = response.json()
    assert response.status_code == 202
    assert (answer["status"], answer["output"], answer["exit_code"]) == ("running", None, None)
    assert str(answer["execution_id"]) in answer["message"]
    assert fleet.finished(answer["execution_id"])["output"] == "late\n"


def test_a_queued_run_uses_the_text_as_it_is_when_it_starts(
    fleet: Fleet, admin: ContractClient, stack: Stack
) -> None:
    script = fleet.world.script("echo old")
    first = admin.ok("POST", f"/scripts/{script}/execute", {"server_ids": [fleet.host()]})
    fleet.finished(first["execution_id"])
    admin.ok("PUT", f"/scripts/{script}", {"content": "echo new"})
    second = admin.ok("POST", f"/scripts/{script}/execute", {"server_ids": [fleet.host()]})
    assert fleet.finished(second["execution_id"])["output"] == "new\n"
    assert fleet.finished(first["execution_id"])["output"] == "old\n"


def test_a_script_outlived_by_its_runs_is_still_named_in_them(fleet: Fleet, admin: ContractClient) -> None:
    script = fleet.world.script("echo x", name="Soon gone")
    queued = admin.ok("POST", f"/scripts/{script}/execute", {"server_ids": [fleet.host()]})
    fleet.finished(queued["execution_id"])
    admin.ok("DELETE", f"/scripts/{script}")
    assert fleet.look(queued["execution_id"])["script"] == {"id": script, "name": "Soon gone"}


def test_a_host_key_is_pinned_at_the_first_connection(
    fleet: Fleet, sshd: Sshd, admin: ContractClient
) -> None:
    server = fleet.host()
    assert admin.ok("GET", f"/servers/{server}")["host_key"] is None
    fleet.finished(fleet.start("true", [server]))
    assert admin.ok("GET", f"/servers/{server}")["host_key"].startswith("ssh-ed25519 ")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_every_kind_of_key_logs_in_with_its_passphrase_too(fleet: Fleet, sshd: Sshd, kind: str) -> None:
    key = sshd.authorized_key(kind, "open sesame")
    server = fleet.host(ssh_key=key.private, passphrase="open sesame")
    assert fleet.finished(fleet.start("echo in", [server]))["output"] == "in\n"


def test_health_is_measured_on_the_host_and_kept(fleet: Fleet, admin: ContractClient) -> None:
    server = fleet.host()
    health = admin.ok("POST", f"/servers/{server}/health/check")
    assert health["status"] == "healthy"
    assert health["uptime_seconds"] > 0
    assert 0 < health["memory_usage"] < 100
    shown = admin.ok("GET", f"/servers/{server}")
    assert (shown["health_status"], shown["last_health_check"]) == ("healthy", health["last_checked"])


def test_a_host_that_does_not_answer_is_unhealthy_which_is_no_error(
    fleet: Fleet, admin: ContractClient
) -> None:
    health = admin.ok("POST", f"/servers/{fleet.host(port=9)}/health/check")
    assert (health["status"], health["uptime_seconds"]) == ("unhealthy", None)
    assert "refused" in health["message"]


def test_unicode_and_control_characters_in_output_arrive_as_they_were(fleet: Fleet) -> None:
    script = r"printf 'caf\303\251 \344\270\255\t\001\033[1m\000end\n'"
    ended = fleet.finished(fleet.start(script, [fleet.host()]))
    assert ended["output"] == "café 中\t\x01\x1b[1m\x00end\n"


def test_bytes_that_are_no_text_break_nothing(fleet: Fleet) -> None:
    ended = fleet.finished(fleet.start("head -c 100000 /dev/urandom; echo; echo done", [fleet.host()]))
    assert (ended["status"], ended["output_bytes"]) == ("completed", 100_006)
    assert ended["output"].endswith("done\n")


@pytest.mark.slow
def test_long_output_arrives_whole_by_cursor(fleet: Fleet, admin: ContractClient) -> None:
    """Ten megabytes as fast as they come; more than any one answer carries."""
    script = "seq 1 1400000 | head -c 10000000"
    ended = fleet.finished(fleet.start(script, [fleet.host()]))
    assert (ended["output_bytes"], ended["output_truncated"]) == (10_000_000, True)
    digest, cursor, size, complete = hashlib.sha256(), "", 0, False
    while not complete:
        piece = admin.ok("GET", f"/scripts/executions/{ended['id']}/output", params={"cursor": cursor})
        for part in piece["output"]:
            digest.update(part["data"].encode())
            size += len(part["data"])
        cursor, complete = piece["cursor"], piece["complete"]
    expected = "".join(f"{number}\n" for number in range(1, 1_400_001))[:10_000_000]
    assert size == 10_000_000
    assert digest.hexdigest() == hashlib.sha256(expected.encode()).hexdigest()


def test_a_repeated_request_with_the_same_key_runs_once(fleet: Fleet, admin: ContractClient) -> None:
    script, server = fleet.world.script("echo once"), fleet.host()
    headers = {"Idempotency-Key": unique("key")}
    answers = [
        admin.ok("POST", f"/scripts/{script}/execute", {"server_ids": [server]}, headers=headers)
        for _ in range(3)
    ]
    assert answers[0] == answers[1] == answers[2]
    refused = admin.post(
        f"/scripts/{script}/execute", {"server_ids": [server], "timeout": 9}, headers=headers
    )
    assert refused.status_code == 422
    fleet.finished(answers[0]["execution_id"])
    assert admin.ok("GET", f"/scripts/{script}/executions")["total"] == 1


def test_the_concurrency_setting_bounds_what_runs_at_once_and_the_rest_is_visibly_queued(
    fleet: Fleet, admin: ContractClient
) -> None:
    before = admin.ok("GET", "/settings/")
    admin.ok("PUT", "/settings/", {"max_concurrent_executions": 2})
    try:
        execution_id = fleet.start("sleep 1.5", [fleet.host() for _ in range(5)])
        seen: set[tuple[int, int]] = set()

        def ended() -> bool:
            states = [part["status"] for part in fleet.parts(execution_id)]
            seen.add((states.count("running"), states.count("queued")))
            return not {"queued", "running"} & set(states)

        wait_until(ended, what="the end of all five")
        assert max(running for running, _ in seen) == 2
        assert any(queued and running == 2 for running, queued in seen)
    finally:
        admin.ok("PUT", "/settings/", before)


def test_lists_can_be_filtered_by_what_has_just_happened(fleet: Fleet, admin: ContractClient) -> None:
    server = fleet.host()
    script = fleet.world.script("exit 4")
    queued = admin.ok("POST", f"/scripts/{script}/execute", {"server_ids": [server]})
    ended = fleet.finished(queued["execution_id"])
    day = ended["started_at"][:10]
    for filters in (
        {"script_id": script},
        {"server_id": server},
        {"server_id": server, "status": "failed"},
        {"script_id": script, "start_date": day, "end_date": day},
        {"server_id": server, "start_date": ended["started_at"]},
    ):
        page = wait_until(lambda filters=filters: _listed(admin, filters), what=f"a list by {filters}")
        assert [one["id"] for one in page["executions"]] == [ended["id"]]
    none = admin.ok("GET", "/scripts/executions/", params={"server_id": server, "status": "completed"})
    assert (none["executions"], none["total"], none["pages"]) == ([], 0, 0)


def _listed(admin: ContractClient, filters: dict[str, object]) -> object:
    page = admin.ok("GET", "/scripts/executions/", params=filters)
    return page if page["total"] == 1 else None
