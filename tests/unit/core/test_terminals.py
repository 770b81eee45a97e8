"""Terminals before a relay has them: who gets in, what the relay is told, who comes back, what is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from chalicelib.aws import sockets
from chalicelib.core.audit import Actor
from chalicelib.core.identity import sessions as log_ins
from chalicelib.core.identity import users
from chalicelib.core.identity.roles import Role
from chalicelib.core.relays import registry
from chalicelib.core.terminals import history, orders, sessions, sweeping, talking
from chalicelib.core.terminals.history import Filters
from chalicelib.core.terminals.model import Place, State, Terminal
from chalicelib.core.terminals.orders import OnServer
from chalicelib.core.terminals.sessions import Ending
from chalicelib.kernel import clock, settings
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.rest.channels import Channels
from chalicelib.surfaces.birun.routes import CHANNELS, DOORS
from tests.unit.core.builders import ACTOR, server

pytestmark = pytest.mark.usefixtures("cloud")

HERE = Place("server", "1", "web")


class Queue:
    """What a relay would be told."""

    def __init__(self, url: str) -> None:
        self.url = url

    def told(self) -> list[dict[str, Any]]:
        found = boto3.client("sqs").receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]


@pytest.fixture(autouse=True)
def queue(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    made = boto3.client("sqs").create_queue(QueueName="terminals.fifo", Attributes={"FifoQueue": "true"})
    monkeypatch.setenv("QUARTERDECK_TERMINAL_QUEUE_URL", made["QueueUrl"])
    settings.forget()
    talking.forget()
    yield Queue(made["QueueUrl"])
    settings.forget()


@pytest.fixture
def relay() -> str:
    """The boot of the one that is there."""
    registry.beat("default", "boot-1", clock.iso_now(), 0, 0)
    return "boot-1"


def token(name: str = "ada", role: Role = Role.USER) -> str:
    user = users.register(ACTOR, name, f"{name}@example.com", "secret-1", role)
    return log_ins.open_session(user, 600).access


def knock(path: str, bearer: str, connection: str = "c1", **query: str) -> int:
    event: dict[str, Any] = {
        "requestContext": {"connectionId": connection, "identity": {"sourceIp": "198.51.100.1"}},
        "headers": {},
        "queryStringParameters": {"channel": path, "token": bearer} | query,
    }
    return int(Channels(CHANNELS, DOORS).connect(event)["statusCode"])


def say(connection: str, **message: Any) -> bool:
    return talking.pass_on(connection, json.dumps(message), f"m-{json.dumps(message)}")


# ---------------------------------------------------------------- the door


def test_the_handshake_is_refused_with_the_status_of_what_was_wrong(relay: str, queue: Queue) -> None:
    door, good = f"/birun/ws/terminal/{int(server().id)}", token()
    assert knock(door, "nonsense") == 401
    assert knock(door, token("vic", Role.VIEWER)) == 403
    assert knock("/birun/ws/terminal/77", good) == 404
    assert knock("/birun/ws/terminal/0", good) == 404
    assert knock("/birun/ws/terminal/x", good) == 404
    assert knock(door, good, cols="0") == knock(door, good, rows="many") == 422
    assert knock(door, good, resume="1.nonsense") == 404
    assert queue.told() == []
    assert history.page(Filters("server"), 1, 10).total == 0


def test_without_a_relay_nobody_is_let_in(queue: Queue) -> None:
    assert knock(f"/birun/ws/terminal/{int(server().id)}", token()) == 503
    assert queue.told() == []


@pytest.mark.parametrize("base", ["/birun", "/birun/api"])
def test_the_relay_is_told_sealed_how_to_log_in(base: str, relay: str, queue: Queue) -> None:
    where = server()
    assert knock(f"{base}/ws/terminal/{int(where.id)}", token(), cols="132", rows="50") == 200
    [told] = queue.told()
    assert (told["do"], told["connection"]) == ("open", "c1")
    assert "pw" not in json.dumps({key: told[key] for key in told if key != "sealed"})
    order = orders.unseal(told["terminal"], told["sealed"])
    assert (order.columns, order.rows) == (132, 50)
    assert isinstance(order.where, OnServer)
    assert order.where.server_id == int(where.id)
    assert [secret.reveal() for secret in order.where.secrets] == ["pw"]
    found = sessions.get(told["terminal"])
    assert (found.username, found.place, found.state) == ("ada", f"server#{int(where.id)}", State.OPENING)


def test_one_user_has_so_many_places_and_gets_them_back(relay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_TERMINALS_PER_USER", "2")
    settings.forget()
    door, good = f"/birun/ws/terminal/{int(server().id)}", token()
    assert [knock(door, good, f"c{number}") for number in range(3)] == [200, 200, 409]
    assert knock(door, token("bob"), "other") == 200, "others have places of their own"
    newest = history.page(Filters("server"), 1, 10).items[-1]
    assert sessions.end(int(newest.id), Ending())
    assert knock(door, good, "c4") == 200


def test_a_full_relay_takes_nobody(relay: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_TERMINALS_PER_RELAY", "1")
    settings.forget()
    sessions.open_terminal(ACTOR, HERE, "c1")
    with pytest.raises(Conflict, match="relay"):
        sessions.open_terminal(Actor(2, "bob"), HERE, "c2")


# ---------------------------------------------------------------- talking


def test_what_a_person_says_goes_to_the_relay_in_its_own_words(relay: str, queue: Queue) -> None:
    sessions.open_terminal(ACTOR, HERE, "c1")
    assert say("c1", type="command", data="ls")
    assert say("c1", type="resize", cols=100, rows=30, seq=2)
    assert say("c1", type="dance")
    assert [(one["do"], one.get("message")) for one in queue.told()] == [
        ("say", {"keys": "ls\r"}),
        ("say", {"columns": 100, "rows": 30, "seq": 2}),
        ("refuse", None),
    ]
    assert not say("c2", type="command", data="ls"), "not a terminal's connection"


def test_leaving_is_told_once(relay: str, queue: Queue) -> None:
    sessions.open_terminal(ACTOR, HERE, "c1")
    assert talking.leave("c1")
    assert [one["do"] for one in queue.told()] == ["gone"]
    assert not talking.leave("c1")


# ---------------------------------------------------------------- coming back


def opened(actor: Actor = ACTOR) -> tuple[int, str]:
    terminal, resume = sessions.open_terminal(actor, HERE, "c1")
    sessions.begin(int(terminal.id), "boot-1")
    return int(terminal.id), resume.reveal()


def test_only_its_person_comes_back_and_only_to_the_same_place(relay: str) -> None:
    number, resume = opened()
    for actor, place, shown in (
        (Actor(2, "bob"), HERE.key, resume),
        (ACTOR, "server#2", resume),
        (ACTOR, HERE.key, f"{number}.nonsense"),
        (ACTOR, HERE.key, "x"),
        (ACTOR, HERE.key, "9" * 40),
    ):
        with pytest.raises(NotFound):
            sessions.resume(actor, place, shown, "c2")
    assert sessions.get(number).connection_id == "c1"
    sessions.resume(ACTOR, HERE.key, resume, "c2")
    assert sessions.get(number).connection_id == "c2"
    assert sessions.end(number, Ending())
    with pytest.raises(NotFound):
        sessions.resume(ACTOR, HERE.key, resume, "c3")


def test_the_token_to_come_back_with_is_stored_hashed(relay: str) -> None:
    number, resume = opened()
    assert resume.partition(".")[2] not in str(sessions.get(number).attribute_values)


def test_a_session_ends_once(relay: str) -> None:
    number, _ = opened()
    assert sessions.end(number, Ending("why", 3))
    assert not sessions.end(number, Ending("another"))
    assert not sessions.begin(number, "boot-2")
    assert (sessions.get(number).reason, int(sessions.get(number).exit_code)) == ("why", 3)


# ---------------------------------------------------------------- what is lost


@pytest.fixture
def last_words(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What connections are told before they are closed."""
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(sockets, "post", lambda who, data: told.append((who, json.loads(data)["data"])))
    monkeypatch.setattr(sockets, "close", lambda who: None)
    return told


