"""What goes wrong between us and an API server, as typed errors in words for the person who reads them.

``details["status"]`` is the HTTP status where the server gave one.
"""

from __future__ import annotations

import json
import socket
import ssl
from typing import Any

from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)

from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError

# What older servers say of a manifest that lacks a field or has one too many, as if it were their fault.
_NOT_UNDERSTOOD = "failed to create typed patch object"

_SOME = 1000
"""Characters of the server's own words that are passed on."""


def transient(message: str, status: int | None = None) -> TransientTargetError:
    return TransientTargetError(message, details={"status": status})


def permanent(message: str, status: int | None = None) -> PermanentTargetError:
    return PermanentTargetError(message, details={"status": status})


def status_of(error: TargetError) -> int | None:
    """The HTTP status behind the error, if the server answered at all."""
    return error.details.get("status") if isinstance(error.details, dict) else None


# ---------------------------------------------------------------- the connection


def from_connection(server: str, error: HTTPError | OSError) -> TargetError:
    if isinstance(error, SSLError | ssl.SSLError):
        return _from_tls(server, error)
    if isinstance(error, NameResolutionError | socket.gaierror):
        return transient(f"The name of the cluster's API server {server} could not be looked up.")
    if isinstance(error, ReadTimeoutError):
        return transient(
            f"The cluster's API server {server} accepted the question but gave no answer in time."
        )
    if isinstance(error, NewConnectionError):
        return transient(f"The cluster's API server {server} cannot be reached: {_cause(error)}.")
    if isinstance(error, ConnectTimeoutError):  # the one before is of this kind, too
        return transient(f"The cluster's API server {server} did not answer: the connection timed out.")
    return transient(f"The connection to the cluster's API server {server} was lost.")


def _cause(error: BaseException) -> str:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ConnectionRefusedError):
        return "it refuses connections"
    return (getattr(cause, "strerror", None) or "the network says no").lower()


def _from_tls(server: str, error: Exception) -> TargetError:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = "it has expired" if "expired" in text else "the kubeconfig's authority did not sign it"
        if "Hostname mismatch" in text or "IP address mismatch" in text or "doesn't match" in text:
            why = "it is for another name"
        return permanent(f"The certificate of the cluster's API server {server} is not trusted: {why}.")
    if "EOF" in text:
        return transient(f"The cluster's API server {server} closed the connection before TLS was set up.")
    return permanent(f"The cluster's API server {server} does not speak TLS as we do.")


def not_kubernetes(server: str) -> TargetError:
    return permanent(f"{server} answers, but not as an API server of Kubernetes does.")


# ---------------------------------------------------------------- the answer


def from_answer(status: int, body: bytes, doing: str) -> TargetError:
    """``doing``: what was asked, as in "apply Deployment shop"."""
    said = _status_object(body)
    words, reason = str(said.get("message") or "")[:_SOME], said.get("reason")
    causes = (said.get("details") or {}).get("causes") or ()
    if status == 401:
        return permanent(
            "The cluster refused the log-in: the kubeconfig's token or certificate is wrong or has expired. "
            "Give the cluster a new kubeconfig.",
            status,
        )
    if status == 403:
        return _forbidden(words, causes, doing)
    if status == 409:
        return transient(f"The cluster was changed by somebody else while we wanted to {doing}: {words}", 409)
    if status == 500 and _NOT_UNDERSTOOD in words:
        return permanent(f"The cluster did not understand how to {doing}: {words}", status)
    if status in (408, 410, 429) or status >= 500:
        return transient(f"The cluster could not {doing} just now ({status}): {words or reason}", status)
    if status == 422:
        return permanent(f"The cluster refused to {doing}: {_causes(causes) or words}", status)
    if status in (405, 415):
        return permanent(f"The cluster is too old to {doing}: Kubernetes 1.18 or newer is needed.", status)
    return permanent(f"The cluster refused to {doing} ({status}): {words or reason}", status)


def _status_object(body: bytes) -> dict[str, Any]:
    """Every refusal of an API server is a Status object; what stands in front of it may say anything."""
    try:
        said = json.loads(body)
    except (ValueError, UnicodeDecodeError):
        return {"message": body.decode(errors="replace").strip()}
    return said if isinstance(said, dict) else {}


def _forbidden(words: str, causes: Any, doing: str) -> TargetError:
    if any(one.get("reason") == "NamespaceTerminating" for one in causes):
        return transient("The app's namespace is still being deleted. Try again when it is gone.", 403)
    if "exceeded quota" in words:
        return permanent(f"The quota does not allow to {doing}: {words}", 403)
    if "status unknown for quota" in words:
        return transient(f"The cluster has not counted the quota yet, so it could not {doing}.", 403)
    return permanent(f"The cluster does not allow the kubeconfig's account to {doing}: {words}", 403)


def _causes(causes: Any) -> str:
    told = [f"{one.get('field')}: {one.get('message')}" for one in causes if one.get("message")]
    return "; ".join(told)[:_SOME]
