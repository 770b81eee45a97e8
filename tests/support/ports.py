"""Ports that nobody listens on."""

from __future__ import annotations

import random
import socket

# Below the ports that systems give to outgoing connections: one of those could take a port that was found
# free before the server that it is for has bound it.
_RANGE = range(12_000, 32_000)


def free_port() -> int:
    """On every address, as some servers of the tests bind them all."""
    while True:
        port = random.choice(_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        return port
