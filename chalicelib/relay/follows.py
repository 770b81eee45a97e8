"""Follows logs for people: every line of every pod of an app, in batches, straight to their connections.

A connection that takes no more holds up its own stream, down to the cluster's node: nothing is dropped. Each
message has a cursor, so that whoever comes again misses nothing and hears nothing twice.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring as quoted
from typing import Any

from chalicelib.aws import sockets
from chalicelib.core.logstreams import orders, streams, sweeping
from chalicelib.core.logstreams.orders import FollowOrder
from chalicelib.kernel import clock
from chalicelib.kernel.errors import TargetError
from chalicelib.kernel.logs import log
from chalicelib.relay.line import NOTICE_SECONDS, Line
from chalicelib.targets.kubernetes.follow import follow
from chalicelib.targets.kubernetes.replies import LogLine
from chalicelib.targets.kubernetes.requests import Mark

Json = dict[str, Any]

FRAME_BYTES = 100_000
"""Of lines in a message; one alone may be a little larger. The gateway takes 128 KiB."""
MOST_PODS = 200
CLOSING = "This connection ends in {} seconds. Connect again with the cursor to go on."
OVER = "The deployment was deleted: no more will come."
BROKEN = "The relay failed while it followed this log ({})." + sweeping.COME_AGAIN
SHUT_DOWN = "The relay was shut down." + sweeping.COME_AGAIN


class Marks:
    """How far each pod's log was told; of pods that are long gone nothing is kept."""

    def __init__(self, known: dict[str, Mark]) -> None:
        self._known = {pod: (mark.timestamp, mark.lines) for pod, mark in known.items()}

    def note(self, line: LogLine) -> None:
        when, lines = self._known.pop(line.pod, ("", 0))
        self._known[line.pod] = (line.timestamp, lines + 1 if when == line.timestamp else 1)
        if len(self._known) > MOST_PODS:
            del self._known[next(iter(self._known))]

    @property
    def cursor(self) -> str:
        return orders.cursor({pod: Mark(timestamp=w, lines=n) for pod, (w, n) in self._known.items()})


class FollowRun:
    """``done`` is called once, at the end, by the run's own thread, which alone talks to the person."""

    def __init__(
        self, order: FollowOrder, connection_id: str, boot: str, done: Callable[[FollowRun], None]
    ) -> None:
        self.connection_id = connection_id
        self._order = order
        self._boot = boot
        self._done = done
        self._stop = threading.Event()
        self._line = Line(connection_id)
        self._marks = Marks(dict(order.request.marks))
        self._number = 0
        self._reason: str | None = None
        self._thread = threading.Thread(target=self._run, name=f"log-{connection_id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, reason: str | None = None) -> None:
        """``reason`` is for the person, if there is one still."""
        self._reason = reason
        self._stop.set()

    def join(self, seconds: float) -> None:
        self._thread.join(max(0.0, seconds))

    def _run(self) -> None:
        try:
            if streams.begin(self.connection_id, self._boot):
                self._follow()
            if self._reason:
                self._last_words(self._reason)
        except sockets.Gone:
            log().info("log's reader is gone", connection=self.connection_id)
        except TargetError as error:
            self._last_words(error.message)
        except Exception as error:  # noqa: BLE001 - becomes the stream's last words
            log().exception("following failed", connection=self.connection_id)
            self._last_words(BROKEN.format(type(error).__name__))
        finally:
            self._done(self)

    def _follow(self) -> None:
        for batch in follow(self._order.request, self._stop):
            for frame in self._frames(batch):
                while not self._line.send(frame) and not self._stop.is_set():
                    continue
            self._look_at_the_clock()
        if not self._stop.is_set():
            self._line.say_surely({"type": "end", "data": OVER, "close": 1000})
            self._line.close()

    def _frames(self, batch: list[LogLine]) -> Iterator[bytes]:
        texts: list[str] = []
        size = 0
        for line in batch:
            text = _shown(line)
            length = len(text.encode())
            if texts and size + length > FRAME_BYTES:
                yield self._frame(texts)
                texts, size = [], 0
            texts.append(text)
            size += length
            self._marks.note(line)
        if texts:
            yield self._frame(texts)

    def _frame(self, texts: list[str]) -> bytes:
        self._number += 1
        head = json.dumps({"type": "logs", "seq": self._number, "cursor": self._marks.cursor})
        return f'{head[:-1]}, "logs": [{", ".join(texts)}]}}'.encode()

    def _look_at_the_clock(self) -> None:
        if self._line.take_notice():
            told = {"data": CLOSING.format(NOTICE_SECONDS), "cursor": self._marks.cursor}
            self._line.say_surely({"type": "closing", **told})
        elif self._line.silent_for_long:
            self._line.say({"type": "ping", "data": ""})

    def _last_words(self, reason: str) -> None:
        sockets.dismiss(self.connection_id, reason)


def _shown(line: LogLine) -> str:
    """JSON by hand, which is three times as fast: only the message can hold what must be escaped."""
    return (
        f'{{"timestamp": "{line.timestamp}", "level": "{line.level}", "message": {quoted(line.message)}, '
        f'"source": "{line.source}", "pod": "{line.pod}"}}'
    )


class Follows:
    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._lock = threading.Lock()
        self._runs: dict[str, FollowRun] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._runs)

    def open(self, connection_id: str, body: Json) -> None:
        if body["expires"] < clock.epoch():
            streams.end(connection_id)
            sockets.dismiss(connection_id, sweeping.NOT_TAKEN)
            return
        order = orders.unseal(connection_id, body["sealed"])
        run = FollowRun(order, connection_id, self._boot, self._ended)
        with self._lock:
            self._runs[connection_id] = run
        log().info("log followed", connection=connection_id, app=order.request.app.app_name)
        run.start()

    def leave(self, connection_id: str) -> None:
        with self._lock:
            run = self._runs.get(connection_id)
        if run is not None:
            run.stop()

    def shut_down(self, seconds: float) -> None:
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop(SHUT_DOWN)
        for run in runs:
            run.join(seconds / len(runs))

    def _ended(self, run: FollowRun) -> None:
        with self._lock:
            self._runs.pop(run.connection_id, None)
        try:
            streams.end(run.connection_id)
        except Exception:  # noqa: BLE001 - the sweep ends it
            log().exception("stream's end not recorded", connection=run.connection_id)
