"""What an app wrote, from all its pods, in time order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.kubernetes import failures, lines, names, pods
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.objects import Manifest, path_of, thing
from chalicelib.targets.kubernetes.replies import LogLine, Logs
from chalicelib.targets.kubernetes.requests import AppRef, LogsRequest

MOST_PODS = 50
MOST_CHARACTERS = 4 * 1024 * 1024
"""Of one container: the last ones."""
_AT_ONCE = 8

Source = Literal["app", "previous"]


class Told(NamedTuple):
    """One container's lines. ``cut``: it had more."""

    lines: list[LogLine]
    cut: bool


def logs(request: LogsRequest) -> Logs:
    """``kubernetes.logs``. An app without a pod has none."""
    server, app = connect(request.access), request.app
    wanted = _containers(pods.pods_of(server, app)[-MOST_PODS:], previous=request.previous)
    if not wanted or request.tail == 0:
        return Logs(lines=())

    def ask(one: tuple[str, Source]) -> Told:
        return _told(server, app, one[0], one[1], request.tail, request.since_seconds)

    with ThreadPoolExecutor(_AT_ONCE) as crew:
        found = list(crew.map(ask, wanted))
    every = list(lines.merged(one.lines for one in found))
    # Each pod was asked for as many lines as all of them may have, so the last of all are among them.
    cut = len(every) > request.tail or any(one.cut for one in found)
    return Logs(lines=tuple(every[-request.tail :]), cut=cut)


def _containers(found: list[Manifest], *, previous: bool) -> list[tuple[str, Source]]:
    wanted: list[tuple[str, Source]] = []
    for pod in found:
        name = pod["metadata"]["name"]
        if previous and pods.container_of(pod).get("restartCount", 0) > 0:
            wanted.append((name, "previous"))
        wanted.append((name, "app"))
    return wanted


def read(server: ApiServer, app: AppRef, pod: str, source: Source, tail: int) -> list[LogLine]:
    """Empty where there is nothing: not started yet, gone already, thrown away by the node."""
    return _told(server, app, pod, source, tail).lines


def _told(
    server: ApiServer, app: AppRef, pod: str, source: Source, tail: int, since_seconds: int | None = None
) -> Told:
    # No limitBytes: the node would stop at the limit, and it is the newest lines that come last.
    query = {
        "container": names.CONTAINER,
        "timestamps": "true",
        "tailLines": tail,
        "sinceSeconds": since_seconds,
        "previous": "true" if source == "previous" else None,
    }
    try:
        with server.stream(log_path(app, pod), f"read the log of {pod}", query) as response:
            texts, dropped = _newest(lines.split(response.stream(65536)))
    except TargetError as error:
        if is_nothing_there(error):
            return Told([], cut=False)
        raise
    found = [line for text in texts if (line := lines.parse(text, pod, source))]
    return Told(found, cut=dropped or len(found) >= tail)


def _newest(texts: Iterable[str]) -> tuple[Iterable[str], bool]:
    """As many of the last as there is room for, and whether there were more."""
    kept: deque[str] = deque()
    size, dropped = 0, False
    for text in texts:
        kept.append(text)
        size += len(text)
        while size > MOST_CHARACTERS:
            size -= len(kept.popleft())
            dropped = True
    return kept, dropped


def log_path(app: AppRef, pod: str) -> str:
    return f"{path_of(thing('Pod', pod, app.namespace))}/log"


def is_nothing_there(error: TargetError) -> bool:
    """400: the container waits to start, or there is none of before. 404: the pod is gone."""
    return failures.status_of(error) in (400, 404)
