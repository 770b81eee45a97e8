"""When each Ingress is first shown by an API server: the last object that is applied of an app."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, watch
from urllib3.exceptions import ProtocolError

from tests.support.kubernetes import Cluster

WITHIN = 60.0
"""Seconds for one to be there at all."""


class Seen:
    """Names of Ingresses, and when each was first shown. Asking instead would cost the API server more."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self._changed = threading.Condition()

    def add(self, name: str) -> None:
        with self._changed:
            self._at.setdefault(name, time.perf_counter())
            self._changed.notify_all()

    def when(self, name: str) -> float:
        with self._changed:
            if not self._changed.wait_for(lambda: name in self._at, WITHIN):
                raise TimeoutError(f"no Ingress {name} within {WITHIN:.0f} s")
            return self._at[name]


@contextmanager
def seen(cluster: Cluster) -> Iterator[Seen]:
    found = Seen()
    stream: Any = watch.Watch()  # type: ignore[no-untyped-call]
    network: Any = client.NetworkingV1Api(cluster.client)
    done = threading.Event()

    def look() -> None:
        try:
            for event in stream.stream(network.list_ingress_for_all_namespaces, timeout_seconds=1800):
                found.add(event["object"].metadata.name)
        except ProtocolError:
            if not done.is_set():  # the cluster ends with the bench
                raise

    threading.Thread(target=look, daemon=True).start()
    yield found
    done.set()
    stream.stop()
