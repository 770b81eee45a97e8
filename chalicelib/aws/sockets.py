"""Messages to open WebSocket connections."""

from __future__ import annotations

import contextlib
import json

from botocore.exceptions import ClientError

from chalicelib.aws.clients import client
from chalicelib.kernel.settings import settings


class Gone(Exception):
    """The connection is closed."""


def _management() -> object:
    # The endpoint comes from the environment: the library's own guess of it does not hold everywhere.
    return client("apigatewaymanagementapi", endpoint=settings().socket_endpoint)


def _call(name: str, **arguments: object) -> None:
    try:
        getattr(_management(), name)(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in {"GoneException", "410"}:
            raise Gone from error
        raise


def post(connection_id: str, data: bytes) -> None:
    """At most 128 KiB a message. Raises Gone."""
    _call("post_to_connection", ConnectionId=connection_id, Data=data)


def close(connection_id: str) -> None:
    _call("delete_connection", ConnectionId=connection_id)


def dismiss(connection_id: str, reason: str, code: int = 1011) -> None:
    """The last words on a connection, and its end. ``code`` is the close code, which the gateway cannot send.
    Dismissing who is gone succeeds."""
    with contextlib.suppress(Gone):
        post(connection_id, json.dumps({"type": "error", "data": reason, "close": code}).encode())
        close(connection_id)
