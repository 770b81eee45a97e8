"""Word to the outside: the webhook that `up` finds in its environment, and what became of what was told."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from infra import clusters
from infra.embedded.addresses import SURFACES


def webhook_from(environment: Mapping[str, str]) -> dict[str, Any] | None:
    """The command that sets what WEBHOOK_URL and WEBHOOK_SECRET say, an empty one that nobody is told any
    more; None without WEBHOOK_URL."""
    if "WEBHOOK_URL" not in environment:
        return None
    secret = environment.get("WEBHOOK_SECRET") or None
    url = environment["WEBHOOK_URL"] or None
    return {"command": "set_webhook", "surface": "engine", "url": url, "secret": secret}


def deliveries(options: argparse.Namespace) -> int:
    command = {"command": "list_deliveries", "surfaces": SURFACES, "limit": options.lines}
    found = clusters.asked(options, command)["deliveries"]
    if not found:
        print("Nothing was sent in the last 30 days.")
    for each in found:
        print(_line(each))
    return 0


def _line(found: dict[str, Any]) -> str:
    to, times = ", ".join(found["to"]), found["attempts"]
    told = f"{found['status']}, {times} attempt{'' if times == 1 else 's'}"
    # What a receiver answered is anybody's text: it moves no cursor here.
    error = "".join(one if one.isprintable() else " " for one in found["error"] or "")
    return (
        f"{found['created_at'][:19]}Z {found['surface']:<8} {found['event']:<26} {found['channel']:<8}"
        f"{to:<40} {told}{f': {error}' if error else ''}"
    )
