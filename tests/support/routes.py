"""The app's own route table, joined with the contracts: what every generated test is made from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tests.support.contract import SURFACES, Operation, load

# What the first version must have, so that an empty table cannot pass for a complete one.
REQUIRED = {
    "birun": frozenset(
        {
            *("login", "register"),
            *("list_servers", "create_server", "get_server", "update_server", "delete_server"),
            *("execute_on_server", "check_server_health"),
            *("list_scripts", "create_script", "get_script", "update_script", "delete_script"),
            *("execute_script", "list_script_executions"),
            *("list_executions", "get_execution", "stop_execution"),
            *("list_server_groups", "create_server_group"),
            *("get_server_group", "update_server_group", "delete_server_group"),
            *("get_settings", "update_settings"),
            *("get_health", "get_health_summary", "check_all_servers"),
            *("list_schedules", "create_schedule", "get_schedule"),
            *("update_schedule", "delete_schedule", "toggle_schedule"),
            *("list_workflows", "create_workflow"),
            *("get_workflow", "update_workflow", "delete_workflow", "run_workflow"),
        }
    ),
    "engine": frozenset(
        {
            *("register_user", "login_user", "refresh_token", "logout_user"),
            *("forgot_password", "reset_password"),
            *("create_api_key", "list_api_keys", "revoke_api_key"),
            *("get_user_profile", "update_user_profile", "change_password"),
            *("health_check", "send_test_notification", "get_notification_stats"),
            *("create_deployment", "list_deployments", "get_deployment", "update_deployment"),
            *("delete_deployment", "scale_deployment", "stop_deployment", "start_deployment"),
            *("get_deployment_status", "get_deployment_logs", "get_deployment_metrics"),
        }
    ),
}


@dataclass(frozen=True)
class Route:
    """One method of one path, as the app registers it."""

    method: str
    path: str

    @property
    def surface(self) -> str | None:
        first = self.path.strip("/").split("/")[0]
        return first if first in SURFACES else None

    @property
    def operation(self) -> Operation | None:
        if self.surface is None:
            return None
        contract = load(self.surface)
        below = self.path.removeprefix(contract.base)
        if below == self.path and contract.base:
            return None
        return _same_place(self.method, below, contract.operations)


def _shape(path: str) -> str:
    """Names of parameters and a trailing slash make no difference."""
    return re.sub(r"\{[^}]+\}", "{}", path).rstrip("/")


def _same_place(method: str, path: str, operations: list[Operation]) -> Operation | None:
    matching = (one for one in operations if one.method == method and _shape(one.path) == _shape(path))
    return next(matching, None)


@lru_cache(maxsize=1)
def table() -> tuple[Route, ...]:
    from app import app

    found = {Route(method, path) for path, methods in app.routes.items() for method in methods}
    return tuple(sorted(found, key=lambda route: (route.path, route.method)))


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """Every documented operation that the app has a route for, each once."""
    served = {id(one): one for route in table() if (one := route.operation) is not None}
    return tuple(served.values())


def missing(surface: str) -> set[str]:
    """Required operations without a route."""
    served = {one.id for one in operations() if one.contract.surface == surface}
    return set(REQUIRED[surface]) - served
