"""A relay has time: what it must not lose waits until AWS is there again. Functions do not wait; they are
asked again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from chalicelib.aws.trouble import passes
from chalicelib.kernel.logs import log

T = TypeVar("T")

PAUSE_SECONDS = 2.0


def until_answered(call: Callable[[], T]) -> T:
    """What AWS answers, however often it has to be asked. What does not pass by itself is raised."""
    while True:
        try:
            return call()
        except Exception as error:
            if not passes(error):
                raise
            log().warning("AWS did not answer; asking again", error=str(error))
        time.sleep(PAUSE_SECONDS)
