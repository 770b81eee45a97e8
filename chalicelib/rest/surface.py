"""Registers a surface's operations on its blueprint and puts around each what all of them share.

In order: the caller and the rate limit, the role, the parameters and the body, the work, the answer. Every
error leaves in the surface's dialect, and every request leaves one structured line in the log.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypedDict, Unpack

from chalice.app import Blueprint, Request, Response
from pydantic import BaseModel, ValidationError

from chalicelib.core import limits
from chalicelib.core.identity.roles import Permission
from chalicelib.core.limits import Bucket, Standing
from chalicelib.kernel.errors import BadRequest, QuarterdeckError, RateLimited
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import MIB, settings
from chalicelib.rest import auth, idempotency, sizes
from chalicelib.rest.auth import Caller
from chalicelib.rest.dialect import UNEXPECTED, Dialect, invalid

LARGEST_BODY = MIB

JSON = "application/json"

Schema = Callable[[], type[BaseModel]]
"""Names a model without loading it: a cold start loads those of the operations that are called."""


@dataclass(frozen=True)
class Reply:
    """An answer with a status other than 200. ``body`` is JSON-ready, or text of another ``media`` type."""

    body: Any
    status: int = 200
    media: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps(self.body) if self.media == JSON else str(self.body)


@dataclass
class Call:
    """One request as an operation sees it. ``caller`` is set unless the operation is public."""

    address: str
    path: Any = None
    query: Any = None
    body: Any = None
    _caller: Caller | None = None

    @property
    def caller(self) -> Caller:
        if self._caller is None:
            raise TypeError("a public operation has no caller")
        return self._caller


class Facts(TypedDict, total=False):
    """What an operation says of itself; :class:`Operation` has what each means."""

    permission: Permission | None
    query: Schema
    body: Schema
    params: Schema
    bucket: Bucket
    keys: bool
    secret: bool


@dataclass(frozen=True)
class Operation:
    """What is known of an operation before it is called; the tests read it too.

    ``permission`` None makes it public; its ``bucket`` then counts by address. ``keys``: an API key will do.
    ``secret``: the answer holds one, so that what is kept of it for a repeat (Idempotency-Key) is sealed.
    """

    method: str
    path: str
    work: Callable[[Call], Any]
    permission: Permission | None = Permission.READ
    query: Schema | None = None
    body: Schema | None = None
    params: Schema | None = None
    bucket: Bucket | None = None
    keys: bool = True
    secret: bool = False


@dataclass
class Surface:
    """``base`` is the prefix of every path, ``general`` the bucket of operations that name none."""

    name: str
    base: str
    dialect: Dialect
    general: Bucket
    blueprint: Blueprint
    operations: list[Operation] = field(default_factory=list)

    def operation(
        self, method: str, path: str, **facts: Unpack[Facts]
    ) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
        """Decorator."""

        def register(work: Callable[[Call], Any]) -> Callable[[Call], Any]:
            found = Operation(method, self.base + path, work, **facts)
            self.operations.append(found)
            self._route(found)
            return work

        return register

    def _route(self, operation: Operation) -> None:
        def view(**path: str) -> Response:
            return Handling(self, operation, self.blueprint.current_request, path).answer()

        view.__name__ = operation.work.__name__
        route = self.blueprint.route(
            operation.path, methods=[operation.method], name=view.__name__, content_types=["*/*"]
        )
        route(view)


class Handling:
    """One request on its way through."""

    def __init__(
        self, surface: Surface, operation: Operation, request: Request, path: dict[str, str]
    ) -> None:
        self._surface = surface
        self._operation = operation
        self._request = request
        context = request.context
        address = auth.client_address(request.headers, context.get("identity", {}).get("sourceIp", ""))
        self._call = Call(address=address, path=path)
        self._standing: Standing | None = None
        self._retry_after = 0
        self._request_id = str(context.get("requestId", ""))

    def answer(self) -> Response:
        started = time.perf_counter()
        try:
            reply = self._work()
        except QuarterdeckError as error:
            reply = self._refusal(error)
        except Exception:  # noqa: BLE001 - the edge: whatever it was, the answer keeps to the dialect
            log().exception("request failed", request_id=self._request_id)
            reply = self._refusal(QuarterdeckError(UNEXPECTED))
        text = reply.text()
        size = sizes.handed_on(text)
        if size > sizes.LARGEST_ANSWER:
            reply = self._refusal(BadRequest(f"The answer has {size} bytes. Ask for a smaller page."))
            text = reply.text()
        self._log(reply.status, time.perf_counter() - started)
        return self._response(reply, text)

    def _work(self) -> Reply:
        self._admit()
        self._read()
        key = self._request.headers.get("idempotency-key") if self._operation.method == "POST" else None
        if key is None or self._operation.permission is None:
            return _reply(self._operation.work(self._call))
        return self._once(key)

    def _once(self, key: str) -> Reply:
        sealed = self._operation.secret
        owner = f"user-{self._call.caller.user_id}"

        def work() -> dict[str, Any]:
            reply = _reply(self._operation.work(self._call))
            answer = {"status": reply.status, "body": reply.body}
            return idempotency.seal(answer, owner) if sealed else answer

        asked = {"path": self._request.path, "body": str(self._request.raw_body)}
        context = self._surface.blueprint.lambda_context
        kept = idempotency.once(key, owner, asked, work, context)
        kept = idempotency.unseal(kept, owner) if sealed else kept
        return Reply(kept["body"], kept["status"])

    def _admit(self) -> None:
        operation, bucket = self._operation, self._operation.bucket or self._surface.general
        if operation.permission is None:
            self._standing = limits.count_address(bucket, self._call.address)
            return
        token = auth.bearer(self._request.headers.get("authorization"))
        self._call._caller, self._standing = auth.identify(token, self._call.address, bucket)
        if not operation.keys:
            self._call.caller.require_session()
        self._call.caller.require(operation.permission)

    def _read(self) -> None:
        operation = self._operation
        if operation.params is not None:
            self._call.path = _validated(operation.params(), "path", self._call.path)
        if operation.query is not None:
            self._call.query = _validated(operation.query(), "query", dict(self._request.query_params or {}))
        if operation.body is not None:
            self._call.body = _validated(operation.body(), "body", self._json())

    def _json(self) -> Any:
        raw = self._request.raw_body
        if len(raw) > LARGEST_BODY:
            raise BadRequest(f"The request body has {len(raw)} bytes; at most {LARGEST_BODY} are taken.")
        try:
            found = json.loads(raw, parse_constant=_no_constant, parse_float=_finite)
            if b"\\u" in raw:
                json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError) as error:
            raise BadRequest("The request body is not valid JSON.") from error
        return found

    def _refusal(self, error: QuarterdeckError) -> Reply:
        if isinstance(error, RateLimited):
            bucket = self._operation.bucket or self._surface.general
            self._standing = Standing(bucket.requests, 0, limits.window()[1])
            self._retry_after = error.retry_after
        dialect = self._surface.dialect
        return Reply(dialect.body(error), dialect.status(error))

    def _response(self, reply: Reply, text: str) -> Response:
        headers: dict[str, str | list[str]] = {
            **reply.headers,
            "Content-Type": reply.media,
            "X-Request-Id": self._request_id,
        }
        if reply.status == 429:
            headers["Retry-After"] = str(self._retry_after)
        if settings().rate_limits:
            standing = self._standing or self._unspent()
            headers["X-RateLimit-Limit"] = str(standing.limit)
            headers["X-RateLimit-Remaining"] = str(standing.remaining)
            headers["X-RateLimit-Reset"] = str(standing.reset)
        return Response(text, status_code=reply.status, headers=headers)

    def _unspent(self) -> Standing:
        """Of a caller whom we do not know: the size of the bucket, nothing spent."""
        return limits.standing(self._operation.bucket or self._surface.general, 0)

    def _log(self, status: int, seconds: float) -> None:
        caller = self._call._caller
        log().info(
            "request",
            request_id=self._request_id,
            operation=f"{self._surface.name}.{self._operation.work.__name__}",
            method=self._operation.method,
            path=self._request.path,
            status=status,
            milliseconds=round(seconds * 1000, 1),
            user=caller.user_id if caller else None,
            address=self._call.address,
        )


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number past all floats would be stored as infinity, and answered as what is no JSON."""
    number = float(text)
    return number if math.isfinite(number) else _no_constant(text)


def _reply(result: Any) -> Reply:
    return result if isinstance(result, Reply) else Reply(result)


def _validated(model: type[BaseModel], where: str, given: Any) -> Any:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(where, error) from error
