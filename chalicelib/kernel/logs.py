"""Structured logs: one JSON object a line, with the request's id."""

from __future__ import annotations

import os
from functools import lru_cache

from aws_lambda_powertools import Logger


@lru_cache(maxsize=1)
def log() -> Logger:
    level = os.environ.get("QUARTERDECK_LOG_LEVEL", "INFO").upper()
    # Not the app's name: Chalice has a handler of its own on the logger of that name.
    return Logger(service="control-plane", level=level, use_rfc3339=True)
