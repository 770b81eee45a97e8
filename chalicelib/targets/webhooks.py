"""One request to an address that a user gave: where it was judged to be, no further, and not for long.

Redirects are not followed, and of the answer no more is read than a person needs to see why it was refused.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from chalicelib.core.outgoing import Destination
from chalicelib.kernel.errors import TransientTargetError

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 10.0
"""From the connection to the answer, however slowly it drips."""
MOST_READ = 2048
"""Bytes of the answer."""
GONE = 410
LONGEST_RETRY_AFTER = 3600


@dataclass(frozen=True)
class Answer:
    """``excerpt`` is the beginning of the body as text; ``retry_after`` is in seconds, where there is one."""

    status: int
    excerpt: str = ""
    retry_after: int | None = None

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300


class _Pinned(http.client.HTTPConnection):
    """Connects to an address of its own while it speaks to, and checks the certificate of, ``to.host``."""

    def __init__(self, to: Destination, address: str, context: ssl.SSLContext | None) -> None:
        super().__init__(to.host, to.port, timeout=CONNECT_SECONDS)
        self.default_port = 443 if to.secure else 80  # left out of the Host header
        self._to = to
        self._address = address
        self._context = context

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._to.port), CONNECT_SECONDS)
        self.sock.settimeout(WHOLE_SECONDS)
        if self._to.secure:
            context = self._context or ssl.create_default_context()
            # The handshake comes apart, so that it can be cut like all that is waited for.
            secured = context.wrap_socket(
                self.sock, server_hostname=self._to.host, do_handshake_on_connect=False
            )
            self.sock = secured
            secured.do_handshake()

    def cut(self) -> None:
        """Ends whatever is waited for."""
        if self.sock is not None:
            with suppress(OSError):  # it may have ended by itself
                self.sock.shutdown(socket.SHUT_RDWR)


def post(
    to: Destination, body: bytes, headers: dict[str, str], context: ssl.SSLContext | None = None
) -> Answer:
    """Whatever the receiver answers; the connection is closed afterwards.

    ``context`` trusts other certificates than the system's. Raises TransientTargetError when it cannot be
    reached, not in time, or not as the one it should be.
    """
    return _send(to, "POST", body, headers, context)


def fetch(to: Destination) -> Answer:
    """The page there. Raises TransientTargetError as :func:`post` does."""
    return _send(to, "GET", None, {"Accept": "*/*"}, None)


def _send(
    to: Destination, method: str, body: bytes | None, headers: dict[str, str], context: ssl.SSLContext | None
) -> Answer:
    until = time.monotonic() + WHOLE_SECONDS
    unreached: OSError | None = None
    for address in to.addresses:
        connection = _Pinned(to, address, context)
        with closing(connection), _limit(until, connection.cut):
            try:
                connection.connect()
            except ssl.SSLCertVerificationError as error:
                told = f"The certificate of {to.host} is not good: {error.verify_message}."
                raise TransientTargetError(told) from error
            except OSError as error:
                unreached = error
                continue
            return _exchange(connection, to, (method, body, headers), until)
    told = f"{to.host} cannot be reached on port {to.port}: {_words(unreached)}."
    raise TransientTargetError(told) from unreached


@contextmanager
def _limit(until: float, end: Callable[[], None]) -> Iterator[None]:
    watch = threading.Timer(max(0.0, until - time.monotonic()), end)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _exchange(
    connection: _Pinned, to: Destination, asked: tuple[str, bytes | None, dict[str, str]], until: float
) -> Answer:
    method, body, headers = asked
    try:
        connection.request(method, to.target, body, headers)
        response = connection.getresponse()
    except (OSError, http.client.HTTPException) as error:
        if time.monotonic() < until:
            raise TransientTargetError(f"{to.host} broke off: {_words(error)}.") from error
        raise _too_slow(to) from error
    if time.monotonic() >= until:  # headers that were cut look like headers that ended
        raise _too_slow(to)
    return Answer(response.status, _beginning(response), _retry_after(response))


def _too_slow(to: Destination) -> TransientTargetError:
    return TransientTargetError(f"{to.host} gave no answer within {WHOLE_SECONDS:.0f} seconds.")


def _beginning(response: http.client.HTTPResponse) -> str:
    """Of the body, as far as it comes: the status says already what became of the request."""
    with suppress(OSError, http.client.HTTPException):
        return _text(response.read(MOST_READ))
    return ""


def _words(error: Exception | None) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _text(body: bytes) -> str:
    """Printable, so that a log of it stays one."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", body.decode("utf-8", "replace"))


def _retry_after(response: http.client.HTTPResponse) -> int | None:
    text = response.getheader("Retry-After", "")
    return min(int(text), LONGEST_RETRY_AFTER) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) else None
