"""Mail as the embedded AWS has taken it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.support.stack import Stack


@dataclass(frozen=True)
class Sent:
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str


def sent(stack: Stack, to: str) -> list[Sent]:
    """What was sent to ``to``, the oldest first."""
    port = stack.instance.live_run().internal_port
    answer = requests.get(f"http://127.0.0.1:{port}/_ministack/ses/messages", timeout=10)
    answer.raise_for_status()
    messages = [
        Sent(each["Source"], tuple(each["To"]), each["Subject"], each["BodyText"])
        for account in answer.json()["messages"].values()
        for each in account
    ]
    return [message for message in messages if to in message.to]


def received(stack: Stack, to: str, many: int = 1) -> list[Sent]:
    """Waits until ``many`` were sent to ``to``."""
    wait_until(lambda: len(sent(stack, to)) >= many, what=f"mail to {to}")
    return sent(stack, to)
