"""The parts of a terminal in the relay: order of what is typed, what was shown, what is recorded."""

from __future__ import annotations

import pytest

from chalicelib.relay import sequence
from chalicelib.relay.recorder import Masker
from chalicelib.relay.scrollback import Scrollback
from chalicelib.relay.sequence import Sequence

# ---------------------------------------------------------------- what was typed


def test_numbered_messages_are_put_in_order_and_taken_once() -> None:
    held = Sequence()
    assert held.take(2, "b") == []
    assert held.take(3, "c") == []
    assert held.take(2, "b again") == []
    assert held.take(1, "a") == ["a", "b", "c"]
    assert held.take(1, "a again") == []
    assert held.take(4, "d") == ["d"]
    assert not held.give_up()


def test_what_follows_on_a_lost_message_is_dropped_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Sequence()
    held.take(1, "rm -r ")
    held.take(3, "/old\r")
    assert not held.give_up()
    monkeypatch.setattr(sequence, "PATIENCE", 0.0)
    assert held.give_up()
    assert held.take(2, "/srv") == []
    assert held.take(4, "ls\r") == ["ls\r"]
    assert not held.give_up()


# ---------------------------------------------------------------- what was shown


def drain(shown: Scrollback, most: int = 4) -> str:
    told = ""
    while text := shown.next(most):
        told += text
        shown.mark_sent(len(text))
    return told


def test_what_is_shown_is_sent_in_parts_and_whole() -> None:
    shown = Scrollback()
    for text in ("one ", "", "two", " three"):
        shown.add(text)
    assert shown.next(6) == "one tw"
    assert drain(shown) == "one two three"
    assert not shown.waiting


def test_who_comes_back_is_told_what_was_not_seen() -> None:
    shown = Scrollback()
    shown.add("0123456789")
    drain(shown)
    shown.add("abc")
    assert shown.go_back(None) == 0
    assert drain(shown) == "abc"
    assert shown.go_back(7) == 0
    assert drain(shown) == "789abc"
    assert shown.go_back(999) == 0
    assert drain(shown) == ""


def test_what_was_sent_long_ago_is_forgotten_and_said_to_be() -> None:
    shown = Scrollback(kept=10)
    for number in range(10):
        shown.add(f"line {number}\n")
        drain(shown)
    assert shown.go_back(0) > 0
    assert drain(shown).endswith("line 8\nline 9\n")


def test_nothing_more_is_read_while_too_much_waits() -> None:
    shown = Scrollback(kept=10)
    shown.add("123456789")
    assert not shown.full
    shown.add("0")
    assert shown.full
    shown.mark_sent(1)
    assert not shown.full


def test_nothing_that_waits_is_ever_forgotten() -> None:
    shown = Scrollback(kept=5)
    for _ in range(100):
        shown.add("x" * 7)
    assert len(drain(shown, 3)) == 700


# ---------------------------------------------------------------- what is recorded


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_secret_is_masked_however_it_is_cut(size: int) -> None:
    masker = Masker(["hunter22", "hunt"])
    text = "the password is hunter22! hunt hun"
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    told = "".join(masker.take(part) for part in parts) + masker.rest()
    assert "hunter22" not in told
    assert "hunt " not in told
    assert told.startswith("the password is ***")
    assert told.endswith(" hun")


def test_too_short_a_secret_would_mask_everything() -> None:
    masker = Masker(["a", ""])
    assert masker.take("banana") + masker.rest() == "banana"
