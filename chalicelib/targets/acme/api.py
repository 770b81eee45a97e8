"""An authority, spoken to with an account's key. Signing and nonces are the ``acme`` library's."""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests as http
from acme import client, errors, messages
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from josepy.errors import DeserializationError
from josepy.jwa import ES256
from josepy.jwk import JWKEC
from josepy.util import ComparableECKey
from requests.adapters import HTTPAdapter

from chalicelib.kernel import clock
from chalicelib.kernel.errors import TargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.acme import failures
from chalicelib.targets.acme.requests import Account, Authority

SECONDS = 15
"""For the connection, and for each silence after it."""
DIRECTORY_SECONDS = 3600
KEPT = 8
AGENT = "quarterdeck"
_LONGEST_WAIT = 8 * 24 * 3600


class _Trusting(HTTPAdapter):
    """Takes certificates that these roots signed, too."""

    def __init__(self, roots: str) -> None:
        self._context = ssl.create_default_context(cadata=roots)
        # Authorities of one's own often lack the extensions that newer Pythons insist on.
        self._context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._context, **options)


class Session:
    """One key at one authority; its connections and nonces are kept. Use it through :meth:`asking`."""

    def __init__(self, authority: Authority, key: Secret | None) -> None:
        """Raises PermanentTargetError for roots that cannot be read."""
        self.host = urlsplit(authority.directory).hostname or authority.directory
        self._authority = authority
        self._directory: tuple[float, messages.Directory] | None = None
        self._seen: http.Response | None = None
        self._lock = threading.Lock()
        self.net = client.ClientNetwork(
            key=_signing_key(key) if key else None, alg=ES256, user_agent=AGENT, timeout=SECONDS
        )
        self.net.session.hooks["response"].append(self._remember)
        if authority.roots:
            try:
                self.net.session.mount("https://", _Trusting(authority.roots))
            except (ssl.SSLError, ValueError) as error:
                raise failures.permanent("QUARTERDECK_ACME_CA_BUNDLE holds no certificates.") from error

    def _remember(self, response: http.Response, *_: Any, **__: Any) -> None:
        self._seen = response

    @property
    def directory(self) -> messages.Directory:
        if self._directory is None or self._directory[0] < time.monotonic():
            content = self.net.get(self._authority.directory).json()
            if not isinstance(content, dict) or "newOrder" not in content:
                raise failures.not_acme(self.host, 200)
            self._directory = (time.monotonic() + DIRECTORY_SECONDS, messages.Directory.from_json(content))
        return self._directory[1]

    def post(self, uri: str, content: Any = None) -> http.Response:
        """Signed. Without ``content`` it is a question (POST-as-GET)."""
        return self.net.post(uri, content, new_nonce_url=self.directory["newNonce"])

    @property
    def status(self) -> int:
        """Of the last answer; 0 while there was none."""
        return self._seen.status_code if self._seen is not None else 0

    @property
    def retry_after(self) -> int | None:
        """Seconds, as the last answer had them."""
        text = self._seen.headers.get("Retry-After", "") if self._seen is not None else ""
        return seconds_of(text)

    @contextmanager
    def asking(self, doing: str) -> Iterator[None]:
        """One caller at a time. What goes wrong inside comes out as a TargetError that names ``doing``."""
        with self._lock:
            self._seen = None
            try:
                yield
            except (errors.Error, http.RequestException, DeserializationError) as error:
                raise self._translated(error, doing) from error

    def _translated(self, error: Exception, doing: str) -> TargetError:
        if isinstance(error, messages.Error):
            code = str(error.typ).rsplit(":", maxsplit=1)[-1]
            return failures.from_problem(code, told_by(error), self.status, self.retry_after, doing)
        if isinstance(error, http.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
            return failures.not_trusted(self.host)
        if isinstance(error, http.RequestException):
            return failures.unreachable(self.host, _why(error))
        if isinstance(error, errors.NonceError):
            return failures.unreachable(self.host, "it gave no nonce")
        return failures.not_acme(self.host, self.status, self.retry_after)


def told_by(error: messages.Error) -> str:
    """The authority's own words, with those about single names."""
    parts = [str(error.detail or error.title or "")]
    for one in error.subproblems or ():
        name = f"{one.identifier.value}: " if one.identifier else ""
        parts.append(f"{name}{one.detail or one.title or ''}")
    return " ".join(part for part in parts if part)


def seconds_of(text: str) -> int | None:
    """A Retry-After header: seconds, or a date."""
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        return min(int(text), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return min(max(0, int((moment - clock.now()).total_seconds())), _LONGEST_WAIT)


def _why(error: http.RequestException) -> str:
    if isinstance(error, http.exceptions.Timeout):
        return "no answer in time"
    text = str(error)
    if "Connection refused" in text:
        return "it refuses connections"
    if "NameResolutionError" in text or "getaddrinfo" in text:
        return "its name could not be looked up"
    return "the connection was lost"


def _signing_key(key: Secret) -> JWKEC:
    loaded = load_pem_private_key(key.reveal().encode(), password=None)
    if not isinstance(loaded, EllipticCurvePrivateKey):
        raise failures.permanent("The key of an ACME account is to be an EC key on P-256.")
    return JWKEC(key=ComparableECKey(loaded))


# ---------------------------------------------------------------- kept

_sessions: OrderedDict[tuple[str, str, str], Session] = OrderedDict()
_kept = threading.Lock()


def of_account(account: Account) -> Session:
    session = _session(account.authority, account.key)
    resource = messages.RegistrationResource(body=messages.Registration(), uri=account.uri)
    session.net.account = resource
    return session


def of_authority(authority: Authority) -> Session:
    """For questions that nobody has to sign."""
    return _session(authority, None)


def of_newcomer(authority: Authority, key: Secret) -> Session:
    """A session of its own: registering is signed otherwise than all that follows."""
    return Session(authority, key)


def _session(authority: Authority, key: Secret | None) -> Session:
    name = (authority.directory, authority.roots, key.reveal() if key else "")
    with _kept:
        if name not in _sessions:
            _sessions[name] = Session(authority, key)
        _sessions.move_to_end(name)
        while len(_sessions) > KEPT:
            _sessions.popitem(last=False)
        return _sessions[name]


def json_of(response: http.Response) -> dict[str, Any]:
    content = json.loads(response.text)
    if not isinstance(content, dict):
        raise errors.ClientError(response)
    return content
