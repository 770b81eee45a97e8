"""Getting in, and every way of not getting in, told in words."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.ssh import connect
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login
from tests.support.ports import free_port
from tests.support.sshd import KeyPair, Sshd, system_user
from tests.targets.conftest import Run

pytestmark = pytest.mark.targets

RunIt = Callable[..., Run]
WRONG_PASSWORD = "not the password"


def refusal(run: RunIt, login: Login, kind: type[TargetError]) -> str:
    with pytest.raises(kind) as caught:
        run("echo never", to=login)
    assert caught.value.details == {"started": False}
    return caught.value.message


def with_key(login: Login, pair: KeyPair) -> Login:
    passphrase = Secret(pair.passphrase) if pair.passphrase else None
    return login.model_copy(update={"private_key": Secret(pair.private), "passphrase": passphrase})


# ---------------------------------------------------------------------- in


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ed25519", ()),
        ("ecdsa", ("-b", "256")),
        ("ecdsa", ("-b", "384")),
        ("ecdsa", ("-b", "521", "-m", "PEM")),
        ("rsa", ("-b", "2048")),
        ("rsa", ("-b", "2048", "-m", "PEM")),
        ("rsa", ("-b", "2048", "-m", "PKCS8")),
    ],
)
@pytest.mark.parametrize("passphrase", [None, "pässwörd of a key"])
def test_every_kind_of_key_opens_the_door(
    sshd: Sshd, login: Login, run: RunIt, kind: str, options: tuple[str, ...], passphrase: str | None
) -> None:
    pair = sshd.authorized_key(kind, passphrase, *options)
    assert run("echo in", to=with_key(login, pair)).stdout == b"in\n"


def test_a_password_opens_the_door(sshd: Sshd, run: RunIt) -> None:
    with system_user() as user:
        login = Login(
            hostname="127.0.0.1", port=sshd.port, username=user.name, password=Secret(user.password)
        )
        assert run("id -un", to=login).stdout.decode().strip() == user.name


def test_with_key_and_password_the_password_is_tried_when_the_key_is_refused(sshd: Sshd, run: RunIt) -> None:
    with system_user() as user:
        login = Login(
            hostname="127.0.0.1",
            port=sshd.port,
            username=user.name,
            private_key=Secret(sshd.key_pair().private),
            password=Secret(user.password),
        )
        assert run("echo in", to=login).stdout == b"in\n"


def test_the_host_key_comes_back_to_be_pinned(sshd: Sshd, login: Login, run: RunIt) -> None:
    first = run("true")
    assert first.result.host_key == sshd.host_key
    pinned = login.model_copy(update={"host_key": f"{sshd.host_key} a comment"})
    assert run("true", to=pinned).result.host_key == sshd.host_key


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a_host_is_asked_for_the_kind_of_key_that_is_pinned(run: RunIt, kind: str) -> None:
    with Sshd() as first:
        other = first.directory / "other_key"
        pair = first.key_pair(kind)
        other.write_text(pair.private)
        other.chmod(0o600)
        first._extra = f"HostKey {other}"
        first.restart()
        key = Secret(first.authorized_key().private)
        pinned = " ".join(pair.public.split()[:2])
        login = Login(
            hostname="127.0.0.1",
            port=first.port,
            username=first.username,
            private_key=key,
            host_key=pinned,
        )
        assert run("true", to=login).result.host_key == pinned


# ---------------------------------------------------------------------- refused by the host


def test_a_wrong_key_is_refused_for_good(sshd: Sshd, login: Login, run: RunIt) -> None:
    said = refusal(run, with_key(login, sshd.key_pair()), PermanentTargetError)
    assert f"refused the log-in of user {login.username} with the private key (ed25519)" in said


def test_a_wrong_password_is_refused_for_good(sshd: Sshd, run: RunIt) -> None:
    with system_user() as user:
        login = Login(
            hostname="127.0.0.1", port=sshd.port, username=user.name, password=Secret(WRONG_PASSWORD)
        )
        said = refusal(run, login, PermanentTargetError)
    assert f"refused the log-in of user {user.name} with the password" in said
    assert WRONG_PASSWORD not in said


def test_a_password_where_only_keys_are_let_in_says_so(run: RunIt) -> None:
    with Sshd(password=False) as keys_only:
        login = Login(
            hostname="127.0.0.1",
            port=keys_only.port,
            username=keys_only.username,
            password=Secret(WRONG_PASSWORD),
        )
        assert "It accepts: publickey." in refusal(run, login, PermanentTargetError)


def test_a_login_without_key_and_password_is_refused_before_connecting(login: Login, run: RunIt) -> None:
    bare = login.model_copy(update={"private_key": None})
    assert "no private key and no password" in refusal(run, bare, PermanentTargetError)


@pytest.mark.parametrize("passphrase", [None, "wrong"])
def test_a_key_that_stays_closed_is_told(
    sshd: Sshd, login: Login, run: RunIt, passphrase: str | None
) -> None:
    pair = sshd.authorized_key("ed25519", "right")
    closed = with_key(login, KeyPair(pair.private, pair.public, passphrase))
    said = refusal(run, closed, PermanentTargetError)
    assert ("The passphrase does not open this key" if passphrase else "protected by a passphrase") in said


def test_text_that_is_no_key_is_told(login: Login, run: RunIt) -> None:
    said = refusal(run, login.model_copy(update={"private_key": Secret("hunter2")}), PermanentTargetError)
    assert "This is not a private key" in said
    assert "hunter2" not in said


# ---------------------------------------------------------------------- a changed host key


def test_a_changed_host_key_is_refused_with_both_fingerprints(run: RunIt) -> None:
    with Sshd() as sshd:
        key = Secret(sshd.authorized_key().private)
        old = sshd.host_key
        login = Login(
            hostname="127.0.0.1",
            port=sshd.port,
            username=sshd.username,
            private_key=key,
            host_key=old,
        )
        assert run("echo in", to=login).stdout == b"in\n"
        sshd.restart(new_host_key=True)
        said = refusal(run, login, PermanentTargetError)
    assert connect.fingerprint(old) in said
    assert connect.fingerprint(sshd.host_key) in said
    assert (
        'If the host was rebuilt, PUT {"reset_host_key": true} to the server to accept the new key.' in said
    )


def test_the_fingerprint_is_the_one_that_ssh_keygen_shows(sshd: Sshd) -> None:
    known = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    assert connect.fingerprint(known) == "ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    assert "SHA256:" in connect.fingerprint(sshd.host_key)


def test_a_changed_host_key_is_refused_before_the_log_in(
    sshd: Sshd, run: RunIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("credentials were about to be sent")

    monkeypatch.setattr(connect, "authenticate", fail)
    login = Login(
        hostname="127.0.0.1",
        port=sshd.port,
        username="somebody",
        password=Secret(WRONG_PASSWORD),
        host_key=sshd.key_pair().public,
    )
    assert "No credentials were sent" in refusal(run, login, PermanentTargetError)
    assert "somebody" not in (sshd.directory / "log").read_text()


# ---------------------------------------------------------------------- not there


def test_a_refused_connection_may_pass(login: Login, run: RunIt) -> None:
    nobody = login.model_copy(update={"port": free_port()})
    assert "refused the connection" in refusal(run, nobody, TransientTargetError)


def test_a_name_that_does_not_exist_is_told(
    login: Login, run: RunIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_such_name(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    nowhere = login.model_copy(update={"hostname": "nowhere.invalid"})
    assert "nowhere.invalid was not found" in refusal(run, nowhere, PermanentTargetError)


@pytest.mark.parametrize("name", ["a" * 300, "x..y", "not a name"])
def test_a_name_that_cannot_be_is_told(login: Login, run: RunIt, name: str) -> None:
    assert refusal(run, login.model_copy(update={"hostname": name}), TargetError)


def test_no_route_may_pass(login: Login, run: RunIt) -> None:
    # 240.0.0.0/4 is reserved; Linux refuses to send to it at once.
    far = login.model_copy(update={"hostname": "255.255.255.255"})
    said = refusal(run, far, TransientTargetError)
    assert "255.255.255.255" in said


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_host_that_accepts_and_says_nothing_times_out(login: Login, silent_port: int) -> None:
    pool = ConnectionPool(connect_timeout=0.5)
    with (
        pytest.raises(TransientTargetError, match="timed out"),
        pool.session(login.model_copy(update={"port": silent_port})),
    ):
        pass


def test_a_connection_that_times_out_may_pass(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_long(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", too_long)
    with pytest.raises(TransientTargetError, match="did not answer"), ConnectionPool().session(login):
        pass


@pytest.mark.parametrize(
    ("greeting", "kind", "words"),
    [
        (b"", TransientTargetError, "closed the connection before the log-in"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200, PermanentTargetError, "does not speak SSH"),
        (b"SSH-1.5-ancient\r\n", PermanentTargetError, "does not speak SSH"),
    ],
)
def test_what_is_not_an_ssh_server_is_told(
    login: Login, run: RunIt, greeting: bytes, kind: type[TargetError], words: str
) -> None:
    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):  # the other side may hang up at any moment
            connection.sendall(greeting)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        odd = login.model_copy(update={"port": server.getsockname()[1]})
        assert words in refusal(run, odd, kind)
