"""Reading a kubeconfig that somebody else wrote: what is needed to connect, and nothing that could harm us.

A kubeconfig may name programs to run and files to read. Neither is done: that is refused with what to write
instead.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import yaml

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes.requests import ClusterAccess

LARGEST = 256 * 1024

_FLATTEN = "Make one that stands alone with `kubectl config view --flatten --minify --raw`."
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_LOGIN_FIELDS = {
    "exec": "a program to run for the log-in",
    "auth-provider": "a log-in plug-in",
    "as": "another account to act for",
    "as-groups": "groups to act for",
    "as-uid": "another account to act for",
    "as-user-extra": "another account to act for",
}


@dataclass(frozen=True)
class Endpoint:
    """An API server and a log-in to it. Certificates and key are PEM; without ``ca`` the system's count."""

    server: str
    ca: str | None = None
    server_name: str | None = None
    token: Secret | None = None
    certificate: str | None = None
    key: Secret | None = None
    basic: tuple[str, Secret] | None = field(default=None)


def read(access: ClusterAccess) -> Endpoint:
    """Raises PermanentTargetError that says what is wrong in the text."""
    config = _parse(access.kubeconfig.reveal())
    name = access.context or config.get("current-context")
    if not name:
        raise refused("names no current-context, and no context was asked for")
    context = _entry(config, "contexts", "context", name)
    cluster = _entry(config, "clusters", "cluster", context.get("cluster"))
    user = _entry(config, "users", "user", context.get("user"))
    _refuse_what_is_not_done(cluster, user)
    return _endpoint(cluster, user)


def refused(what: str) -> PermanentTargetError:
    return PermanentTargetError(f"The kubeconfig {what}.")


def _parse(text: str) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise refused(f"is larger than {LARGEST // 1024} KiB")
    try:
        config = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise refused("is not YAML") from error
    if not isinstance(config, dict) or not isinstance(config.get("clusters"), list):
        raise refused("is not one: it has no list of clusters")
    return config


def _entry(config: dict[str, Any], section: str, kind: str, name: Any) -> dict[str, Any]:
    entries = config.get(section)
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name and isinstance(entry.get(kind), dict):
            found: dict[str, Any] = entry[kind]
            return found
    raise refused(f"has no {kind} named {str(name)[:100]!r}")


def _refuse_what_is_not_done(cluster: dict[str, Any], user: dict[str, Any]) -> None:
    for key, what in _LOGIN_FIELDS.items():
        if user.get(key):
            raise refused(
                f"names {what} ({key}), which is not done here. Give the user a token or a client "
                "certificate of its own, such as a service account's"
            )
    for key in _FILES:
        if cluster.get(key) or user.get(key):
            raise PermanentTargetError(f"The kubeconfig names a file ({key}), which is not here. {_FLATTEN}")
    if cluster.get("insecure-skip-tls-verify"):
        raise refused("switches off the check of the server's certificate. Give certificate-authority-data")
    if cluster.get("proxy-url"):
        raise refused("names a proxy (proxy-url). Reach the cluster through a relay beside it instead")


def _endpoint(cluster: dict[str, Any], user: dict[str, Any]) -> Endpoint:
    token, key = user.get("token"), _pem(user, "client-key-data")
    certificate, basic = _pem(user, "client-certificate-data"), None
    if user.get("username") and user.get("password"):
        basic = (str(user["username"]), Secret(str(user["password"])))
    if token is not None and (not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token.strip())):
        raise refused("has a token that is not one: it is empty or has white space in it")
    if (certificate is None) != (key is None):
        raise refused("has a client certificate without its key, or a key without its certificate")
    if not (token or certificate or basic):
        raise refused("has no log-in: give the user a token or a client certificate")
    return Endpoint(
        server=_server(cluster),
        ca=_pem(cluster, "certificate-authority-data"),
        server_name=cluster.get("tls-server-name"),
        token=Secret(token.strip()) if token else None,
        certificate=certificate,
        key=Secret(key) if key else None,
        basic=basic,
    )


def _server(cluster: dict[str, Any]) -> str:
    server = str(cluster.get("server") or "")
    try:
        parts = urlsplit(server)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not re.fullmatch(r"[!-~]+", server):
        raise refused("names a server that is no https:// address")
    return server.rstrip("/")


def _pem(section: dict[str, Any], key: str) -> str | None:
    data = section.get(key)
    if not data:
        return None
    try:
        return base64.b64decode(str(data), validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise refused(f"has {key} that is not base64 of a PEM text") from error
