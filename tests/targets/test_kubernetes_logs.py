"""What apps on a real cluster wrote, and write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from chalicelib.targets.kubernetes.follow import follow
from chalicelib.targets.kubernetes.replies import LogLine
from chalicelib.targets.kubernetes.requests import FollowRequest, LogsRequest
from tests.support.kube_apps import PATIENCE, App, Apps, apps_on
from tests.support.kubernetes import Cluster
from tests.support.stack import wait_until

pytestmark = [pytest.mark.targets, pytest.mark.timeout(300)]

FLOOD = 50_000


@pytest.fixture(scope="module")
def apps(cluster: Cluster) -> Iterator[Apps]:
    with apps_on(cluster) as made:
        yield made


@pytest.fixture(scope="module")
def started(apps: Apps) -> dict[str, App]:
    """All of them at once: starting takes the node longest."""
    return {
        "pair": apps.applied("chatty", replicas=2),
        "crashing": apps.applied("crash"),
        "quiet": apps.applied("serve"),
        "flooding": apps.applied("flood", replicas=0, env={"MODE": "flood", "LINES": str(FLOOD)}),
    }


def lines_of(app: App, **options: object) -> tuple[LogLine, ...]:
    request = LogsRequest.model_validate({"access": app.access, "app": app.request.app} | options)
    found: tuple[LogLine, ...] = app.ask("logs", request).lines
    return found


class Follower:
    """Follows in a thread of its own, as a relay does."""

    def __init__(self, app: App, **options: object) -> None:
        self.lines: list[LogLine] = []
        self.stop = threading.Event()
        request = FollowRequest.model_validate({"access": app.access, "app": app.request.app} | options)
        self._thread = threading.Thread(target=self._run, args=(request,), daemon=True)
        self._thread.start()

    def _run(self, request: FollowRequest) -> None:
        for batch in follow(request, self.stop):
            self.lines += batch

    def until(self, question: Callable[[list[LogLine]], object], what: str) -> None:
        wait_until(lambda: question(list(self.lines)), seconds=PATIENCE, what=what)

    def end(self) -> None:
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def numbers(self, pod: str) -> list[int]:
        told = [line.message.removeprefix("line ") for line in self.lines if line.pod == pod]
        return [int(one) for one in told if one.isdigit()]


def test_lines_of_all_pods_come_merged_in_time_order_and_as_many_as_asked_for(
    started: dict[str, App],
) -> None:
    app = started["pair"]
    app.completed()
    wait_until(lambda: len(lines_of(app)) > 20, seconds=PATIENCE, what="some lines")
    every, last = lines_of(app, tail=10_000), lines_of(app, tail=7)
    assert [one.timestamp for one in every] == sorted(one.timestamp for one in every)
    assert {one.pod for one in every} == {pod.name for pod in app.status().pods}
    assert len(last) == 7
    assert lines_of(app, tail=0) == ()
    recent = lines_of(app, tail=10_000, since_seconds=1)
    assert 0 < len(recent) < len(lines_of(app, tail=10_000))


def test_after_a_crash_the_container_of_before_is_heard_too(started: dict[str, App]) -> None:
    app = started["crashing"]
    wait_until(lambda: app.status().restarts >= 1, seconds=PATIENCE, what="a restart")
    told = wait_until(
        lambda: (now := lines_of(app)) and now[0].source == "previous" and now, seconds=PATIENCE
    )
    assert {one.level for one in told if "FATAL" in one.message} == {"error"}
    assert "previous" not in {one.source for one in lines_of(app, previous=False)}


def test_an_app_without_pods_has_no_lines(started: dict[str, App]) -> None:
    assert lines_of(started["flooding"]) == ()


def test_following_hears_pods_that_come_later_and_misses_nothing_when_it_is_cut(
    started: dict[str, App], cluster: Cluster, apps: Apps
) -> None:
    app = started["pair"]
    app.completed()
    detour = cluster.detour()
    app.access, direct = apps.access(port=detour.port), app.access
    follower = Follower(app, tail=1)
    try:
        follower.until(lambda told: len({one.pod for one in told}) == 2, "both pods")
        detour.refuse()
        before = len(follower.lines)
        wait_until(lambda: len(lines_of(App(direct, app.spec), since_seconds=2)) > 5, what="more lines")
        detour.restore()
        follower.until(lambda told: len(told) > before + 10, "lines after the cut")
        app.access = direct
        app.change(replicas=3)
        app.apply()
        follower.until(lambda told: len({one.pod for one in told}) == 3, "the third pod")
        pods = {one.pod for one in follower.lines}
        follower.until(lambda _: all(len(follower.numbers(pod)) > 10 for pod in pods), "lines of each")
    finally:
        follower.end()
        detour.close()
        app.access = direct
    for pod in pods:
        numbers = follower.numbers(pod)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_fifty_thousand_lines_at_once_arrive_whole_and_in_order(started: dict[str, App]) -> None:
    app = started["flooding"]
    follower = Follower(app)
    app.change(replicas=1)
    app.apply()
    try:
        follower.until(lambda told: len(told) > FLOOD, "the whole flood")
    finally:
        follower.end()
    (pod,) = {one.pod for one in follower.lines}
    assert follower.numbers(pod) == list(range(1, FLOOD + 1))


def test_following_goes_on_behind_the_line_that_was_seen_last(started: dict[str, App]) -> None:
    app = started["quiet"]
    app.completed()
    (seen,) = lines_of(app)
    follower = Follower(app, after="2026-01-01T00:00:00.000000000Z")
    follower.until(len, "the line")
    follower.end()
    assert [one.message for one in follower.lines] == [seen.message]
    behind = Follower(app, after=seen.timestamp)
    chatty = Follower(started["pair"], tail=0)
    chatty.until(lambda told: len(told) > 10, "time to pass")
    behind.end()
    chatty.end()
    assert behind.lines == []


def test_following_ends_when_the_cluster_refuses_the_log_in(started: dict[str, App], apps: Apps) -> None:
    app = started["quiet"]
    request = FollowRequest(access=apps.access(user="nobody"), app=app.request.app)
    with pytest.raises(Exception, match="does not allow the kubeconfig's account to list Pods"):
        next(iter(follow(request, threading.Event())))
