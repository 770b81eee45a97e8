"""Certificates in a cluster: a Secret of type kubernetes.io/tls, which an Ingress names."""

from __future__ import annotations

import base64
import binascii

from chalicelib.kernel import clock
from chalicelib.targets.kubernetes import failures, plan, solver_manifests
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.apply import find_ours
from chalicelib.targets.kubernetes.objects import Manifest, Thing, path_of, thing
from chalicelib.targets.kubernetes.requests import AppRef
from chalicelib.targets.kubernetes.solver_replies import Removed, StoredCertificate
from chalicelib.targets.kubernetes.solver_requests import CertificateRef, StoreCertificate
from chalicelib.targets.kubernetes.solving import guard

CERTIFICATE, KEY = "tls.crt", "tls.key"


def store_certificate(request: StoreCertificate) -> StoredCertificate:
    """``kubernetes.store_certificate``: in place of the one before; a repeat changes nothing.

    Raises PermanentTargetError when the namespace, or a Secret of that name, is not the app's.
    """
    server, one = connect(request.access), thing("Secret", request.secret, request.app.namespace)
    guard(server, request.app)
    _guard_secret(server, request.app, one)
    return _read(server.apply(manifest(request)))


def manifest(request: StoreCertificate) -> Manifest:
    texts = {CERTIFICATE: request.chain, KEY: request.key.reveal()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": request.secret,
            "namespace": request.app.namespace,
            "labels": solver_manifests.labels(request.app, request.secret),
        },
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()},
    }


def stored_certificate(request: CertificateRef) -> StoredCertificate:
    """``kubernetes.stored_certificate``: as the cluster has it now."""
    server, one = connect(request.access), thing("Secret", request.secret, request.app.namespace)
    found = find_ours(server, request.app, one)
    return StoredCertificate(not_after=None) if found is None else _read(found)


def remove_certificate(request: CertificateRef) -> Removed:
    """``kubernetes.remove_certificate``: what is gone already is gone, and what is not ours stays."""
    server, one = connect(request.access), thing("Secret", request.secret, request.app.namespace)
    found = find_ours(server, request.app, one)
    if found is None or not server.delete(one, uid=found["metadata"]["uid"]):
        return Removed()
    return Removed(removed=(str(one),))


def _guard_secret(server: ApiServer, app: AppRef, one: Thing) -> None:
    found = server.find(path_of(one), f"look at {one}")
    if found is not None and not plan.belongs(app, found):
        raise failures.permanent(
            f"A Secret {one.name} that is not ours is in the namespace {one.namespace}. It was not touched."
        )


def _read(secret: Manifest) -> StoredCertificate:
    """What cannot be read is no certificate, whoever made it so."""
    from cryptography import x509

    try:
        pem = base64.b64decode(secret.get("data", {}).get(CERTIFICATE, ""), validate=True)
        certificate = x509.load_pem_x509_certificate(pem)
    except (binascii.Error, ValueError):
        return StoredCertificate(not_after=None)
    return StoredCertificate(
        not_after=clock.iso(certificate.not_valid_after_utc), serial=f"{certificate.serial_number:x}"
    )
