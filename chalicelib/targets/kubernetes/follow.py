"""An app's log as it is written: every pod, also those that come later, until somebody says stop.

For a relay, which has the time: here alone the driver waits. Streams that are cut go on behind the last line
that was handed on, so that nothing is lost and nothing comes twice.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import urllib3

from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError
from chalicelib.targets.kubernetes import failures, lines, names, pods, removal
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.logs import log_path
from chalicelib.targets.kubernetes.replies import LogLine
from chalicelib.targets.kubernetes.requests import AppRequest, FollowRequest, Mark

LOOK_SECONDS = 2.0
"""How often new pods are looked for, and how long after its end a stream is asked for again."""
IDLE_SECONDS = 60.0
"""A stream on which nothing came for so long is opened anew, in case nobody is at its other end."""
WAIT_SECONDS, GATHER_SECONDS = 0.25, 0.03
"""For the first of a batch, so that ``stop`` is heard; and for company."""
MOST_LINES = 20_000
"""That wait for a slow reader before the streams are held up."""


def follow(request: FollowRequest, stop: threading.Event) -> Iterator[list[LogLine]]:
    """``kubernetes.follow``: batches of lines as they come, each batch in time order; an empty one whenever
    nothing came for a moment, so that who reads can look at the clock.

    Ends soon after ``stop``, and when the app is gone with its namespace, once pods of it were seen. Raises
    PermanentTargetError when the cluster does not let us look.
    """
    following = _Following(request, stop)
    try:
        yield from following.batches()
    finally:
        following.end()


class _Following:
    def __init__(self, request: FollowRequest, stop: threading.Event) -> None:
        self._request = request
        self._server = connect(request.access)
        self._asked = stop
        self._ended = threading.Event()
        self._basket = Basket(self._ended)
        self._refusal: TargetError | None = None
        self._gone = threading.Event()
        self._readers: dict[str, _Reader] = {}
        self._seen = False
        self._watcher = threading.Thread(target=self._watch, name="log-pods", daemon=True)

    def batches(self) -> Iterator[list[LogLine]]:
        self._watcher.start()
        while not self._asked.is_set():
            batch = self._basket.take()
            if not batch and self._refusal:
                raise self._refusal
            if not batch and self._gone.is_set():
                return
            yield sorted(batch, key=lambda line: line.timestamp)

    def end(self) -> None:
        self._ended.set()
        for reader in list(self._readers.values()):
            reader.hang_up()

    # ------------------------------------------------------------------ pods

    def _watch(self) -> None:
        first = True
        while not (self._ended.is_set() or self._gone.is_set()):
            try:
                self._look(first)
                first = False
            except TransientTargetError:
                pass  # away for a while: the streams that are open may go on
            except PermanentTargetError as refusal:
                self._refusal = refusal
                return
            self._ended.wait(LOOK_SECONDS)

    def _look(self, first: bool) -> None:
        found = {pod["metadata"]["name"]: pod for pod in pods.pods_of(self._server, self._request.app)}
        for name in found.keys() - self._readers.keys():
            # What came later is shown from its beginning.
            anew = first and self._request.after is None and not self._request.marks
            tail = self._request.tail if anew else None
            reader = _Reader(self._server, self._request, name, self._ended, self._basket, tail)
            self._readers[name] = reader
            reader.start()
        for name in self._readers.keys() - found.keys():
            if not self._readers[name].is_alive():
                del self._readers[name]
        self._seen = self._seen or bool(found)
        if self._seen and not self._readers and self._is_gone():
            self._gone.set()

    def _is_gone(self) -> bool:
        request = AppRequest(access=self._request.access, app=self._request.app)
        return removal.namespace_state(request).state in {"gone", "foreign"}


class _Reader(threading.Thread):
    """One pod's log, through restarts of its container and cuts of the connection."""

    def __init__(
        self,
        server: ApiServer,
        request: FollowRequest,
        pod: str,
        ended: threading.Event,
        basket: Basket,
        tail: int | None,
    ) -> None:
        super().__init__(name=f"log-{pod}", daemon=True)
        self._server, self._request, self._pod = server, request, pod
        self._ended, self._basket, self._tail = ended, basket, tail
        self._place = Place(request.after, request.marks.get(pod))
        self._response: urllib3.BaseHTTPResponse | None = None

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self._read()
            except TargetError as error:  # most often: cut, or nothing came for long
                if failures.status_of(error) == 404:
                    return  # the pod is gone
            self._ended.wait(LOOK_SECONDS / 2)

    def _read(self) -> None:
        doing = f"follow the log of {self._pod}"
        path = log_path(self._request.app, self._pod)
        with self._server.stream(path, doing, self._query(), IDLE_SECONDS) as response:
            self._response = response
            self._place.begin()
            for texts in lines.pieces(response.stream(65536)):
                told = [line for text in texts if (line := lines.parse(text, self._pod))]
                self._basket.put([new for line in told if (new := self._place.new(line))])

    def _query(self) -> dict[str, Any]:
        query: dict[str, Any] = {"container": names.CONTAINER, "follow": "true", "timestamps": "true"}
        if self._place.timestamp:
            return query | {"sinceTime": self._place.since + "Z"}
        return query | ({} if self._tail is None else {"tailLines": self._tail})

    def hang_up(self) -> None:
        response = self._response
        if isinstance(response, urllib3.HTTPResponse):
            with contextlib.suppress(ValueError, OSError):  # at its end already
                response.shutdown()


