"""The last lines of logs, without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import logs, pods
from chalicelib.targets.kubernetes.replies import Logs
from chalicelib.targets.kubernetes.requests import AppRef, ClusterAccess, LogsRequest


class Kubelet:
    """Gives what pods wrote as a node does: forward from the tail's start, up to a limit if there is one."""

    def __init__(self, written: dict[str, list[str]]) -> None:
        self.written = written

    @contextmanager
    def stream(self, path: str, doing: str, query: dict[str, Any]) -> Iterator[Kubelet.Answer]:
        told = self.written[path.split("/")[-2]][-query["tailLines"] :]
        text = "".join(f"{line}\n" for line in told).encode()
        yield Kubelet.Answer(text[: query.get("limitBytes")])

    class Answer:
        def __init__(self, text: bytes) -> None:
            self._text = text

        def stream(self, size: int) -> Iterator[bytes]:
            return (self._text[at : at + size] for at in range(0, len(self._text), size))


def numbered(count: int, size: int, pod: int = 1) -> list[str]:
    """Lines of a millisecond each, one pod's a little behind the other's."""
    times = (f"2026-01-01T00:00:{at // 1000:02}.{at % 1000:03}00{pod}Z" for at in range(count))
    return [f"{time} {at:05}{'.' * size}" for at, time in enumerate(times)]


def asked(monkeypatch: pytest.MonkeyPatch, written: dict[str, list[str]], tail: int) -> Logs:
    kubelet = Kubelet(written)
    monkeypatch.setattr(logs, "connect", lambda _: kubelet)
    found = [{"metadata": {"name": name}} for name in written]
    monkeypatch.setattr(pods, "pods_of", lambda *_: found)
    app = AppRef(deployment_id="d", app_name="shop", namespace="app-shop")
    access = ClusterAccess(kubeconfig=Secret("kind: Config"))
    return logs.logs(LogsRequest(access=access, app=app, tail=tail, previous=False))


def test_of_a_tail_that_is_too_large_the_newest_lines_are_kept_and_the_cut_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = asked(monkeypatch, {"shop-1": numbered(3000, 2000)}, 10_000)
    assert told.cut
    assert told.lines[-1].message.startswith("02999")
    first = 3000 - len(told.lines)
    assert [int(line.message[:5]) for line in told.lines] == list(range(first, 3000))
    assert sum(len(line.message) for line in told.lines) > logs.MOST_CHARACTERS * 0.9


@pytest.mark.parametrize(("tail", "shown", "cut"), [(25, 20, False), (20, 20, False), (15, 15, True)])
def test_lines_that_are_left_out_between_pods_are_told_as_well(
    monkeypatch: pytest.MonkeyPatch, tail: int, shown: int, cut: bool
) -> None:
    written = {"shop-1": numbered(10, 1), "shop-2": numbered(10, 1, 2)}
    told = asked(monkeypatch, written, tail)
    assert (len(told.lines), told.cut) == (shown, cut)
