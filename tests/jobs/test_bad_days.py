"""What goes wrong, goes wrong in words, by itself, and once."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import pytest

from tests.jobs.fleet import Fleet, Viewer
from tests.support.client import ContractClient
from tests.support.sshd import Sshd
from tests.support.stack import PASSWORD, Stack, wait_until
from tests.support.waiting import until_there


def only(fleet: Fleet, script: str, timeout: int = 60, **host: object) -> dict[str, object]:
    found: dict[str, object] = fleet.finished(fleet.start(script, [fleet.host(**host)], timeout))
    return found


def test_a_wrong_key_is_said_to_be_one(fleet: Fleet, sshd: Sshd) -> None:
    ended = only(fleet, "echo", ssh_key=sshd.key_pair().private)
    assert (ended["status"], ended["output"]) == ("failed", "")
    assert "root" in str(ended["reason"])


def test_a_name_that_does_not_exist_is_said_not_to(fleet: Fleet) -> None:
    ended = only(fleet, "echo", hostname="no-such-host.invalid")
    assert "no-such-host.invalid" in str(ended["reason"])


def test_a_changed_host_key_is_refused_until_it_is_accepted(fleet: Fleet, admin: ContractClient) -> None:
    with Sshd() as rebuilt:
        key = rebuilt.authorized_key()
        server = fleet.host(port=rebuilt.port, ssh_key=key.private)
        assert fleet.finished(fleet.start("echo 1", [server]))["status"] == "completed"
        rebuilt.restart(new_host_key=True)
        refused = fleet.finished(fleet.start("echo 2", [server]))
        assert refused["status"] == "failed"
        assert "SHA256:" in refused["reason"]
        assert "reset_host_key" in refused["reason"]
        admin.ok("PUT", f"/servers/{server}", {"reset_host_key": True})
        assert fleet.finished(fleet.start("echo 3", [server]))["output"] == "3\n"


def test_running_out_of_time_ends_the_script_on_the_host(fleet: Fleet, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    ended = only(fleet, f"echo $$ > {pid}; sleep 300 & wait", timeout=2)
    assert (ended["status"], ended["exit_code"]) == ("failed", None)
    assert "2 seconds" in str(ended["reason"])
    wait_until(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists(), what="the script's end")


def test_a_connection_lost_in_the_middle_fails_that_host_and_no_other(fleet: Fleet, tmp_path: Path) -> None:
    with Sshd() as fragile:
        key = fragile.authorized_key()
        lost = fleet.host(port=fragile.port, ssh_key=key.private)
        fine = fleet.host()
        go_on = tmp_path / "go-on"
        script = f"echo begun; {until_there(go_on)}; echo ended"
        execution_id = fleet.start(script, [lost, fine])
        fleet.running(execution_id)
        wait_until(
            lambda: all(part["output"] for part in map(fleet.look, _numbers(fleet, execution_id))),
            what="both to have begun",
        )
        fragile.drop_connections()
        wait_until(lambda: _part(fleet, execution_id, lost)["status"] == "failed", what="the loss to be seen")
        assert _part(fleet, execution_id, fine)["status"] == "running"
        go_on.touch()
        fleet.finished(execution_id)
        assert _part(fleet, execution_id, fine)["output"] == "begun\nended\n"
        reason = _part(fleet, execution_id, lost)["reason"]
        assert "lost" in reason
        assert _part(fleet, execution_id, lost)["output"] == "begun\n"


def _numbers(fleet: Fleet, execution_id: str) -> list[int]:
    return [part["id"] for part in fleet.parts(execution_id)]


def _part(fleet: Fleet, execution_id: str, server: int) -> dict[str, str]:
    return next(part for part in fleet.parts(execution_id) if part["server_id"] == server)


def test_stopping_kills_the_remote_group_and_stays_stopped(
    fleet: Fleet, admin: ContractClient, stack: Stack, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    script = f"echo begun; (sleep 300 & echo $! >> {pids}; wait) & echo $! >> {pids}; wait; echo survived"
    execution_id = fleet.start(script, [fleet.host()])
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2, what="both processes")
    viewer = Viewer(stack, admin, execution_id)
    answer = admin.ok("POST", f"/scripts/executions/{execution_id}/stop")
    assert (answer["execution_id"], answer["status"]) == (execution_id, "stopped")
    assert viewer.until_the_end()[-1]["status"] == "stopped"
    for pid in pids.read_text().split():
        wait_until(lambda pid=pid: not _alive(pid), what=f"the end of process {pid}")
    wait_until(lambda: fleet.look(execution_id)["output"] == "begun\n", what="what it had said")
    ended = fleet.look(execution_id)
    assert (ended["status"], ended["exit_code"]) == ("stopped", None)
    again = admin.post(f"/scripts/executions/{execution_id}/stop")
    assert (again.status_code, again.json()["status"]) == (400, "error")


def _alive(pid: str) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().split()[2] != "Z"
    except OSError:
        return False


def test_one_part_is_stopped_and_the_others_go_on(
    fleet: Fleet, admin: ContractClient, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    execution_id = fleet.start(f"{until_there(go_on)}; echo done", [fleet.host(), fleet.host()])
    one, other = fleet.running(execution_id)
    admin.ok("POST", f"/scripts/executions/{one['id']}/stop")
    go_on.touch()
    ended = fleet.finished(execution_id)
    assert ended["status"] == "stopped"
    assert fleet.look(one["id"])["status"] == "stopped"
    assert fleet.look(other["id"])["output"] == "done\n"


def test_what_waits_in_the_queue_can_be_stopped_and_never_runs(
    fleet: Fleet, admin: ContractClient, tmp_path: Path
) -> None:
    before = admin.ok("GET", "/settings/")
    admin.ok("PUT", "/settings/", {"max_concurrent_executions": 1})
    try:
        ran = tmp_path / "ran"
        execution_id = fleet.start(f"echo x >> {ran}; sleep 60", [fleet.host() for _ in range(3)])
        wait_until(ran.exists, what="the first to run")
        admin.ok("POST", f"/scripts/executions/{execution_id}/stop")
        assert {part["status"] for part in fleet.parts(execution_id)} == {"stopped"}
        time.sleep(2.5)  # longer than the next one would take to begin
        assert ran.read_text() == "x\n"
    finally:
        admin.ok("PUT", "/settings/", before)


def test_the_same_queue_message_twice_has_one_effect(fleet: Fleet, stack: Stack, tmp_path: Path) -> None:
    """The relay's own message is copied onto the queue while it is at work on it."""
    ran, go_on = tmp_path / "ran", tmp_path / "go-on"
    execution_id = fleet.start(f"echo x >> {ran}; {until_there(go_on)}", [fleet.host()])
    wait_until(ran.exists, what="the script to run")
    body = {"operation": "ssh.run_script", "order": f"orders/{execution_id}/1/0", "token": "copy"}
    queue = stack.variables()["QUARTERDECK_RELAY_QUEUE_URL"]
    sqs = stack.aws("sqs")
    for _ in range(2):
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))
    go_on.touch()
    assert fleet.finished(execution_id)["status"] == "completed"
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(body))

    def empty() -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return all(value == "0" for value in counts.values())

    wait_until(empty, what="the copies to be taken and dropped")
    assert ran.read_text() == "x\n"


