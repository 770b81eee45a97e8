"""Writes one chunk's feed: what all its servers say, in order, in as few writes as their pace allows."""

from __future__ import annotations

import threading
import time

from chalicelib.core.executions import feed
from chalicelib.core.executions.feed import FeedEntry, Output, StatusChange
from chalicelib.relay.patience import until_answered

QUICK_SECONDS = 0.02
SLOW_SECONDS = 0.15
"""Least time between two writes of a feed: short while little is said, longer in a flood."""
MOST_PENDING = 8 * 1024 * 1024
"""Bytes that may wait to be written; past it whoever adds has to wait, down to the remote script."""
ENTRY_BYTES = 512 * 1024
_BATCH = 25


class Tape:
    """Thread-safe. ``add`` returns a mark; ``wait`` for it means that all up to there is stored."""

    def __init__(self, execution_id: str, chunk: int) -> None:
        self._execution_id = execution_id
        self._feed = str(chunk)
        self._number = 0
        self._changed = threading.Condition()
        self._pending: list[Output | StatusChange] = []
        self._pending_bytes = 0
        self._added = 0
        self._stored = 0
        self._closing = False
        self._pause = QUICK_SECONDS
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"tape-{chunk}", daemon=True)

    def add(self, told: Output | StatusChange) -> int:
        """Raises what writing failed with, so that nothing runs on with its output lost."""
        with self._changed:
            while self._pending_bytes > MOST_PENDING and self._failure is None:
                self._changed.wait()
            self._check()
            self._append(told)
            self._added += 1
            if self._added == 1:  # a chunk that only waits costs no thread
                self._thread.start()
            self._changed.notify_all()
            return self._added

    def _append(self, told: Output | StatusChange) -> None:
        if isinstance(told, Output):
            self._pending_bytes += len(told.data)
            if self._joins(told):
                last = self._pending.pop()
                assert isinstance(last, Output)
                told = Output(told.part_id, told.server_id, told.stream, last.data + told.data)
        self._pending.append(told)

    def _joins(self, told: Output) -> bool:
        last = self._pending[-1] if self._pending else None
        return (
            isinstance(last, Output)
            and (last.part_id, last.stream) == (told.part_id, told.stream)
            and len(last.data) + len(told.data) <= ENTRY_BYTES
        )

    def wait(self, mark: int) -> None:
        with self._changed:
            while self._stored < mark:
                self._check()
                self._changed.wait()

    def close(self) -> None:
        """Stores what is pending and ends."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            begun = self._added > 0
        if begun:
            self._thread.join()
        self._check()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._number = until_answered(lambda: feed.last_number(self._execution_id, self._feed))
            while self._write_next():
                time.sleep(self._pause)
        except BaseException as error:  # noqa: BLE001 - handed to whoever adds or waits next
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _write_next(self) -> bool:
        with self._changed:
            while not self._pending and not self._closing:
                self._changed.wait()
            self._pause = SLOW_SECONDS if self._pending_bytes > feed.INLINE else QUICK_SECONDS
            batch, self._pending, self._pending_bytes = self._pending, [], 0
            mark, closing = self._added, self._closing
            self._changed.notify_all()
        self._store(batch)
        with self._changed:
            self._stored = mark
            self._changed.notify_all()
        return not closing

    def _store(self, batch: list[Output | StatusChange]) -> None:
        entries: list[FeedEntry] = []
        for told in batch:
            self._number += 1
            entries.append(feed.entry(self._execution_id, self._feed, self._number, told))
        for start in range(0, len(entries), _BATCH):
            until_answered(lambda some=entries[start : start + _BATCH]: feed.write(some))  # type: ignore[misc]
