"""Cron expressions: what is taken, when it comes, and what the clocks' changes do to it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest

from chalicelib.core.schedules import cron
from chalicelib.core.schedules.cron import BadCron

BERLIN, NEW_YORK, CAIRO = "Europe/Berlin", "America/New_York", "Africa/Cairo"


def times(expression: str, zone: str, after: str, many: int = 3) -> list[str]:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    cron.validate(expression, zone)
    found = islice(cron.upcoming(expression, zone, moment), many)
    return [time.strftime("%Y-%m-%d %H:%M") for time in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * *", ["2026-01-31 23:59", "2026-02-01 00:00"]),
        ("*/15 * * * *", ["2026-02-01 00:00", "2026-02-01 00:15"]),
        ("5-20/10 3 * * *", ["2026-02-01 03:05", "2026-02-01 03:15"]),
        ("0 1,13 * * *", ["2026-02-01 01:00", "2026-02-01 13:00"]),
        ("0 2 * * *", ["2026-02-01 02:00", "2026-02-02 02:00"]),
        ("0 0 * JAN,mar *", ["2026-03-01 00:00", "2026-03-02 00:00"]),
        ("0 9 * * MON-FRI", ["2026-02-02 09:00", "2026-02-03 09:00"]),
        ("0 0 * * 7", ["2026-02-01 00:00", "2026-02-08 00:00"]),
        ("0 0 * * 0", ["2026-02-01 00:00", "2026-02-08 00:00"]),
        ("@hourly", ["2026-02-01 00:00", "2026-02-01 01:00"]),
        ("@daily", ["2026-02-01 00:00", "2026-02-02 00:00"]),
        ("@weekly", ["2026-02-01 00:00", "2026-02-08 00:00"]),
        ("@monthly", ["2026-02-01 00:00", "2026-03-01 00:00"]),
        ("@yearly", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("0 0 31 * *", ["2026-03-31 00:00", "2026-05-31 00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
        ("0 0 28-31 2 *", ["2026-02-28 00:00", "2027-02-28 00:00"]),
        # Both days restricted: either will do, as in cron. One that begins with a star: both must hold.
        ("0 0 13 * FRI", ["2026-02-06 00:00", "2026-02-13 00:00"]),
        ("0 0 15 * MON", ["2026-02-02 00:00", "2026-02-09 00:00"]),
        ("0 0 */2 * MON", ["2026-02-09 00:00", "2026-02-23 00:00"]),
    ],
)
def test_an_expression_comes_when_cron_would_run_it(expression: str, expected: list[str]) -> None:
    assert times(expression, "UTC", "2026-01-31T23:58:30", 2) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # The clocks skip 02:00 to 03:00: a time of day in the gap runs when the gap is over, once.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29 01:00", "2026-03-30 00:30"]),
        ("0 2,3 * * *", BERLIN, "2026-03-28T12:00", ["2026-03-29 01:00", "2026-03-30 00:00"]),
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00", ["2026-03-08 07:00", "2026-03-09 06:30"]),
        # What follows the clock goes on through the gap: no hour of real time is left out or doubled.
        ("0 * * * *", BERLIN, "2026-03-28T23:30", ["2026-03-29 00:00", "2026-03-29 01:00"]),
        # The clocks show 02:00 to 03:00 twice: a time of day runs the first time only.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("30 2 * * *", BERLIN, "2026-10-25T00:30", ["2026-10-26 01:30", "2026-10-27 01:30"]),
        ("30 2 * * *", BERLIN, "2026-10-25T01:10", ["2026-10-26 01:30", "2026-10-27 01:30"]),
        ("30 1 * * *", NEW_YORK, "2026-10-31T12:00", ["2026-11-01 05:30", "2026-11-02 06:30"]),
        # What follows the clock runs in both.
        ("*/30 2 * * *", BERLIN, "2026-10-25T00:00", ["2026-10-25 00:30", "2026-10-25 01:00"]),
        ("0 * * * *", BERLIN, "2026-10-24T23:30", ["2026-10-25 00:00", "2026-10-25 01:00"]),
        # A gap at midnight.
        ("0 0 * * *", CAIRO, "2026-04-23T12:00", ["2026-04-23 22:00", "2026-04-24 21:00"]),
        # Zones that are not whole hours from UTC.
        ("0 9 * * *", "Asia/Kathmandu", "2026-01-01T00:00", ["2026-01-01 03:15", "2026-01-02 03:15"]),
    ],
)
def test_changes_of_the_clocks_neither_lose_nor_double_a_run(
    expression: str, zone: str, after: str, expected: list[str]
) -> None:
    assert times(expression, zone, after, 2) == expected


@pytest.mark.parametrize("zone", [BERLIN, NEW_YORK, "Australia/Lord_Howe", CAIRO, "America/St_Johns"])
@pytest.mark.parametrize("expression", ["0 2 * * *", "30 2 * * *", "0 0 * * *", "59 23 * * *"])
def test_a_daily_time_comes_once_on_every_day_of_the_year(expression: str, zone: str) -> None:
    found = islice(cron.upcoming(expression, zone, datetime(2026, 1, 1, 12, tzinfo=UTC)), 365)
    days = [time.astimezone(cron.zone(zone)).date() for time in found]
    assert len(set(days)) == 365


def test_asking_step_by_step_finds_what_asking_at_once_finds() -> None:
    start = moment = datetime(2026, 10, 24, tzinfo=UTC)
    for expected in islice(cron.upcoming("*/20 1-3 * * *", BERLIN, start), 40):
        found = cron.next_after("*/20 1-3 * * *", BERLIN, moment)
        assert found == expected
        moment = found


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * *", "6 fields"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day-of-month"),
        ("* * * 13 *", "month"),
        ("* * * JANUARY *", "month"),
        ("* * * * 8", "day-of-week"),
        ("5-1 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("1,,2 * * * *", "minute"),
        ("-1 * * * *", "minute"),
        ("\u0661 * * * *", "minute"),
        ("* * L * *", "day-of-month"),
        ("* * * * 1#2", "day-of-week"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
        ("@reboot", "not known"),
        ("* " * 200, "200 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_field_that_is_wrong(expression: str, word: str) -> None:
    with pytest.raises(BadCron, match=word) as refused:
        cron.validate(expression)
    assert refused.value.field == "cron_expression"


@pytest.mark.parametrize(
    "zone", ["", "Mars/Phobos", "Europe", "../etc/passwd", "/etc/localtime", "localtime", "a" * 300, "\0"]
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadCron) as refused:
        cron.validate("* * * * *", zone)
    assert refused.value.field == "timezone"
