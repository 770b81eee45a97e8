"""``./quarterdeck`` as its users have it: started, asked, killed, started again, two side by side."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.embedded.instance import Instance, InstanceProblem
from infra.environment import ROOT
from tests.support.ports import free_port
from tests.support.stack import wait_until

API = "/birun/api"
ADMIN = {
    "QUARTERDECK_ADMIN_USERNAME": "captain",
    "QUARTERDECK_ADMIN_EMAIL": "captain@example.com",
    "QUARTERDECK_ADMIN_PASSWORD": "a password for the captain",
    "QUARTERDECK_RATE_LIMITS": "off",
}


def quarterdeck(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "quarterdeck"), *arguments],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance that `up --detach` started."""
    state = tmp_path_factory.mktemp("launcher") / "state"
    instance = Instance(state, free_port(), parameters={"RateLimits": "off"})
    options = ("--port", str(instance.port), "--state", str(instance.state.path))
    done = quarterdeck("up", "--detach", *options, **ADMIN)
    assert done.returncode == 0, done.stdout + done.stderr
    (instance.state.path / "said").write_text(done.stdout)
    yield instance
    quarterdeck("down", "--state", str(instance.state.path))
    assert not instance.is_live


def state_option(instance: Instance) -> tuple[str, str]:
    return "--state", str(instance.state.path)


def log_in(instance: Instance, **credentials: str) -> requests.Response:
    body = credentials or {"username": instance.admin.username, "password": instance.admin.password}
    return requests.post(f"{instance.base_url}{API}/auth/login", json=body, timeout=20)


def headers(instance: Instance) -> dict[str, str]:
    return {"Authorization": f"Bearer {log_in(instance).json()['access_token']}"}


def add_server(instance: Instance, name: str) -> Any:
    body = {"name": name, "hostname": "192.0.2.1", "username": "u", "auth_type": "password", "password": "p"}
    answer = requests.post(
        f"{instance.base_url}{API}/servers/", json=body, headers=headers(instance), timeout=20
    )
    assert answer.ok, answer.text
    return answer.json()["id"]


def get_server(instance: Instance, number: Any) -> requests.Response:
    return requests.get(f"{instance.base_url}{API}/servers/{number}", headers=headers(instance), timeout=20)


# The tests below share one instance and stand in the order of its life.


def test_up_tells_where_everything_is(launched: Instance) -> None:
    said = (launched.state.path / "said").read_text()
    assert f"http://localhost:{launched.port}/birun/api" in said
    assert "captain" in said
    assert ADMIN["QUARTERDECK_ADMIN_PASSWORD"] in said
    assert "./quarterdeck down" in said


def test_up_names_only_surfaces_that_answer(launched: Instance) -> None:
    said = (launched.state.path / "said").read_text()
    for surface in launched.deployed.surfaces:
        assert f"/{surface}" in said
    assert all(
        any(path.startswith(f"/{each}/") for path in launched.deployed.paths)
        for each in launched.deployed.surfaces
    )