class Basket:
    """Lines of all pods until they are taken: they come one at a time, and go as a batch."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended
        self._lines: list[LogLine] = []
        self._changed = threading.Condition()

    def put(self, piece: list[LogLine]) -> None:
        """Waits while it is full."""
        with self._changed:
            while len(self._lines) >= MOST_LINES and not self._ended.is_set():
                self._changed.wait(WAIT_SECONDS)
            if piece and not self._lines:
                self._changed.notify_all()
            self._lines += piece

    def take(self) -> list[LogLine]:
        """All there is, waiting a moment for the first of it and a shorter one for company."""
        with self._changed:
            if not self._lines:
                self._changed.wait(WAIT_SECONDS)
        if not self._lines:
            return []
        self._ended.wait(GATHER_SECONDS)
        with self._changed:
            taken, self._lines = self._lines, []
            self._changed.notify_all()
        return taken


class Place:
    """How far a log was handed on: up to so many lines from the first one of the latest time on.

    A container's two outputs are stamped apart from each other, so a line may be a little older than the one
    before it. It is handed on with that one's time: times then stay in the order of the log, which is what a
    mark, here or in a cursor, tells by.
    """

    def __init__(self, after: str | None, mark: Mark | None = None) -> None:
        self.timestamp = mark.timestamp if mark else after or ""
        # All of that instant, where only the time is known.
        self._handed_on = mark.lines if mark else sys.maxsize
        self._skipping = 0

    @property
    def since(self) -> str:
        """From where the log is read again, in whole seconds: lines a little older count as well."""
        try:
            return (clock.parse(self.timestamp[:19]) - timedelta(seconds=1)).isoformat()[:19]
        except (ValueError, OverflowError):  # of somebody's own making: for the API server to refuse
            return self.timestamp[:19]

    def begin(self) -> None:
        """The log is read again, from ``since`` on."""
        self._skipping = self._handed_on

    def new(self, line: LogLine) -> LogLine | None:
        """The line as it is handed on; None for one that was before."""
        if line.timestamp > self.timestamp:
            return self._reached(line)
        if self._skipping:
            # What is older than the mark's first line lies before it in the log.
            if line.timestamp == self.timestamp or self._skipping < self._handed_on:
                self._skipping -= 1
            return None
        older = line.timestamp < self.timestamp
        if older and line.timestamp[:19] < self.since:  # the node's clock was set back
            return self._reached(line)
        self._handed_on += 1
        return replace(line, timestamp=self.timestamp) if older else line

    def _reached(self, line: LogLine) -> LogLine:
        self.timestamp, self._handed_on, self._skipping = line.timestamp, 1, 0
        return line
