"""What is asked of a cluster for certificates that we have made. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes.requests import AppRef, ClusterAccess, Frozen, HostName

Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]

DEFAULT_IMAGE = "docker.io/library/busybox:1.36.1"
"""Of a solver: whatever has busybox's ``httpd``."""


class SolverRequest(Frozen):
    """``kubernetes.present_solver``: serves ``content`` at ``/.well-known/acme-challenge/<token>`` of
    ``host``, from the namespace of ``app``. ``ingress_namespace``: see AppSpec."""

    access: ClusterAccess
    app: AppRef
    host: HostName
    token: Token
    content: str = Field(max_length=1000)
    image: str = DEFAULT_IMAGE
    ingress_class: str | None = None
    ingress_namespace: str | None = None


class SolverRef(Frozen):
    """``kubernetes.solver_state``, ``kubernetes.remove_solver``"""

    access: ClusterAccess
    app: AppRef
    host: HostName


class StoreCertificate(Frozen):
    """``kubernetes.store_certificate``: PEM texts, in a Secret that an Ingress names."""

    access: ClusterAccess
    app: AppRef
    secret: ObjectName
    chain: str
    key: Secret


class CertificateRef(Frozen):
    """``kubernetes.stored_certificate``, ``kubernetes.remove_certificate``"""

    access: ClusterAccess
    app: AppRef
    secret: ObjectName
