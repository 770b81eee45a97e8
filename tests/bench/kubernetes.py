"""An app's objects applied to a real API server, and its log followed: ours and the official client."""

from __future__ import annotations

import threading
import time
from typing import Any

from kubernetes.dynamic import DynamicClient

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import plan
from chalicelib.targets.kubernetes.api import connect
from chalicelib.targets.kubernetes.cluster import known
from chalicelib.targets.kubernetes.follow import follow
from chalicelib.targets.kubernetes.plan import Standing
from chalicelib.targets.kubernetes.replies import LogLine
from chalicelib.targets.kubernetes.requests import AppSpec, FollowRequest, Host, LogsRequest
from tests.bench.ingresses import seen
from tests.bench.report import Finding, median, ratio, spread
from tests.bench.timing import milliseconds
from tests.jobs.harbour import Harbour
from tests.support import stack as stacks
from tests.support.kube_apps import App, Apps, apps_on
from tests.support.kubernetes import Cluster, running
from tests.support.stack import wait_until

ROUNDS, WARM_UP = 15, 3
OVER_OFFICIAL = 3.0
MOST_SECONDS = 1.0
SMALL = {"cpu": "10m", "memory": "32Mi"}
LINES = 50_000
SECONDS_FOR_TEN_THOUSAND = 1.0


def measure() -> list[Finding]:
    with running() as cluster, apps_on(cluster) as apps:
        return [*_applying(apps), *_posting(cluster, apps), *_following(apps)]


def _applying(apps: Apps) -> list[Finding]:
    """New apps each time, stopped ones: how long a node takes to start pods is not of interest."""
    ours: list[float] = []
    official: list[float] = []
    for number in range(WARM_UP + ROUNDS):
        app, other = (apps.app(replicas=0, hosts=(Host(host="a.example.com"),)) for _ in range(2))
        took = milliseconds(app.apply) / 1000, _by_official(apps, other.spec)
        if number >= WARM_UP:
            ours.append(took[0])
            official.append(took[1])
    seconds, theirs = median(ours), median(official)
    return [
        ratio("kubernetes", "apply / official client", seconds, theirs, OVER_OFFICIAL),
        Finding("kubernetes", "a new app applied", seconds, "s", None, spread(ours)),
        Finding("kubernetes", "the same by the official client", theirs, "s", None, spread(official)),
    ]


def _by_official(apps: Apps, spec: AppSpec) -> float:
    """Seconds for the same applies, one after the other, and nothing looked at first."""
    dynamic: Any = DynamicClient
    resources = _kept.setdefault("resources", dynamic(apps.cluster.client).resources)
    manifests = plan.make(spec, known(connect(apps.access())), Standing()).apply

    def work() -> None:
        for manifest in manifests:
            kind = resources.get(api_version=manifest["apiVersion"], kind=manifest["kind"])
            where = {"namespace": manifest["metadata"].get("namespace")}
            kind.server_side_apply(body=manifest, field_manager="bench", force_conflicts=True, **where)

    return milliseconds(work) / 1000


_kept: dict[str, Any] = {}
"""What the official client found out about the API server, which it asks once."""


def _posting(cluster: Cluster, apps: Apps) -> list[Finding]:
    """From POST, by the packaged app, until the last object stands. An app runs before the next is posted;
    between them, the official client applies the same."""
    official: list[float] = []
    posted: list[float] = []
    took: list[float] = []
    with stacks.running() as stack, seen(cluster) as ingresses:
        harbour = Harbour.open(stack, cluster)
        for number in range(WARM_UP + ROUNDS):
            started = time.perf_counter()
            made = harbour.create(resources=SMALL)
            answered = time.perf_counter() - started
            stands = ingresses.when(made["app_name"]) - started
            if number >= WARM_UP:
                posted.append(answered)
                took.append(stands)
            harbour.running(made)
            by_hand = _by_official(apps, apps.app(replicas=0, hosts=(Host(host="a.example.com"),)).spec)
            official += [by_hand] if number >= WARM_UP else []
        harbour.clear()
    return [
        Finding("kubernetes", "POST to objects applied", median(took), "s", MOST_SECONDS, spread(took)),
        ratio(
            "kubernetes", "POST to objects applied / official", median(took), median(official), OVER_OFFICIAL
        ),
        Finding("kubernetes", "POST to its answer", median(posted), "s", None, spread(posted)),
    ]


def _following(apps: Apps) -> list[Finding]:
    app = apps.applied("flood", env={"MODE": Secret("flood"), "LINES": Secret(str(LINES))})
    app.completed()
    wait_until(lambda: _last_of(app) == str(LINES), seconds=120, what="the flood")
    arrived: list[LogLine] = []
    stop = threading.Event()
    request = FollowRequest(access=app.access, app=app.request.app, after="2000-01-01T00:00:00.000000000Z")
    started = time.perf_counter()
    for batch in follow(request, stop):
        arrived += batch
        if len(arrived) > LINES:  # and the app's own first line
            stop.set()
    seconds = time.perf_counter() - started
    told = [line.message for line in arrived if line.message.isdigit()]
    lost = LINES - len(set(told)) + (told != [str(number) for number in range(1, LINES + 1)])
    return [
        Finding(
            "kubernetes", "10,000 lines followed", seconds * 10_000 / LINES, "s", SECONDS_FOR_TEN_THOUSAND
        ),
        Finding("kubernetes", "lines lost or out of order", lost, "", 0),
    ]


def _last_of(app: App) -> str:
    lines = app.ask("logs", LogsRequest(access=app.access, app=app.request.app, tail=1)).lines
    return lines[0].message if lines else ""
