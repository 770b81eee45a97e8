"""What an app wrote, from all its pods, in time order."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Literal

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.kubernetes import failures, lines, names, pods
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.objects import Manifest, path_of, thing
from chalicelib.targets.kubernetes.replies import LogLine, Logs
from chalicelib.targets.kubernetes.requests import AppRef, LogsRequest

MOST_PODS = 50
MOST_BYTES = 4 * 1024 * 1024
"""Of one container."""
_AT_ONCE = 8

Source = Literal["app", "previous"]


def logs(request: LogsRequest) -> Logs:
    """``kubernetes.logs``. An app without a pod has none."""
    server, app = connect(request.access), request.app
    wanted = _containers(pods.pods_of(server, app)[-MOST_PODS:], previous=request.previous)
    if not wanted or request.tail == 0:
        return Logs(lines=())

    def ask(one: tuple[str, Source]) -> list[LogLine]:
        return read(server, app, one[0], one[1], request.tail, request.since_seconds)

    with ThreadPoolExecutor(_AT_ONCE) as crew:
        found = list(crew.map(ask, wanted))
    told = list(lines.merged(found))
    # Each pod was asked for as many lines as all of them may have, so the last of all are among them.
    return Logs(lines=tuple(told[-request.tail :]), cut=any(len(one) >= request.tail for one in found))


def _containers(found: list[Manifest], *, previous: bool) -> list[tuple[str, Source]]:
    wanted: list[tuple[str, Source]] = []
    for pod in found:
        name = pod["metadata"]["name"]
        if previous and pods.container_of(pod).get("restartCount", 0) > 0:
            wanted.append((name, "previous"))
        wanted.append((name, "app"))
    return wanted


def read(
    server: ApiServer, app: AppRef, pod: str, source: Source, tail: int, since_seconds: int | None = None
) -> list[LogLine]:
    """Empty where there is nothing: not started yet, gone already, thrown away by the node."""
    query = {
        "container": names.CONTAINER,
        "timestamps": "true",
        "tailLines": tail,
        "sinceSeconds": since_seconds,
        "limitBytes": MOST_BYTES,
        "previous": "true" if source == "previous" else None,
    }
    try:
        with server.stream(log_path(app, pod), f"read the log of {pod}", query) as response:
            return list(parsed(response.stream(65536), pod, source))
    except TargetError as error:
        if is_nothing_there(error):
            return []
        raise


def parsed(chunks: Iterator[bytes], pod: str, source: Source = "app") -> Iterator[LogLine]:
    told = (lines.parse(line, pod, source) for line in lines.split(chunks))
    return chain.from_iterable((line,) if line else () for line in told)


def log_path(app: AppRef, pod: str) -> str:
    return f"{path_of(thing('Pod', pod, app.namespace))}/log"


def is_nothing_there(error: TargetError) -> bool:
    """400: the container waits to start, or there is none of before. 404: the pod is gone."""
    return failures.status_of(error) in (400, 404)
