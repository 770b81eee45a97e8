"""A relay that follows logs for a person, on a real cluster: nothing lost, nothing twice, whoever is slow."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.aws import sockets
from chalicelib.core.logstreams import orders, streams
from chalicelib.core.logstreams.orders import FollowOrder
from chalicelib.relay import follows
from chalicelib.relay.follows import FollowRun
from chalicelib.targets.kubernetes.requests import FollowRequest
from tests.support.kube_apps import PATIENCE, App, Apps, apps_on
from tests.support.kubernetes import Cluster

pytestmark = [pytest.mark.targets, pytest.mark.timeout(300)]

FLOOD = 30_000


class Gateway:
    """Stands for the gateway: what each connection was told, in order; ``pause`` is what a message takes."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.largest = 0
        self.pause = 0.0
        self.gone: set[str] = set()

    def post(self, connection_id: str, data: bytes) -> None:
        time.sleep(self.pause)
        with self.changed:
            if connection_id in self.gone:
                raise sockets.Gone
            self.largest = max(self.largest, len(data))
            self.told.setdefault(connection_id, []).append(json.loads(data))
            self.changed.notify_all()

    def frames(self, connection_id: str) -> list[dict[str, Any]]:
        return [one for one in self.told.get(connection_id, []) if one["type"] == "logs"]

    def lines(self, connection_id: str) -> list[tuple[str, str]]:
        return [(line["pod"], line["message"]) for one in self.frames(connection_id) for line in one["logs"]]

    def until(self, question: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(question, PATIENCE), {
                who: len(told) for who, told in self.told.items()
            }


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    made = Gateway()
    monkeypatch.setattr(sockets, "post", made.post)
    monkeypatch.setattr(sockets, "close", lambda connection_id: None)
    monkeypatch.setattr(streams, "begin", lambda connection_id, boot: True)
    return made


@pytest.fixture(scope="module")
def apps(cluster: Cluster) -> Iterator[Apps]:
    with apps_on(cluster) as made:
        yield made


@pytest.fixture(scope="module")
def started(apps: Apps) -> dict[str, App]:
    flood = {"MODE": "flood", "LINES": str(FLOOD)}
    return {"pair": apps.applied("chatty", replicas=2), "flood": apps.applied("flood", env=flood)}


@pytest.fixture
def listen(gateway: Gateway) -> Iterator[Callable[..., FollowRun]]:
    runs: list[FollowRun] = []

    def start(app: App, connection_id: str, cursor: str = "", tail: int = 10_000) -> FollowRun:
        marks = orders.read_cursor(cursor)
        request = FollowRequest(access=app.access, app=app.request.app, tail=tail, marks=marks)
        runs.append(FollowRun(FollowOrder(request=request), connection_id, "boot", lambda run: None))
        runs[-1].start()
        return runs[-1]

    yield start
    for run in runs:
        run.stop()
        run.join(PATIENCE)


def numbers(lines: list[tuple[str, str]], pod: str) -> list[int]:
    told = [text.removeprefix("line ") for one, text in lines if one == pod]
    return [int(text) for text in told if text.isdecimal()]


def test_who_comes_again_with_the_cursor_misses_nothing_and_hears_nothing_twice(
    started: dict[str, App], gateway: Gateway, listen: Callable[..., FollowRun]
) -> None:
    app = started["pair"]
    app.completed()
    first = listen(app, "c1")
    gateway.until(lambda: len(gateway.frames("c1")) > 5 and len({pod for pod, _ in gateway.lines("c1")}) == 2)
    gateway.gone.add("c1")
    first.stop()
    first.join(PATIENCE)
    known = gateway.frames("c1")
    time.sleep(2)  # the app goes on while nobody listens
    listen(app, "c2", known[-1]["cursor"])
    gateway.until(lambda: len(gateway.frames("c2")) > 5 and len({pod for pod, _ in gateway.lines("c2")}) == 2)
    heard = gateway.lines("c1") + gateway.lines("c2")
    for pod in {pod for pod, _ in heard}:
        found = numbers(heard, pod)
        assert found == list(range(found[0], found[0] + len(found))), pod
    assert [one["seq"] for one in known] == list(range(1, len(known) + 1))


def test_a_slow_gateway_is_told_all_of_a_flood_in_messages_that_it_takes(
    started: dict[str, App], gateway: Gateway, listen: Callable[..., FollowRun]
) -> None:
    app = started["flood"]
    app.completed()
    gateway.pause = 0.05
    listen(app, "c1", tail=10_000)
    gateway.until(lambda: len(gateway.lines("c1")) >= 10_000)
    pod = gateway.lines("c1")[-1][0]
    assert numbers(gateway.lines("c1"), pod) == list(range(FLOOD - 10_000 + 1, FLOOD + 1))
    assert 50_000 < gateway.largest < 128 * 1024


def test_a_silent_log_keeps_its_connection_and_tells_its_end(
    started: dict[str, App],
    gateway: Gateway,
    listen: Callable[..., FollowRun],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from chalicelib.relay import line

    app = started["flood"]
    app.completed()
    monkeypatch.setattr(line, "PING_SECONDS", 0.3)
    monkeypatch.setattr(line, "LONGEST_SECONDS", line.NOTICE_SECONDS + 1)
    run = listen(app, "c1", tail=5)
    gateway.until(lambda: [one["type"] for one in gateway.told.get("c1", [])].count("ping") > 2)
    gateway.until(lambda: any(one["type"] == "closing" for one in gateway.told["c1"]))
    closing = next(one for one in gateway.told["c1"] if one["type"] == "closing")
    assert closing["cursor"] == gateway.frames("c1")[-1]["cursor"]
    run.stop(follows.SHUT_DOWN)
    gateway.until(lambda: gateway.told["c1"][-1].get("close") == 1011)
    assert gateway.told["c1"][-1]["data"] == follows.SHUT_DOWN


def test_a_cluster_that_does_not_let_us_look_is_said_so(
    cluster: Cluster, started: dict[str, App], apps: Apps, gateway: Gateway, listen: Callable[..., FollowRun]
) -> None:
    stranger = App(apps.access(user="nobody"), started["pair"].spec)
    listen(stranger, "c1")
    gateway.until(lambda: gateway.told.get("c1"))
    told = gateway.told["c1"][0]
    assert (told["type"], told["close"]) == ("error", 1011)
    assert "nobody" in told["data"]
