"""Whatever the account's login shell is and prints, the script is run and heard alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.ssh.requests import Login
from tests.support.parts import require, require_root
from tests.support.sshd import Sshd, system_user
from tests.targets.conftest import Run

pytestmark = pytest.mark.targets

RunIt = Callable[..., Run]


@pytest.fixture(scope="module")
def noisy_sshd() -> Iterator[Sshd]:
    """SHLVL=0: bash reads its start-up file, as it does on most hosts."""
    with Sshd(environment={"SHLVL": "0"}) as server:
        yield server


def login_as(sshd: Sshd, name: str) -> Login:
    key = Secret(sshd.authorized_key().private)
    return Login(hostname="127.0.0.1", port=sshd.port, username=name, private_key=key)


NOISE = {
    "/bin/bash": (".bashrc", "echo welcome; echo -n 'no newline '; echo careful >&2\n"),
    "fish": (".config/fish/config.fish", "echo welcome; echo careful >&2\n"),
    "tcsh": (".tcshrc", "echo welcome\n"),
    "/bin/dash": (".profile", "echo never read by a command\n"),
}


@pytest.mark.parametrize("shell", NOISE)
def test_the_output_is_the_scripts_alone_under_any_login_shell(
    noisy_sshd: Sshd, run: RunIt, shell: str
) -> None:
    path = shell if shell.startswith("/") else require(shell)
    with system_user(path) as user:
        startup = user.home / NOISE[shell][0]
        startup.parent.mkdir(parents=True, exist_ok=True)
        startup.write_text(NOISE[shell][1])
        for directory in (user.home, *user.home.rglob("*")):
            directory.chmod(0o755)
        login = login_as(noisy_sshd, user.name)
        script = "echo \"it's\" '$HOME!' `id -un`; echo err >&2; kill -TERM $$"
        for by_file in ("", ": $0; "):
            done = run(by_file + script, to=login)
            assert done.stdout.decode() == f"it's $HOME! {user.name}\n"
            assert done.stderr == b"err\n"
            assert (done.result.outcome, done.result.signal) == ("signalled", "TERM")


def test_an_account_without_a_shell_is_told_in_the_hosts_own_words(noisy_sshd: Sshd, run: RunIt) -> None:
    with system_user("/usr/sbin/nologin") as user, pytest.raises(PermanentTargetError) as caught:
        run("echo never", to=login_as(noisy_sshd, user.name))
    assert "could not be started" in caught.value.message
    assert "not available" in caught.value.message
    assert caught.value.details == {"started": False}


def test_busybox_as_sh_runs_scripts_and_stops_them(run: RunIt, tmp_path: Path) -> None:
    """All programs that ours call come from busybox; only /bin/sh is the machine's own."""
    busybox = require("busybox")
    for applet in ("mkdir", "head", "chmod", "rm", "setsid", "sleep", "env"):
        (tmp_path / applet).symlink_to(busybox)
    tmp_path.chmod(0o755)
    with Sshd(environment={"PATH": f"{tmp_path}"}) as sshd:
        login = login_as(sshd, sshd.username)
        done = run("#!/bin/sh\necho small; exit 6", to=login)
        assert (done.stdout, done.result.exit_code) == (b"small\n", 6)
        assert run("echo up; sleep 60", timeout=1, to=login).result.outcome == "timed_out"


@pytest.mark.parametrize("missing", ["setsid"])
def test_without_setsid_scripts_run_and_are_stopped_too(run: RunIt, tmp_path: Path, missing: str) -> None:
    for program in ("mkdir", "head", "chmod", "rm", "sleep"):
        (tmp_path / program).symlink_to(
            f"/bin/{program}" if Path(f"/bin/{program}").exists() else f"/usr/bin/{program}"
        )
    assert not (tmp_path / missing).exists()
    with Sshd(environment={"PATH": f"{tmp_path}"}) as sshd:
        login = login_as(sshd, sshd.username)
        assert run("exit 6", to=login).result.exit_code == 6
        done = run("echo $0; sleep 60", timeout=1, to=login)
        assert done.result.outcome == "timed_out"
        assert not Path(done.stdout.decode().strip()).exists()


def test_a_temporary_directory_mounted_noexec_is_no_matter(run: RunIt, tmp_path: Path) -> None:
    require_root()
    mount = tmp_path / "noexec"
    mount.mkdir()
    if os.system(f"mount -t tmpfs -o noexec tmpfs {mount} 2>/dev/null"):
        pytest.skip("left out: tmpfs cannot be mounted here")
    try:
        with Sshd(environment={"TMPDIR": str(mount)}) as sshd:
            login = login_as(sshd, sshd.username)
            done = run("#!/usr/bin/env python3\nprint(__file__)", to=login)
            assert done.stdout.decode().startswith(str(mount))
            assert done.result.exit_code == 0
    finally:
        os.system(f"umount {mount}")


def test_where_one_temporary_directory_cannot_be_written_another_is_taken(run: RunIt) -> None:
    with Sshd(environment={"TMPDIR": "/no/such/place"}) as sshd:
        done = run("echo $0", to=login_as(sshd, sshd.username))
        assert done.stdout.startswith(b"/var/tmp/quarterdeck-")
