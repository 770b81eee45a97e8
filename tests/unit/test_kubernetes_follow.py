"""Where a log that is followed goes on, without a cluster."""

from __future__ import annotations

import pytest

from chalicelib.core.logstreams import orders
from chalicelib.relay.follows import Marks
from chalicelib.targets.kubernetes.follow import Place
from chalicelib.targets.kubernetes.replies import LogLine

# Two lines of one instant, late ones of another output, and a second that ends in between.
WRITTEN = ("00.5", "00.9", "00.9", "00.7", "01.1", "00.95", "01.1", "01.1", "01.05", "01.2", "03.0", "02.9")


def line(number: int) -> LogLine:
    second, fraction = WRITTEN[number].split(".")
    return LogLine(f"2026-01-01T10:00:{second}.{fraction:0<9}Z", "shop-1", str(number), "info")


def read(place: Place, first: int, last: int) -> list[LogLine]:
    """As the node gives the log again, which leaves out what is before ``since``."""
    place.begin()
    given = [line(number) for number in range(first, last)]
    since = place.since
    return [new for one in given if one.timestamp[:19] >= since and (new := place.new(one))]


@pytest.mark.parametrize("cut", range(len(WRITTEN) + 1))
def test_a_log_that_is_cut_goes_on_without_a_loss_or_a_repeat(cut: int) -> None:
    place = Place(None)
    told = read(place, 0, cut) + read(place, 0, len(WRITTEN))
    assert [int(one.message) for one in told] == list(range(len(WRITTEN)))


@pytest.mark.parametrize("cut", range(1, len(WRITTEN) + 1))
def test_whoever_comes_again_with_a_cursor_goes_on_at_the_same_place(cut: int) -> None:
    marks = Marks({})
    for one in read(Place(None), 0, cut):
        marks.note(one)
    again = Place(None, orders.read_cursor(marks.cursor)["shop-1"])
    assert [int(one.message) for one in read(again, 0, len(WRITTEN))] == list(range(cut, len(WRITTEN)))


def test_times_are_told_in_the_order_of_the_log() -> None:
    times = [one.timestamp for one in read(Place(None), 0, len(WRITTEN))]
    assert times == sorted(times)
    assert times[3] == line(2).timestamp


def test_lines_that_a_thrown_away_file_had_are_not_waited_for() -> None:
    place = Place(None)
    read(place, 0, 5)
    assert [int(one.message) for one in read(place, 9, 12)] == [9, 10, 11]


def test_a_clock_that_is_set_back_silences_no_log() -> None:
    place = Place(None, None)
    place.begin()
    told = [place.new(line(number)) for number in (10, 0, 1)]
    assert [one.timestamp if one else None for one in told] == [line(at).timestamp for at in (10, 0, 1)]


def test_behind_a_time_all_of_its_lines_were_heard() -> None:
    assert [int(one.message) for one in read(Place(line(1).timestamp), 0, 6)] == [4, 5]


@pytest.mark.parametrize("made_up", ["0001-01-01T00:00:00Z", "yesterday"])
def test_a_mark_that_is_no_time_is_left_to_the_api_server(made_up: str) -> None:
    assert Place(made_up).since == made_up[:19]
