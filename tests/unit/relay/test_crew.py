"""Jobs in order, never more at once than the limit of the moment."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from chalicelib.relay import crew as crews
from chalicelib.relay.crew import Crew


class Meter:
    """Counts how many jobs run at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = self.done = 0
        self.gate = threading.Event()
        self.all_done = threading.Event()

    def job(self, total: int) -> Callable[[], None]:
        def work() -> None:
            with self._lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.gate.wait(30)
            with self._lock:
                self.now -= 1
                self.done += 1
                if self.done == total:
                    self.all_done.set()

        return work


def until(holds: Callable[[], bool]) -> bool:
    ended = threading.Event()
    return any(holds() or ended.wait(0.01) for _ in range(3000)) and holds()


def test_never_more_at_once_than_the_limit() -> None:
    crew, meter = Crew("t", 3), Meter()
    for _ in range(20):
        crew.add(meter.job(20))
    assert until(lambda: meter.now == 3)
    assert (crew.running, crew.waiting) == (3, 17)
    meter.gate.set()
    assert meter.all_done.wait(30)
    assert meter.most == 3


def test_a_higher_limit_takes_effect_at_once_and_a_lower_one_as_jobs_end() -> None:
    crew, meter = Crew("t", 1), Meter()
    for _ in range(30):
        crew.add(meter.job(30))
    assert until(lambda: meter.now == 1)
    crew.set_limit(4)
    assert until(lambda: meter.now == 4)
    crew.set_limit(2)
    meter.gate.set()
    assert meter.all_done.wait(30)
    assert meter.most == 4
    assert until(lambda: crew.running == 0)
    again = Meter()
    for _ in range(10):
        crew.add(again.job(10))
    assert until(lambda: again.now == 2)
    again.gate.set()
    assert again.all_done.wait(30)
    assert again.most == 2


def test_jobs_are_begun_in_the_order_they_came() -> None:
    crew, seen, done = Crew("t", 1), [], threading.Event()
    for number in range(50):
        crew.add(lambda number=number: seen.append(number))  # type: ignore[misc]
    crew.add(done.set)
    assert done.wait(30)
    assert seen == list(range(50))


def test_a_job_that_fails_takes_no_thread_with_it() -> None:
    crew, done = Crew("t", 1), threading.Event()

    def fail() -> None:
        raise RuntimeError("on purpose")

    for _ in range(3):
        crew.add(fail)
    crew.add(done.set)
    assert done.wait(30)


def test_threads_go_when_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crews, "IDLE_SECONDS", 0.05)
    crew, done = Crew("idle-test", 4), threading.Event()
    crew.add(done.set)
    assert done.wait(30)

    def alive() -> int:
        return sum(thread.name.startswith("idle-test") for thread in threading.enumerate())

    assert until(lambda: alive() == 0)
    done.clear()
    crew.add(done.set)
    assert done.wait(30), "and come again"
