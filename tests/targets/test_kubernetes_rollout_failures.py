"""Rollouts that fail on a real cluster, each with its reason in words. All run at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.targets.kubernetes.replies import Reason
from chalicelib.targets.kubernetes.requests import HealthCheck, Quota
from tests.support.kube_apps import App, apps_on
from tests.support.kubernetes import Cluster
from tests.support.ports import free_port
from tests.support.registry import empty_registry

pytestmark = [pytest.mark.targets, pytest.mark.timeout(300)]

DEADLINE = {"progress_deadline_seconds": 20}
"""Seconds; for what only the deadline ends."""


@dataclass(frozen=True)
class Case:
    """``words``: parts of the message, in any order. ``log``: a line of the container's last words."""

    changes: dict[str, Any]
    reason: Reason
    words: tuple[str, ...]
    log: str | None = None


def cases(registry: str) -> dict[str, Case]:
    nobody = f"127.0.0.1:{free_port()}/team/app:1"
    return {
        "an image that is not there": Case(
            {"image": f"{registry}/team/app:1"},
            Reason.image_pull,
            (f"The image {registry}/team/app:1 cannot be pulled", "manifest unknown"),
        ),
        "an image that takes a log-in": Case(
            {"image": f"{registry}/private/app:1"}, Reason.image_pull, ("cannot be pulled", "log-in")
        ),
        "a registry that is away": Case(
            {"image": nobody, **DEADLINE}, Reason.image_pull, ("cannot be pulled", "connection refused")
        ),
        "an app that crashes": Case(
            {"mode": "crash", "progress_deadline_seconds": 120},
            Reason.crash_loop,
            ("keeps ending", "exit code 3"),
            log="FATAL cannot open the database",
        ),
        "an app that takes too much memory": Case(
            {"mode": "eat", "memory": "16Mi", "progress_deadline_seconds": 120},
            Reason.out_of_memory,
            ("more memory than the 16Mi",),
        ),
        "an app that does not listen": Case(
            {"mode": "deaf", **DEADLINE}, Reason.probe_failing, ("does not listen on port 8080", "refused")
        ),
        "a health check that fails": Case(
            {
                "health_check": HealthCheck(path="/nowhere", initial_delay_seconds=0, period_seconds=1),
                **DEADLINE,
            },
            Reason.probe_failing,
            ("fails its health check at /nowhere on port 8080", "404"),
        ),
        "a cluster that is too small": Case(
            {"cpu": "200", **DEADLINE}, Reason.no_room, ("200 of processor", "Insufficient cpu")
        ),
        "a quota that is too small": Case(
            {"quota": Quota(cpu="5m", memory="1Gi", pods=3), **DEADLINE}, Reason.quota, ("exceeded quota",)
        ),
        "a program that is not in the image": Case(
            {"command": ("/no/such/program",), **DEADLINE}, Reason.configuration, ("no such file",)
        ),
    }


@dataclass(frozen=True)
class Broken:
    case: Case
    app: App


@pytest.fixture(scope="module")
def broken(cluster: Cluster) -> Iterator[dict[str, Broken]]:
    """All of them, applied at once."""
    with empty_registry() as registry, apps_on(cluster) as apps:
        yield {
            name: Broken(case, apps.applied(**({"mode": "serve"} | case.changes)))
            for name, case in cases(registry).items()
        }


def test_a_failed_update_leaves_what_worked_running_and_is_undone_by_applying_it_again(
    cluster: Cluster, broken: dict[str, Broken]
) -> None:
    """First, while the others fail in their own time."""
    assert broken
    with apps_on(cluster) as apps:
        app = apps.applied("serve")
        good = app.spec
        app.completed()
        # By then its container must run and its probe fail, on a node that is busy with all the others.
        app.change("deaf", revision="2", progress_deadline_seconds=60)
        app.apply()
        failed = app.ended()
        assert (failed.outcome, failed.reason, failed.available) == ("failed", "probe_failing", 1)
        app.change(**dict(good))
        app.apply()
        assert app.completed().revision == "1"


@pytest.mark.parametrize("name", cases("registry"))
def test_a_rollout_fails_with_the_reason_in_words(broken: dict[str, Broken], name: str) -> None:
    case, ended = broken[name].case, broken[name].app.ended()
    assert (ended.outcome, ended.reason) == ("failed", case.reason), ended
    for words in case.words:
        assert words in ended.message
    assert case.log is None or case.log in ended.log
    assert ended.available == 0
