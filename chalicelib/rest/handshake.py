"""Who knocks at a WebSocket: by a ticket or a token in the address, by subprotocol, or by header.

A browser can set no header on a WebSocket. Its safe ways are the ticket and the subprotocol: neither stays in
a history or a proxy's log as a token in an address may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core import limits
from chalicelib.core.limits import Bucket
from chalicelib.rest import auth
from chalicelib.rest.auth import Caller

Json = dict[str, Any]

CONNECTING = Bucket("sockets", 60)
SUBPROTOCOL = "bearer"
_HEADER = "sec-websocket-protocol"


def headers_of(event: Json) -> dict[str, str]:
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def _address(event: Json) -> str:
    source = event["requestContext"].get("identity", {}).get("sourceIp", "")
    return auth.client_address(headers_of(event), source)


def count(event: Json) -> None:
    """Where nobody need be known, connections of an address are counted. Raises RateLimited."""
    limits.count_address(CONNECTING, _address(event))


def caller_of(event: Json) -> Caller:
    """Raises Unauthenticated or RateLimited."""
    headers, query = headers_of(event), event.get("queryStringParameters") or {}
    address = _address(event)
    if ticket := query.get("ticket"):
        return auth.identify_by_ticket(ticket, address, CONNECTING)[0]
    token = query.get("token") or _offered(headers) or auth.bearer(headers.get("authorization"))
    return auth.identify(token, address, CONNECTING)[0]


def _protocols(headers: Mapping[str, str]) -> list[str]:
    return [part.strip() for part in headers.get(_HEADER, "").split(",") if part.strip()]


def _offered(headers: Mapping[str, str]) -> str:
    """The token of ``Sec-WebSocket-Protocol: bearer, <token>``."""
    offered = _protocols(headers)
    return offered[1] if len(offered) == 2 and offered[0].lower() == SUBPROTOCOL else ""


def accepted(event: Json) -> Json:
    """The answer that lets in. A client that offered subprotocols must be told which one it is."""
    offered = _protocols(headers_of(event))
    chosen = {"headers": {"Sec-WebSocket-Protocol": offered[0]}} if offered else {}
    return {"statusCode": 200} | chosen
