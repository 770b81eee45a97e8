"""Custom domains on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from chalicelib.rest.fields import Request, Uuid
from chalicelib.surfaces.engine.schemas.deployments import DeploymentPath
from chalicelib.targets.kubernetes import validation


def _name(text: str) -> str:
    return validation.host_name(text.lower())


class DomainPath(DeploymentPath):
    domainId: Uuid  # noqa: N815 - the document's name


class AddDomainRequest(Request):
    domain: Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_name)]