@pytest.mark.slow
def test_a_relay_killed_in_the_middle_leaves_nothing_running_and_runs_nothing_twice(
    fleet: Fleet, stack: Stack, admin: ContractClient, tmp_path: Path
) -> None:
    before = admin.ok("GET", "/settings/")
    admin.ok("PUT", "/settings/", {"max_concurrent_executions": 2})
    try:
        ran, go_on = tmp_path / "ran", tmp_path / "go-on"
        hosts = [fleet.host() for _ in range(4)]
        execution_id = fleet.start(f"echo x >> {ran}; {until_there(go_on)}", hosts)
        wait_until(lambda: ran.exists() and len(ran.read_text().split()) == 2, what="two to run")
        stack.instance.kill_relay()
        go_on.touch()
        stack.instance.restart_relay()
        ended = fleet.finished(execution_id)
        states = sorted(part["status"] for part in ended["executions"])
        assert states == ["completed", "completed", "failed", "failed"]
        for part in ended["executions"]:
            if part["status"] == "failed":
                assert "It was not run again".lower() in part["reason"].lower()
        assert len(ran.read_text().split()) == 4, "each host ran it once"
    finally:
        admin.ok("PUT", "/settings/", before)


def test_a_disabled_account_neither_logs_in_nor_goes_on(stack: Stack) -> None:
    name = f"leaver-{uuid.uuid4().hex[:6]}"
    stack.ensure_user(name, "user")
    leaver = stack.log_in(name, PASSWORD)
    leaver.ok("GET", "/servers/")
    stack.instance.operate({"command": "disable_user", "username": name})
    assert leaver.get("/servers/").status_code == 401
    refused = stack.anonymous().post("/auth/login", {"username": name, "password": PASSWORD})
    assert refused.status_code == 401
    assert "disabled" in refused.json()["error"]


def test_a_server_gone_before_its_turn_fails_in_words(fleet: Fleet, admin: ContractClient) -> None:
    server = fleet.host()
    execution_id = fleet.start("echo x", [server, fleet.host()])
    admin.ok("DELETE", f"/servers/{server}")
    ended = fleet.finished(execution_id)
    gone = next(part for part in ended["executions"] if part["server_id"] == server)
    assert gone["status"] in {"completed", "failed"}
    assert gone["status"] == "completed" or "deleted" in gone["reason"]
    assert gone["server"]["name"]
