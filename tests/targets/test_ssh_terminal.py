"""A shell on a real terminal: keys, sizes, signals, characters, and a lot of text in both directions."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.shells import Shell, Size
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login
from chalicelib.targets.ssh.shell import open_shell
from tests.support.parts import require
from tests.support.sshd import Sshd

pytestmark = pytest.mark.targets

SECONDS = 60.0


class Person:
    """Types and looks at the screen."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.seen = b""

    def type(self, keys: str | bytes) -> None:
        left = keys.encode() if isinstance(keys, str) else keys
        while left:
            left = left[self.shell.write(left) :]
            self.look(0)

    def look(self, seconds: float) -> bytes:
        got = self.shell.read(seconds)
        self.seen += got
        return got

    def sees(self, wanted: str | bytes, seconds: float = SECONDS) -> bytes:
        """All that was seen up to ``wanted``, which is then behind us."""
        text = wanted.encode() if isinstance(wanted, str) else wanted
        until = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < until:
            self.look(0.1)
        before, found, self.seen = self.seen.partition(text)
        assert found, f"{wanted!r} did not come; the screen: {before[-2000:]!r}"
        return before + found

    def runs(self, command: str) -> str:
        """What a command prints."""
        self.type(f"{command}; echo 'end-'of-it\n")
        return self.sees("end-of-it").decode().partition("\n")[2]


@pytest.fixture
def sit_down(pool: ConnectionPool, login: Login) -> Iterator[Callable[..., Person]]:
    with ExitStack() as undo:

        def start(size: Size | None = None, to: Login = login) -> Person:
            person = Person(undo.enter_context(open_shell(pool, to, size or Size())))
            person.type("PS1='$ ' PS2= ; stty -echoctl; echo 'rea'dy\n")
            person.sees("ready\r\n")
            return person

        yield start


def test_it_is_a_terminal_of_the_size_asked_for(sit_down: Callable[..., Person]) -> None:
    person = sit_down(Size(101, 33))
    assert "33 101" in person.runs("stty size")
    assert "/dev/pts/" in person.runs("tty")
    assert "xterm-256color" in person.runs("echo $TERM")


def test_another_size_is_seen_at_once(sit_down: Callable[..., Person]) -> None:
    person = sit_down()
    person.shell.resize(Size(132, 50))
    assert "50 132" in person.runs("stty size")
    person.shell.resize(Size(0, 100_000))
    assert "1000 1" in person.runs("stty size").replace("\r\n", "")


def test_control_c_ends_what_runs_and_nothing_else(sit_down: Callable[..., Person]) -> None:
    person = sit_down()
    # What says that it has begun is what is then ended: between two commands a shell takes no notice.
    person.type("sh -c \"echo be''gun; exec sleep 300\"\n")
    person.sees("begun\r\n")
    person.type("\x03")
    assert "130" in person.runs("echo $?")


def test_a_paste_of_a_hundred_kilobytes_comes_whole_and_in_order(
    sit_down: Callable[..., Person], tmp_path: Path
) -> None:
    person = sit_down()
    lines = "".join(f"{number:05d} {'ä€' * 20}\n" for number in range(1200))
    assert len(lines.encode()) > 100_000
    target = tmp_path / "pasted"
    person.type(f"stty -echo; echo re''ady; cat > {target}; stty echo; echo do''ne\n")
    person.sees("ready\r\n")
    person.type(lines)
    person.type("\x04")
    person.sees("done\r\n")
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(lines.encode()).digest()


def test_a_flood_comes_whole(sit_down: Callable[..., Person]) -> None:
    person = sit_down()
    person.type("seq 1 300000; echo fin''ished\n")
    shown = person.sees("finished").decode()
    assert re.findall(r"^\d+", shown.replace("\r", ""), re.MULTILINE)[-3:] == ["299998", "299999", "300000"]


def test_a_full_screen_program_works(sit_down: Callable[..., Person], tmp_path: Path) -> None:
    require("vim-tiny")
    person = sit_down()
    target = tmp_path / "text"
    # A long path makes vi's message longer than the screen is wide, and vi asks for Enter then.
    person.type(f"cd {tmp_path}; vi -u NONE text\n")
    person.sees("~")  # the empty lines of a screen that is drawn
    person.type("ihello äöü")
    person.sees("hello äöü")
    person.type("\x1b")
    person.type(":wq\r")
    person.sees("bytes written")
    person.sees("$ ")
    assert target.read_text() == "hello äöü\n"


def test_the_end_of_the_shell_tells_its_code(sit_down: Callable[..., Person]) -> None:
    shell = sit_down().shell
    shell.write(b"exit 7\n")
    _until_ended(shell)
    assert (shell.exit_code, shell.signal, shell.failure()) == (7, None, None)
    assert shell.write(b"too late") == 0
    shell.resize(Size(10, 10))


def test_the_end_by_a_signal_tells_its_name(sit_down: Callable[..., Person]) -> None:
    shell = sit_down().shell
    shell.write(b"kill -KILL $$\n")
    _until_ended(shell)
    assert (shell.exit_code, shell.signal) == (None, "KILL")


def _until_ended(shell: Shell) -> None:
    until = time.monotonic() + SECONDS
    while not (shell.ended and shell.drained) and time.monotonic() < until:
        shell.read(0.2)
    assert shell.ended


def test_leaving_hangs_up_on_what_runs(pool: ConnectionPool, login: Login, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with open_shell(pool, login, Size()) as shell:
        person = Person(shell)
        person.type(f"echo $$ > {note}; echo no''ted; sleep 300\n")
        person.sees("noted")
    pid = note.read_text().strip()
    until = time.monotonic() + SECONDS
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_terminals_share_a_kept_connection(pool: ConnectionPool, login: Login) -> None:
    with open_shell(pool, login, Size()) as one, open_shell(pool, login, Size()) as other:
        assert one.host_key == other.host_key
        assert len(pool) == 1


def test_a_lost_connection_is_told_as_one(pool: ConnectionPool) -> None:
    with Sshd() as fragile:
        key = Secret(fragile.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=fragile.port, username=fragile.username, private_key=key)
        with open_shell(pool, login, Size()) as shell:
            Person(shell).type("echo\n")
            shell.read(1)
            fragile.drop_connections()
            _until_ended(shell)
            assert isinstance(shell.failure(), TransientTargetError)


def test_a_host_that_gives_no_terminal_is_told_as_one(pool: ConnectionPool) -> None:
    with Sshd(extra="PermitTTY no") as plain:
        key = Secret(plain.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=plain.port, username=plain.username, private_key=key)
        with open_shell(pool, login, Size()) as shell:
            _until_ended(shell)
            failure = shell.failure()
            assert isinstance(failure, PermanentTargetError)
            assert "no terminal" in failure.message
