"""The operations that need nothing kept open, by name; a system's driver is loaded when first asked for."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TypeVar

from pydantic import BaseModel

R = TypeVar("R", bound=BaseModel)

_DRIVERS = {
    "kubernetes": "chalicelib.targets.kubernetes.operations",
    "acme": "chalicelib.targets.acme.operations",
}
"""First part of an operation's name to the module whose ``OPERATIONS`` and ``REQUESTS`` have it."""


def _driver(name: str) -> ModuleType:
    """Raises KeyError for a system that there is not."""
    return import_module(_DRIVERS[name.partition(".")[0]])


def perform(name: str, request: BaseModel, reply: type[R]) -> R:
    """Raises TargetError as the operation does, and TypeError when it answers something else."""
    answer = _driver(name).OPERATIONS[name](request)
    if not isinstance(answer, reply):
        raise TypeError(f"{name} answers {type(answer).__name__}, not {reply.__name__}")
    return answer


def perform_json(name: str, request: str) -> BaseModel:
    """The same for a request as JSON."""
    driver = _driver(name)
    asked = driver.REQUESTS[name].model_validate_json(request)
    answer: BaseModel = driver.OPERATIONS[name](asked)
    return answer
