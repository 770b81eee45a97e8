"""Parts of the Kubernetes driver that need no cluster: diagnoses, differences, lines of a log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.kubernetes import diagnosis, diff, failures, lines
from chalicelib.targets.kubernetes.replies import FieldChange, LogLine, Reason

# ---------------------------------------------------------------- what an API server refuses


def answer(status: int, message: str = "", **more: Any) -> TargetError:
    body = {"kind": "Status", "message": message, **more}
    return failures.from_answer(status, json.dumps(body).encode(), "apply Deployment shop")


@pytest.mark.parametrize("status", [408, 409, 410, 429, 500, 502, 503, 504])
def test_what_may_go_by_itself_is_worth_another_try(status: int) -> None:
    assert answer(status, "etcdserver: leader changed").transient


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 415, 422])
def test_what_time_does_not_mend_is_final(status: int) -> None:
    error = answer(status, "no")
    assert not error.transient
    assert failures.status_of(error) == status


def test_a_namespace_on_its_way_out_and_a_quota_not_yet_counted_are_waited_for() -> None:
    ending = {"causes": [{"reason": "NamespaceTerminating", "message": "is being terminated"}]}
    assert answer(403, "forbidden", details=ending).transient
    assert answer(403, "status unknown for quota: app, resources: pods").transient
    assert not answer(403, "exceeded quota: app, requested: pods=1").transient


def test_every_field_that_is_wrong_is_named() -> None:
    causes = [
        {"field": "spec.replicas", "message": "must be greater than or equal to 0"},
        {"field": "spec.selector", "message": "field is immutable"},
    ]
    message = answer(422, "Deployment is invalid: …", details={"causes": causes}).message
    assert "spec.replicas: must be greater" in message
    assert "spec.selector: field is immutable" in message


def test_a_page_of_a_proxy_in_between_is_passed_on_as_it_is() -> None:
    error = failures.from_answer(502, b"<h1>Bad Gateway</h1>", "look")
    assert error.transient
    assert "Bad Gateway" in error.message


# ---------------------------------------------------------------- differences


def test_items_of_lists_are_told_apart_by_name_and_bookkeeping_does_not_count() -> None:
    def one(generation: int, containers: list[dict[str, Any]]) -> dict[str, Any]:
        metadata = {"name": "shop", "generation": generation, "resourceVersion": str(generation)}
        return {"kind": "Deployment", "metadata": metadata, "spec": {"containers": containers}, "status": {}}

    before = one(1, [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}])
    after = one(2, [{"name": "b", "image": "y"}, {"name": "a", "image": "x:2", "tty": True}])
    assert diff.changes(before, after) == (
        FieldChange(path="spec.containers[a].image", before="x:1", after="x:2"),
        FieldChange(path="spec.containers[a].tty", before=None, after=True),
    )


def test_a_difference_between_secrets_shows_where_and_not_what() -> None:
    before = {"kind": "Secret", "metadata": {}, "data": {"A": "aHVzaA==", "B": "Yg=="}}
    after = {"kind": "Secret", "metadata": {}, "data": {"A": "bmV3", "B": "Yg=="}}
    assert diff.changes(before, after) == (FieldChange(path="data.A", before="***", after="***"),)


# ---------------------------------------------------------------- diagnoses


def pod(
    state: dict[str, Any] | None = None,
    last: dict[str, Any] | None = None,
    restarts: int = 0,
    **status: Any,
) -> dict[str, Any]:
    amounts = {"cpu": "100m", "memory": "64Mi"}
    container = {
        "name": "app",
        "image": "ghcr.io/team/app:1",
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": amounts, "limits": amounts},
    }
    told = {"name": "app", "restartCount": restarts, "state": state or {}, "lastState": last or {}}
    return {
        "metadata": {"name": "shop-1", "uid": "u1"},
        "spec": {"containers": [container]},
        "status": {"containerStatuses": [told] if state else [], **status},
    }


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def event(reason: str, message: str) -> dict[str, Any]:
    return {"reason": reason, "message": message, "involvedObject": {"uid": "u1"}}


def found(*pods: dict[str, Any], events: tuple[dict[str, Any], ...] = ()) -> diagnosis.Diagnosis:
    ill = diagnosis.of_pods(pods, events)
    assert ill is not None
    return ill


PULLING = (
    'Failed to pull image "ghcr.io/team/app:1": rpc error: code = Unknown desc = Error response from daemon: '
)


@pytest.mark.parametrize(
    ("told", "hopeless"),
    [
        ("manifest for ghcr.io/team/app:1 not found: manifest unknown", True),
        ("pull access denied for team/app, repository does not exist or may require 'docker login'", True),
        ('Head "https://ghcr.io/v2/": unauthorized: authentication required', True),
        ("Get https://ghcr.io/v2/: net/http: TLS handshake timeout", False),
        ("dial tcp: lookup ghcr.io: no such host", False),
        ("toomanyrequests: rate limit exceeded", False),
    ],
)
def test_an_image_that_will_never_come_is_told_from_a_registry_that_may_come_back(
    told: str, hopeless: bool
) -> None:
    ill = found(pod(waits("ImagePullBackOff")), events=(event("Failed", PULLING + told),))
    assert (ill.reason, ill.hopeless) == (Reason.image_pull, hopeless)
    assert told in ill.message
    assert "rpc error" not in ill.message


def test_a_reference_that_the_node_cannot_read_is_hopeless() -> None:
    assert found(pod(waits("InvalidImageName", "couldn't parse"))).hopeless


def test_crashes_are_given_a_few_tries() -> None:
    ends = {"terminated": {"exitCode": 1, "reason": "Error"}}
    once = found(pod(waits("CrashLoopBackOff"), ends, restarts=1))
    often = found(pod(waits("CrashLoopBackOff"), ends, restarts=3))
    assert (once.reason, once.hopeless, once.crashed_pod) == (Reason.crash_loop, False, "shop-1")
    assert often.hopeless
    assert "started 4 times" in often.message


def test_what_is_hopeless_is_told_before_what_may_mend() -> None:
    slow = pod(waits("ImagePullBackOff", "timeout"))
    killed = pod(waits("CrashLoopBackOff"), {"terminated": {"reason": "OOMKilled", "exitCode": 137}}, 5)
    assert found(slow, killed).reason == Reason.out_of_memory


def test_a_configuration_that_is_wrong_is_named() -> None:
    ill = found(pod(waits("CreateContainerConfigError", 'secret "environment" not found')))
    assert ill.reason == Reason.configuration
    assert 'secret "environment" not found' in ill.message


def test_pods_that_only_need_time_have_nothing_wrong_with_them() -> None:
    assert diagnosis.of_pods([pod(waits("ContainerCreating"))], ()) is None
    assert diagnosis.of_pods([pod({"running": {}})], ()) is None


def replica_set(message: str) -> dict[str, Any]:
    return {"status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": message}]}}


def test_a_quota_that_was_not_counted_yet_is_no_failure() -> None:
    assert diagnosis.of_replica_set(replica_set("forbidden: status unknown for quota: app")) is None
    full = diagnosis.of_replica_set(replica_set("forbidden: exceeded quota: app, requested: pods=1"))
    assert full is not None
    assert full.reason == Reason.quota
    refused = diagnosis.of_replica_set(replica_set("violates PodSecurity baseline"))
    assert refused is not None
    assert refused.reason == Reason.refused


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("Server started", "info"),
        ("ERROR cannot connect", "error"),
        ("2026-01-01 12:00:00,000 WARNING slow", "warn"),
        ('{"level":"debug","msg":"ERROR in a message"}', "debug"),
        ("level=warn msg=x", "warn"),
        ("severity: CRITICAL", "error"),
        ("E0102 10:00:00.000000 1 server.go:1] x", "error"),
        ("[DEBUG] x", "debug"),
        ("no errors, TERRORS or INFORMATION", "info"),
        ("Traceback (most recent call last):", "error"),
        ("level=unheard-of", "info"),
    ],
)
def test_the_level_is_what_the_line_says_of_itself(message: str, level: str) -> None:
    assert lines.level_of(message) == level


def stamped(text: str) -> LogLine:
    line = lines.parse(text, "p")
    assert line is not None
    return line


def test_times_are_brought_to_one_form_so_that_their_order_is_the_lines() -> None:
    assert stamped("2026-01-01T10:00:00.5Z a b").timestamp == "2026-01-01T10:00:00.500000000Z"
    assert stamped("2026-01-01T10:00:00+02:00 a").timestamp == "2026-01-01T08:00:00.000000000Z"
    assert stamped("2026-01-01T10:00:00.123456789Z a b").message == "a b"
    assert stamped("2026-01-01T10:00:00Z ").message == ""
    assert lines.parse("unable to retrieve container logs", "p") is None


def test_lines_are_put_together_from_pieces_of_any_size() -> None:
    text = "ä\nb\n\nlast".encode()
    for size in (1, 2, 3, 100):
        chunks = [text[at : at + size] for at in range(0, len(text), size)]
        assert list(lines.split(chunks)) == ["ä", "b", "", "last"]


def test_an_endless_line_is_cut() -> None:
    (line,) = lines.split([b"x" * 50_000] * 10)
    assert len(line) < 200_000
    assert stamped("2026-01-01T10:00:00Z " + line).message.endswith("…")
