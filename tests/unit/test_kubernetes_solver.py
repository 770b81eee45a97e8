"""A solver's objects, held to a golden file; ``QUARTERDECK_WRITE_GOLDEN=1`` writes it anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import manifests as app_manifests
from chalicelib.targets.kubernetes import solver_manifests, tls
from chalicelib.targets.kubernetes.requests import AppRef, ClusterAccess
from chalicelib.targets.kubernetes.solver_requests import SolverRequest, StoreCertificate
from tests.support.apps import BARE

GOLDEN = Path(__file__).parent / "golden" / "kubernetes_solver.yaml"
ACCESS = ClusterAccess(kubeconfig=Secret("kind: Config"))
REQUEST = SolverRequest(
    access=ACCESS,
    app=AppRef.of(BARE),
    host="www.shop.test",
    token="tokenOf-22_chars",
    content="tokenOf-22_chars.thumbprint",
    ingress_class="nginx",
    ingress_namespace="ingress-nginx",
)


def kinds(request: SolverRequest = REQUEST) -> dict[str, Any]:
    return {one["kind"]: one for one in solver_manifests.manifests(request)}


def test_a_solver_becomes_what_its_golden_file_says() -> None:
    text = yaml.safe_dump_all(solver_manifests.manifests(REQUEST), sort_keys=False, width=110)
    if os.environ.get("QUARTERDECK_WRITE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_all_that_is_presented_is_taken_away_again() -> None:
    presented = {(one["kind"], one["metadata"]["name"]) for one in solver_manifests.manifests(REQUEST)}
    removed = {(one.kind, one.name) for one in solver_manifests.things(REQUEST.app, REQUEST.host)}
    assert presented == removed


def test_the_apps_own_service_does_not_lead_to_the_solver() -> None:
    selector = app_manifests.service(BARE)["spec"]["selector"]
    labels = kinds()["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert not selector.items() <= labels.items()
    assert kinds()["Service"]["spec"]["selector"].items() <= labels.items()


def test_another_proof_is_another_pod() -> None:
    again = REQUEST.model_copy(update={"token": "another", "content": "another.thumbprint"})
    first, second = (kinds(one)["Deployment"]["spec"]["template"]["metadata"] for one in (REQUEST, again))
    assert first != second
    assert kinds(REQUEST.model_copy()) == kinds()


@pytest.mark.parametrize("token", ["", "../secret", "a/b", "a b", "x" * 201])
def test_a_token_that_is_none_reaches_no_manifest(token: str) -> None:
    with pytest.raises(ValidationError):
        SolverRequest(access=ACCESS, app=REQUEST.app, host=REQUEST.host, token=token, content="c")


def test_a_certificates_key_is_shown_nowhere_but_in_its_secret() -> None:
    request = StoreCertificate(
        access=ACCESS, app=REQUEST.app, secret="tls-shop", chain="chain", key=Secret("hush")
    )
    assert "hush" not in repr(request)
    made = tls.manifest(request)
    assert made["type"] == "kubernetes.io/tls"
    assert made["data"] == {"tls.crt": "Y2hhaW4=", "tls.key": "aHVzaA=="}
