"""A person at a real shell, through front door, gateway, functions, queue and relay."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.jobs.fleet import Fleet
from tests.jobs.seat import Seat, shown
from tests.support.client import ContractClient
from tests.support.parts import require
from tests.support.stack import PASSWORD, Stack, wait_until
from tests.support.world import unique


@pytest.fixture(scope="module")
def server(fleet: Fleet) -> int:
    return fleet.host()


@pytest.fixture
def sit_down(stack: Stack, admin: ContractClient, server: int) -> Iterator[Callable[..., Seat]]:
    """Seats that are left at the end of the test, their sessions ended."""
    seats: list[Seat] = []

    def start(query: str = "", at: int = server, **options: Any) -> Seat:
        seats.append(Seat(stack, at, query, **({"token": admin.token} | options)))
        return seats[-1].sits_down()

    yield start
    for seat in seats:
        seat.close()
    for session in admin.ok("GET", "/terminals/?status=open&limit=100")["terminals"]:
        admin.ok("POST", f"/terminals/{session['id']}/stop")
    # What a relay that was killed had asked the queue for is handed to nobody, and hidden for ten seconds.
    wait_until(
        lambda: admin.ok("GET", "/terminals/?status=open")["total"] == 0,
        what="all terminals to end",
    )


def session_of(admin: ContractClient, server_id: int) -> dict[str, Any]:
    """The newest on that server."""
    found: dict[str, Any] = admin.ok("GET", f"/terminals/?server_id={server_id}")["terminals"][0]
    return found


def ended(admin: ContractClient, session_id: int) -> dict[str, Any]:
    def look() -> Any:
        found = admin.ok("GET", f"/terminals/{session_id}")
        return found if found["status"] == "ended" else None

    found: dict[str, Any] = wait_until(look, what=f"the end of session {session_id}")
    return found


def recorded(admin: ContractClient, session_id: int) -> str:
    """The whole recording, as the file that a player takes."""
    text, cursor, complete = "", "", False
    while not complete:
        stretch = admin.ok("GET", f"/terminals/{session_id}/recording?cursor={cursor}")
        text, cursor, complete = text + stretch["data"], stretch["cursor"], stretch["complete"]
    return text


# ---------------------------------------------------------------- a shell


def test_a_command_is_run_and_its_output_comes_as_documented(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down()
    assert "hello" in seat.runs("echo hel''lo")
    assert "/dev/pts/" in seat.runs("tty")


def test_characters_that_arrive_in_two_parts_are_shown_whole(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down()
    told = seat.runs(r"printf '\342\202'; sleep 0.4; printf '\254 \360\237'; sleep 0.4; printf '\230\200'")
    assert "€ 😀" in told
    assert "\ufffd" not in told
    seat.type("echo 'gr''üß €'\r")
    seat.sees("grüß €\r\n")


def test_the_size_is_that_of_the_persons_screen_and_follows_it(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down("?cols=101&rows=33")
    assert "33 101" in seat.runs("stty size")
    seat.resize(132, 50)
    assert "50 132" in seat.runs("stty size")


def test_control_c_ends_what_runs_and_nothing_else(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down()
    # What says so is what is then ended: between two commands a shell takes no notice.
    seat.type("sh -c \"echo be''gun; exec sleep 300\"\r")
    seat.sees("begun\r\n")
    seat.type("\x03")
    assert "130" in seat.runs("echo $?")


@pytest.mark.parametrize("most", [120_000, 8_000], ids=["in-one-message", "in-many"])
def test_a_paste_of_a_hundred_kilobytes_arrives_whole_and_in_order(
    most: int, sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    target, lines = tmp_path / "pasted", "".join(f"{number:05d} {'xyz' * 13}\n" for number in range(2200))
    assert len(lines) > 100_000
    seat.type(f"stty -echo; cat > {target}; stty echo; echo do''ne\r")
    seat.type(lines + "\x04", most)
    seat.sees("done\r\n")
    assert hashlib.sha256(target.read_bytes()).digest() == hashlib.sha256(lines.encode()).digest()


def test_vi_draws_and_keeps_what_was_typed(sit_down: Callable[..., Seat], tmp_path: Path) -> None:
    require("vim-tiny")
    seat, target = sit_down(), tmp_path / "text"
    # A long path makes vi's message longer than the screen is wide, and vi asks for Enter then.
    seat.type(f"cd {tmp_path}; vi -u NONE text\r")
    seat.sees("~")  # the empty lines of a screen that is drawn
    seat.type("ihello äöü")
    seat.sees("hello äöü")
    seat.type("\x1b")
    seat.type(":wq\r")
    seat.sees("bytes written")
    seat.sees("$ ")
    assert target.read_text() == "hello äöü\n"


def test_top_fills_the_screen_and_leaves_it(sit_down: Callable[..., Seat]) -> None:
    require("procps")
    seat = sit_down("?cols=90&rows=20")
    seat.type("top -d 1\r")
    seat.sees("load average")
    seat.sees("PID")
    seat.sees("load average")  # drawn again by itself
    seat.type("q")
    seat.sees("$ ")  # leaving, it throws away what was typed ahead
    assert "still here" in seat.runs("echo still 'he're")


def test_the_exit_code_is_told_last(
    sit_down: Callable[..., Seat], admin: ContractClient, server: int
) -> None:
    seat = sit_down()
    seat.type("exit 7\r")
    told = seat.until_closed()[-1]
    assert (told["type"], told["code"], told["close"]) == ("exit", 7, 1000)
    session = ended(admin, session_of(admin, server)["id"])
    assert (session["exit_code"], session["reason"]) == (7, None)


def test_what_is_no_message_is_told_so_and_ends_nothing(sit_down: Callable[..., Seat]) -> None:
    seat = sit_down()
    for text in ("{", "[]", '{"type": "dance"}', '{"type": "input"}', '{"type": "resize", "cols": 0}'):
        seat.socket.send(text)
        assert seat.hears("error")["data"]
    assert "fine" in seat.runs("echo fi''ne")


def test_a_host_that_cannot_be_reached_is_said_to_be(
    stack: Stack, admin: ContractClient, fleet: Fleet
) -> None:
    seat = Seat(stack, fleet.host(port=9), token=admin.token)
    told = seat.until_closed()[-1]
    assert (told["type"], told["close"]) == ("error", 1011)
    assert ":9" in told["data"]


# ---------------------------------------------------------------- who may


def new_ticket(client: ContractClient) -> str:
    return str(client.ok("POST", "/auth/tickets")["ticket"])


def refused(stack: Stack, server_id: int, query: str = "", **options: Any) -> bool:
    """At the handshake. (The emulator answers 403 to all; unit tests hold the statuses.)"""
    with pytest.raises(websocket.WebSocketBadStatusException):
        Seat(stack, server_id, query, **options)
    return True


def test_a_person_is_let_in_by_each_way_there_is(
    stack: Stack, user: ContractClient, server: int, sit_down: Callable[..., Seat]
) -> None:
    token = str(user.token)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("", {"token": token}),
        ("", {"token": None, "protocols": ["bearer", token]}),
        (f"?token={token}", {"token": None}),
        (f"?ticket={new_ticket(user)}", {"token": None}),
        (f"?token={token}", {"token": None, "path": "/birun/api/ws/terminal/"}),
    ]
    for query, options in ways:
        seat = sit_down(query, **options)
        assert "in" in seat.runs("echo i''n"), query[:8]
        seat.type("exit\r")
        seat.until_closed()


def test_a_ticket_opens_one_terminal_and_no_second(
    stack: Stack, user: ContractClient, server: int, sit_down: Callable[..., Seat]
) -> None:
    ticket = new_ticket(user)
    sit_down(f"?ticket={ticket}", token=None)
    assert refused(stack, server, f"?ticket={ticket}")


def test_nobody_gets_in_who_may_not(
    stack: Stack, viewer: ContractClient, user: ContractClient, admin: ContractClient, server: int
) -> None:
    before = admin.ok("GET", "/terminals/")["total"]
    assert refused(stack, server)
    assert refused(stack, server, token="nonsense")
    assert refused(stack, server, token=viewer.token)
    assert refused(stack, server, f"?ticket={new_ticket(viewer)}")
    assert refused(stack, 987654321, token=user.token)
    assert refused(stack, server, "?cols=0", token=user.token)
    assert admin.ok("GET", "/terminals/")["total"] == before


def test_somebody_elses_session_is_not_there(
    stack: Stack, user: ContractClient, admin: ContractClient, server: int, sit_down: Callable[..., Seat]
) -> None:
    """Neither to look at nor to end, and its token is good for its own person alone."""
    seat = Seat(stack, server, token=admin.token)
    resume = seat.hears("ready")
    session = resume["session"]
    assert user.get(f"/terminals/{session}").status_code == 404
    assert user.post(f"/terminals/{session}/stop").status_code == 404
    assert session not in [one["id"] for one in user.ok("GET", "/terminals/?limit=100")["terminals"]]
    assert refused(stack, server, f"?resume={resume['resume']}", token=user.token)
    admin.ok("POST", f"/terminals/{session}/stop")
    assert "Ended by" in seat.until_closed()[-1]["data"]


def test_an_administrator_ends_anybodys_session(
    user: ContractClient, admin: ContractClient, server: int, sit_down: Callable[..., Seat]
) -> None:
    seat = sit_down(token=user.token)
    session = session_of(admin, server)
    assert session["username"] == "the-user"
    admin.ok("POST", f"/terminals/{session['id']}/stop")
    told = seat.until_closed()[-1]
    assert (told["type"], told["close"]) == ("error", 1000)
    assert ended(admin, session["id"])["reason"] == told["data"]
    assert admin.post(f"/terminals/{session['id']}/stop").status_code == 200, "ending what has ended succeeds"


# ---------------------------------------------------------------- leaving and coming back


def test_who_comes_back_finds_the_shell_as_it_was_and_sees_what_was_missed(
    stack: Stack, admin: ContractClient, server: int
) -> None:
    seat = Seat(stack, server, token=admin.token)
    resume = seat.hears("ready")["resume"]
    seat.type("PS1='$ '; here=still-set; echo 'rea'dy; (sleep 1; echo mis''sed) &\r")
    seat.sees("ready\r\n")
    place = seat.seen
    seat.vanishes()
    back = Seat(stack, server, f"?resume={resume}&seen={place}", token=admin.token)
    told = back.hears("ready")
    assert (told["resumed"], told["resume"]) == (True, resume)
    back.sees("missed")
    assert "still-set" in back.runs("echo $here")
    back.type("exit\r")
    back.until_closed()
    assert refused(stack, server, f"?resume={resume}", token=admin.token), "what has ended is not resumed"


def test_a_second_window_takes_the_session_over(
    stack: Stack, admin: ContractClient, server: int, sit_down: Callable[..., Seat]
) -> None:
    first = Seat(stack, server, token=admin.token)
    resume = first.hears("ready")["resume"]
    second = sit_down(f"?resume={resume}")
    first.until_closed()
    assert "mine" in second.runs("echo mi''ne")


def test_a_killed_relay_ends_the_session_and_the_person_is_told(
    stack: Stack, admin: ContractClient, server: int, sit_down: Callable[..., Seat]
) -> None:
    seat = sit_down()
    session = session_of(admin, server)["id"]
    killed = stack.instance.kill_relay()
    told = seat.until_closed()[-1]
    assert (told["type"], told["close"]) == ("error", 1011)
    assert ended(admin, session)["reason"] == told["data"]
    stack.instance.wait_for_relay(other_than=killed)
    assert "again" in sit_down().runs("echo aga''in")


# ---------------------------------------------------------------- what is kept


def test_who_was_where_and_when_is_known_and_what_was_seen_is_recorded(
    stack: Stack,
    user: ContractClient,
    viewer: ContractClient,
    admin: ContractClient,
    server: int,
    sit_down: Callable[..., Seat],
) -> None:
    seat = sit_down(token=user.token)
    seat.runs("echo seen by 'every'body")
    seat.type("stty -echo; printf 'Pass''word: '; read secret; stty echo; echo\r")
    seat.sees("Password: ")
    seat.type("never-to-be-shown\r")
    assert "17" in seat.runs("echo ${#secret}")
    seat.type("exit\r")
    seat.until_closed()
    session = ended(admin, session_of(admin, server)["id"])
    assert (session["username"], session["server_id"], session["address"]) == (
        "the-user",
        server,
        "127.0.0.1",
    )
    assert session["opened_at"] <= session["started_at"] <= session["ended_at"]
    recording = recorded(admin, session["id"])
    head = json.loads(recording.partition("\n")[0])
    assert (head["version"], head["width"], head["height"]) == (2, 80, 24)
    assert "seen by everybody" in shown(recording)
    assert "never-to-be-shown" not in recording
    for client in (user, viewer):
        assert client.get(f"/terminals/{session['id']}/recording").status_code == 403
    assert audited(stack, session["id"]) == ["terminal.open", "terminal.close", "terminal.recording.read"]


def audited(stack: Stack, session_id: int) -> list[str]:
    from chalicelib.core import audit
    from chalicelib.core.terminals import model

    with stack.inside():
        return [entry.action for entry in reversed(audit.history(model.subject(session_id)))]


def test_the_list_is_found_by_server_by_user_and_by_state(
    stack: Stack, admin: ContractClient, fleet: Fleet, sit_down: Callable[..., Seat]
) -> None:
    name = unique("operator")
    stack.ensure_user(name, "operator")
    operator = stack.log_in(name, PASSWORD)
    here = fleet.host()
    sit_down(at=here, token=operator.token).type("exit\r")
    ended(admin, session_of(admin, here)["id"])
    sit_down(at=here, token=operator.token)
    sit_down(at=here)
    user_id = session_of(operator, here)["user_id"]

    def total(query: str) -> int:
        return int(admin.ok("GET", f"/terminals/?{query}")["total"])

    assert total(f"server_id={here}") == 3
    assert total(f"user_id={user_id}") == total(f"server_id={here}&user_id={user_id}") == 2
    assert total(f"server_id={here}&status=open") == 2
    assert total(f"user_id={user_id}&status=ended") == 1
    assert operator.ok("GET", "/terminals/")["total"] == 2
    assert total("limit=1") == total("status=ended") + total("status=open") + total("status=opening")


def test_neither_token_nor_ticket_reaches_a_log(
    stack: Stack, admin: ContractClient, server: int, sit_down: Callable[..., Seat]
) -> None:
    ticket = new_ticket(admin)
    first = Seat(stack, server, f"?token={admin.token}")
    resume = first.hears("ready")["resume"]
    second = Seat(stack, server, f"?ticket={ticket}&resume={resume}")
    second.hears("ready")
    second.type("exit\r")
    second.until_closed()
    secrets = [str(admin.token).rpartition(".")[2], ticket, resume.partition(".")[2]]
    texts = logs(stack)
    assert any("/birun/ws/terminal/" in text for text in texts.values()), "the visit itself is there"
    assert not [name for name, text in texts.items() if any(secret in text for secret in secrets)]


def logs(stack: Stack) -> dict[str, str]:
    """All that the instance wrote, and all that the functions' log groups hold."""
    found = {
        path.name: path.read_text(errors="replace")
        for path in stack.instance.state.path.rglob("*.log*")
        if path.is_file()
    }
    assert found
    client = stack.aws("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            events = client.filter_log_events(logGroupName=name)["events"]
            found[name] = "\n".join(event["message"] for event in events)
    return found
