"""The small parts between paramiko and a script's output."""

from __future__ import annotations

import threading
from typing import Any

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.ssh.announcement import Announcement, Ready
from chalicelib.targets.ssh.connection import connection_key
from chalicelib.targets.ssh.health import read_health
from chalicelib.targets.ssh.inbox import Inbox, Side
from chalicelib.targets.ssh.requests import Login

LOGIN = Login(hostname="h", username="u", password=Secret("p"))


def test_the_inbox_keeps_the_order_across_streams() -> None:
    inbox = Inbox()
    out, err = Side(inbox, "stdout"), Side(inbox, "stderr")
    out.feed(b"1")
    out.feed(b"2")
    err.feed(b"3")
    out.feed(b"4")
    taken = []
    while (stream := inbox.wait(0, lambda: False)) is not None:
        taken.append((stream, inbox.take(stream, 100)))
    assert taken == [("stdout", b"12"), ("stderr", b"3"), ("stdout", b"4")]


def test_the_inbox_hands_out_no_more_than_asked_and_loses_nothing() -> None:
    inbox = Inbox()
    inbox.put("stdout", b"abcdef")
    inbox.put("stdout", b"gh")
    assert [inbox.take("stdout", 4), inbox.take("stdout", 3), inbox.take("stdout", 9)] == [
        b"abcd",
        b"efg",
        b"h",
    ]


def test_a_poke_wakes_the_reader_when_what_it_waits_for_is_true() -> None:
    inbox, over = Inbox(), threading.Event()

    def end() -> None:
        over.set()
        inbox.poke()

    threading.Timer(0.05, end).start()
    assert inbox.wait(10, over.is_set) is None


def test_the_announcement_is_found_behind_noise_and_in_pieces() -> None:
    announcement = Announcement("n0nce")
    for piece in (b"welcome\nno new", b"line n0n", b"ce ready 12 /tmp/a b", b"\n"):
        announcement.feed("stdout", piece)
    assert announcement.ready is None, "stderr has not spoken yet"
    announcement.feed("stderr", b"careful\nn0nce\n")
    assert announcement.ready == Ready(12, "/tmp/a b")


def test_a_failure_comes_with_what_the_host_said() -> None:
    announcement = Announcement("n0nce")
    announcement.feed("stderr", b"head: \x1b[1mdisk full\n")
    announcement.feed("stdout", b"n0nce failed the script cannot be written\n")
    assert announcement.failure == "the script cannot be written. head: [1mdisk full"


def test_only_the_same_door_and_the_same_credentials_share_a_connection() -> None:
    same = LOGIN.model_copy(update={"host_key": "ssh-ed25519 AAAA"})
    assert connection_key(same) == connection_key(LOGIN)
    others: list[dict[str, Any]] = [
        {"hostname": "i"},
        {"port": 23},
        {"username": "v"},
        {"password": Secret("q")},
        {"password": None, "private_key": Secret("p")},
        {"passphrase": Secret("p")},
    ]
    keys = [connection_key(LOGIN.model_copy(update=other)) for other in others]
    assert len({*keys, connection_key(LOGIN)}) == len(others) + 1


def test_secrets_of_a_login_print_as_a_mask() -> None:
    login = Login(hostname="h", username="u", password=Secret("geheim"), private_key=Secret("geheim"))
    assert "geheim" not in f"{login!r} {login} {login.model_dump_json()} {connection_key(login)}"


def test_what_a_host_does_not_tell_is_none_and_never_zero() -> None:
    health = read_health(["system FreeBSD 14.0", "disk Used Available", "disk 25 75"], "ssh-ed25519 AAAA")
    assert health.model_dump() == {
        "uptime_seconds": None,
        "load_1min": None,
        "disk_usage": 25.0,
        "memory_usage": None,
        "host_key": "ssh-ed25519 AAAA",
        "system": "FreeBSD 14.0",
    }


def test_figures_that_make_no_sense_are_none() -> None:
    health = read_health(["uptime x", "load", "MemTotal: 0", "MemAvailable: 0", "system "], "k")
    assert set(health.model_dump(exclude={"host_key"}).values()) == {None}


def test_a_host_may_ask_for_the_script_before_it_is_ready() -> None:
    announcement = Announcement("n0nce")
    announcement.feed("stdout", b"noise n0nce more\n")
    assert announcement.wants_more
    announcement.feed("stderr", b"n0nce\n")
    announcement.feed("stdout", b"n0nce ready 12 \n")
    assert announcement.ready == Ready(12, "")
