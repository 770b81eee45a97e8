"""One key at a terminal: from its way out of the client until the shell's echo is back.

Ours goes through front door, gateway, function, queue and relay, and back through the gateway. Bare: a shell
of plain paramiko on the same sshd. The two take turns, so that what disturbs one disturbs the other.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

import paramiko
from websockets.sync.client import connect

from tests.bench.fleet import Fleet, fleet
from tests.bench.report import Finding, median, spread
from tests.bench.script import Ours
from tests.bench.timing import interleaved
from tests.support.client import ContractClient
from tests.support.stack import Stack, running

ROUNDS = 101
MOST = 150.0  # milliseconds
WITHIN = 30  # seconds for a key to come back at all
NETWORK = 91
KEYS = "abcdefghijklmnopqrstuvwxyz"
QUIET = "PS1= PS2=; echo 'rea'dy\r"
READY = "ready\r\n"


def measure() -> list[Finding]:
    with fleet() as hosts, running() as stack:
        admin = stack.client("admin")
        address = Fleet.hosts(1, NETWORK)[0]
        server = Ours(admin, hosts).register([address])[0]
        with through_us(stack, admin, server) as ours, bare(hosts, address) as plain:
            taken, direct = interleaved([ours, plain], ROUNDS)
    times = median(taken) / median(direct)
    return [
        Finding("terminal", "echo of a key", median(taken), "ms", MOST, spread(taken)),
        Finding("terminal", "echo of a key / bare shell", times, "x", None, {"bare": spread(direct)}),
    ]


@contextmanager
def through_us(stack: Stack, admin: ContractClient, server: int) -> Iterator[Callable[[], None]]:
    """Types the next key and returns when it is back."""
    address = stack.base_url.replace("http", "ws", 1)
    with connect(f"{address}/birun/ws/terminal/{server}?token={admin.token}") as socket:

        def type_and_see(keys: str, wanted: str) -> None:
            socket.send(json.dumps({"type": "input", "data": keys}))
            screen = ""
            while wanted not in screen:
                message = json.loads(socket.recv(timeout=WITHIN))
                screen += message["data"] if message["type"] == "output" else ""

        type_and_see(QUIET, READY)
        keys = itertools.cycle(KEYS)

        def key() -> None:
            one = next(keys)
            type_and_see(one, one)

        yield key


@contextmanager
def bare(hosts: Fleet, address: str) -> Iterator[Callable[[], None]]:
    """The same on a shell that plain paramiko opened."""
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        client.connect(
            address,
            port=hosts.port,
            username=hosts.username,
            pkey=paramiko.Ed25519Key.from_private_key(StringIO(hosts.private_key)),
            allow_agent=False,
            look_for_keys=False,
        )
        channel = client.invoke_shell()
        channel.settimeout(WITHIN)

        def type_and_see(keys: str, wanted: str) -> None:
            channel.sendall(keys.encode())
            screen = ""
            while wanted not in screen:
                screen += channel.recv(65536).decode(errors="replace")

        type_and_see(QUIET, READY)
        keys = itertools.cycle(KEYS)

        def key() -> None:
            one = next(keys)
            type_and_see(one, one)

        yield key
