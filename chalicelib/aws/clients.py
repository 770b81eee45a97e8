"""boto3 clients, one a service and process, made when first used."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

import botocore.session
from botocore.config import Config

# botocore's session and client making are not safe to use from several threads at once.
_making = Lock()


@lru_cache(maxsize=1)
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@lru_cache(maxsize=32)
def _make(service: str, endpoint: str | None, read_timeout: int) -> Any:
    config = Config(
        connect_timeout=5,
        read_timeout=read_timeout,
        max_pool_connections=64,
        retries={"mode": "standard", "max_attempts": 5},
        parameter_validation=False,
    )
    return _session().create_client(service, endpoint_url=endpoint, config=config)


def client(service: str, endpoint: str | None = None, read_timeout: int = 30) -> Any:
    """``read_timeout`` is in seconds; a queue's long poll needs one above its 20."""
    with _making:
        return _make(service, endpoint, read_timeout)


def forget() -> None:
    """Tests only: the next call makes new clients."""
    _make.cache_clear()
    _session.cache_clear()