def test_the_administrator_is_the_environments(launched: Instance) -> None:
    answer = log_in(launched, username="captain", password=ADMIN["QUARTERDECK_ADMIN_PASSWORD"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["role"] == "admin"
    assert launched.state.admin_file.stat().st_mode & 0o777 == 0o600


def test_status_asks_every_part(launched: Instance) -> None:
    done = quarterdeck("status", *state_option(launched))
    assert done.returncode == 0, done.stdout
    assert all(part in done.stdout for part in ("front_door", "engine", "table", "api", "relay"))


def test_health_is_the_whole_systems(launched: Instance) -> None:
    report = requests.get(f"{launched.base_url}/health", timeout=20).json()
    assert report["status"] == "healthy"
    assert set(report["parts"]) == {"front_door", "engine", "table", "api", "relay"}


def test_up_again_says_that_it_is_up(launched: Instance) -> None:
    done = quarterdeck("up", "--port", str(launched.port), *state_option(launched))
    assert done.returncode == 0
    assert "already up" in done.stdout


def test_another_state_directory_on_the_same_port_is_refused(launched: Instance, tmp_path: Path) -> None:
    done = quarterdeck("up", "--detach", "--port", str(launched.port), "--state", str(tmp_path / "other"))
    assert done.returncode == 1
    assert f"port {launched.port} is in use" in done.stderr


def test_nothing_listens_beyond_loopback(launched: Instance) -> None:
    own = {launched.port, launched.live_run().internal_port}
    addresses = set()
    for table, width in (("/proc/net/tcp", 8), ("/proc/net/tcp6", 32)):
        for line in Path(table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, port = local.split(":")
            if state == "0A" and int(port, 16) in own:
                addresses.add(address[:width])
    assert addresses <= {"0100007F", "0" * 24 + "01000000"}
    assert "0100007F" in addresses


@pytest.mark.parametrize("path", ["/birun/api/servers/", "/birun/api/servers"])
def test_a_trailing_slash_is_optional_and_brings_no_redirect(launched: Instance, path: str) -> None:
    answer = requests.get(
        f"{launched.base_url}{path}", headers=headers(launched), timeout=20, allow_redirects=False
    )
    assert answer.status_code == 200


def test_the_host_alias_is_the_same_call(launched: Instance) -> None:
    answer = requests.get(
        f"http://127.0.0.1:{launched.port}/api/servers",
        headers={**headers(launched), "Host": f"birun.localhost:{launched.port}"},
        timeout=20,
    )
    assert answer.status_code == 200


def test_an_unknown_path_of_a_surface_is_a_404_in_json(launched: Instance) -> None:
    answer = requests.get(f"{launched.base_url}{API}/no-such-thing", timeout=20)
    assert answer.status_code == 404
    assert answer.json()["error"] == "Resource not found"


def test_the_logs_of_every_part_are_shown_and_hold_no_password(launched: Instance) -> None:
    log_in(launched)
    wait_until(
        lambda: "functions" in quarterdeck("logs", *state_option(launched)).stdout,
        what="a function's log line",
    )
    shown = quarterdeck("logs", "-n", "5000", *state_option(launched)).stdout
    assert all(f"{part:<9} |" in shown for part in ("engine", "relay", "access"))
    assert ADMIN["QUARTERDECK_ADMIN_PASSWORD"] not in shown


def test_an_operator_makes_a_user(launched: Instance) -> None:
    command = ("user", "mate", "--email", "mate@example.com", "--role", "admin", *state_option(launched))
    done = quarterdeck(*command, QUARTERDECK_USER_PASSWORD="a password for the mate")
    assert done.returncode == 0, done.stderr
    answer = log_in(launched, username="mate", password="a password for the mate")
    assert answer.json()["user"]["role"] == "admin"


def test_a_relay_that_is_killed_comes_back(launched: Instance) -> None:
    killed = launched.kill_relay()
    launched.wait_for_relay(other_than=killed)
    launched.restart_relay()
    assert launched.health()["parts"]["relay"]["status"] == "healthy"


def test_a_killed_instance_loses_a_few_seconds_at_most(launched: Instance) -> None:
    number = add_server(launched, "written before the crash")
    time.sleep(8)
    launched.kill()
    done = quarterdeck("status", *state_option(launched))
    assert (done.returncode, done.stdout.strip()) == (1, "Quarterdeck is down.")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{launched.base_url}/health", timeout=5)
    launched.up(tethered=False)
    assert get_server(launched, number).json()["name"] == "written before the crash"


def test_what_was_written_just_before_down_is_there_after_up_on_another_port(launched: Instance) -> None:
    number = add_server(launched, "written before down")
    done = quarterdeck("down", *state_option(launched))
    assert done.returncode == 0, done.stderr
    assert quarterdeck("status", *state_option(launched)).returncode == 1
    launched.port = free_port()
    launched.up(tethered=False)
    assert get_server(launched, number).json()["name"] == "written before down"


def test_two_instances_run_side_by_side_and_end_with_ctrl_c(launched: Instance, tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            str(ROOT / "quarterdeck"),
            "up",
            "--port",
            str(port),
            "--state",
            str(tmp_path / "second"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    second = Instance(tmp_path / "second", port)
    try:
        wait_until(
            lambda: (run := second.state.run()) and run.phase == "ready",
            what="the second instance",
        )
        assert second.admin.password != launched.admin.password
        assert log_in(second).status_code == 200
        assert log_in(launched).status_code == 200
        assert log_in(second, username="captain", password=launched.admin.password).status_code == 401
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert "Ctrl-C" in said
    assert not second.is_live
    assert relay_is_gone(second)


def relay_is_gone(instance: Instance) -> bool:
    run = instance.state.run()
    assert run
    return not Path(f"/proc/{run.relay_pid}").exists()


# ---------------------------------------------------------------- what cannot be


def test_down_when_it_is_down_is_no_failure(tmp_path: Path) -> None:
    done = quarterdeck("down", "--state", str(tmp_path / "none"))
    assert (done.returncode, done.stdout.strip()) == (0, "It was not up.")


def test_a_state_directory_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = quarterdeck("up", "--port", str(free_port()), "--state", str(tmp_path / "file" / "state"))
    assert done.returncode == 1
    assert "cannot use the state directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["0", "70000", "web"])
def test_a_port_that_is_none_is_a_clear_error(port: str) -> None:
    done = quarterdeck("up", "--port", port)
    assert done.returncode == 2
    assert "is no port number" in done.stderr


def test_a_port_that_another_program_holds_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(InstanceProblem, match="in use by another program"):
            Instance(tmp_path / "state", other.getsockname()[1]).up()


@pytest.mark.parametrize("command", ["status", "logs", "user", "demo", "token", "watch"])
def test_commands_about_an_instance_say_that_there_is_none(command: str, tmp_path: Path) -> None:
    more = {"user": ("x", "--email", "x@example.com"), "watch": ("1",)}.get(command, ())
    done = quarterdeck(command, *more, "--state", str(tmp_path / "none"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


COMMANDS = [
    "up",
    "down",
    "status",
    "logs",
    "test",
    "bench",
    "demo",
    "lint",
    "package",
    "user",
    "token",
    "watch",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    from infra import cli

    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0


def test_an_old_python_is_told_what_is_missing(tmp_path: Path) -> None:
    """The launcher itself, with the version it needs set past every Python there is."""
    text = (ROOT / "quarterdeck").read_text().replace("NEEDED = (3, 11)", "NEEDED = (3, 99)")
    (tmp_path / "quarterdeck").write_text(text)
    command = [sys.executable, str(tmp_path / "quarterdeck"), "up"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=False)
    assert done.returncode == 1
    assert "needs Python 3.99 or newer" in done.stderr


def test_the_environment_is_known_by_its_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from infra import environment

    lock = tmp_path / "lock.txt"
    lock.write_text("a==1\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").touch()
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(environment, "LOCKS", {"embedded": lock, "dev": lock})
    assert not environment.is_current("embedded")
    environment._remember("dev")
    assert environment.is_current("embedded")
    assert environment.is_current("dev")
    lock.write_text("a==2\n")
    assert not environment.is_current("dev")


def test_the_locks_name_no_registry_and_pin_every_package_by_hash() -> None:
    for name in ("requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "--index" not in text
        entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry.strip()]
        assert all("==" in entry and "--hash=sha256:" in entry for entry in entries), name


def test_the_locks_agree_with_each_other() -> None:
    def pins(name: str) -> set[str]:
        lines = (ROOT / name).read_text().splitlines()
        return {line.split(";")[0].rstrip(" \\") for line in lines if line[:1].isalnum()}

    assert pins("requirements.txt") < pins("requirements-embedded.txt") < pins("requirements-dev.txt")
    assert json.dumps(sorted(pins("requirements.txt")))