def test_what_a_relay_held_before_it_was_started_again_is_over(
    relay: str, last_words: list[tuple[str, str]]
) -> None:
    number, _ = opened()
    sweeping.sweep()
    assert sessions.get(number).state == State.OPEN, "it is held"
    registry.beat("default", "boot-2", clock.iso_now(), 0, 0)
    sweeping.sweep()
    assert sessions.get(number).reason == sweeping.RESTARTED
    sweeping.sweep()
    assert last_words == [("c1", sweeping.RESTARTED)]


def test_what_a_relay_holds_that_is_away_is_lost(
    relay: str, last_words: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = opened()
    monkeypatch.setattr(registry, "silent_for", lambda relay: registry.LATE_SECONDS + 1.0)
    sweeping.sweep()
    assert sessions.get(number).reason == sweeping.AWAY
    assert last_words == [("c1", sweeping.AWAY)]


def test_what_no_relay_opened_is_given_up(
    relay: str, last_words: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal, _ = sessions.open_terminal(ACTOR, HERE, "c1")
    sweeping.sweep()
    assert sessions.get(int(terminal.id)).state == State.OPENING
    terminal.update([Terminal.opened_at.set("2020-01-01T00:00:00.000000Z")])
    sweeping.sweep()
    assert sessions.get(int(terminal.id)).reason == sweeping.NOT_TAKEN
    assert last_words == [("c1", sweeping.NOT_TAKEN)]


# ---------------------------------------------------------------- lists


def test_lists_tell_all_and_show_the_newest_first(relay: str) -> None:
    bob, there = Actor(2, "bob"), Place("server", "2", "db")
    made = [
        sessions.open_terminal(actor, place, f"c{number}")[0]
        for number, (actor, place) in enumerate([(ACTOR, HERE), (bob, HERE), (ACTOR, there), (bob, there)])
    ]
    ids = [int(one.id) for one in made]
    sessions.end(ids[1], Ending())

    def found(number: int = 1, limit: int = 10, **filters: Any) -> tuple[list[int], int]:
        page = history.page(Filters("server", **filters), number, limit)
        return [int(one.id) for one in page.items], page.total

    assert found() == (ids[::-1], 4)
    assert found(number=2, limit=3) == ([ids[0]], 4)
    assert found(number=9) == ([], 4)
    assert found(place=there.key) == ([ids[3], ids[2]], 2)
    assert found(user_id=2) == ([ids[3], ids[1]], 2)
    assert found(user_id=2, place=HERE.key) == ([ids[1]], 1)
    assert found(state=State.ENDED) == ([ids[1]], 1)
    assert found(state=State.OPENING, user_id=1) == ([ids[2], ids[0]], 2)
    assert history.page(Filters("deployment"), 1, 10).total == 0
