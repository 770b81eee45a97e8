"""A deployment's WebSockets: its log as it is written, and a shell in a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from chalicelib.rest.dialect import invalid
from chalicelib.surfaces.engine.routes.base import DEPLOY
from chalicelib.surfaces.engine.schemas import streams as schemas
from chalicelib.surfaces.engine.service import streams as service

if TYPE_CHECKING:
    from chalicelib.rest.channels import Visit  # not for the API, which has no visitors

Q = TypeVar("Q", bound=BaseModel)

_ONE = r"/engine/v1/deployments/(?P<deployment_id>[0-9a-fA-F-]{36})"


def _read(model: type[Q], visit: Visit) -> Q:
    try:
        return model.model_validate(visit.query)
    except ValidationError as error:
        raise invalid("query", error) from error


def _listen(visit: Visit, deployment_id: str) -> None:
    wanted = _read(schemas.LogStreamQuery, visit)
    service.listen(visit.caller, deployment_id.lower(), visit.connection_id, wanted)


def _enter(visit: Visit, deployment_id: str) -> None:
    """Beyond the document."""
    visit.caller.require(DEPLOY)
    service.enter(visit.caller, deployment_id.lower(), visit.connection_id, _read(schemas.ShellQuery, visit))


DOORS = {rf"{_ONE}/logs/stream": _listen, rf"{_ONE}/exec": _enter}
