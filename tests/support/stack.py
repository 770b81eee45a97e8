"""One running Quarterdeck for tests, and ways into it beside HTTP that an operator has too."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from infra.embedded.instance import Instance
from tests.support.client import ContractClient
from tests.support.engine import EngineWorld
from tests.support.people import PASSWORD, address_of
from tests.support.ports import free_port
from tests.support.things import Things, unique
from tests.support.waiting import wait_until
from tests.support.world import World

__all__ = ["PASSWORD", "Stack", "free_port", "running", "wait_until"]

_WORLDS: dict[str, type[Things]] = {"birun": World, "engine": EngineWorld}

SENDER = "quarterdeck@example.com"
# Where tests put receivers of webhooks. The rest of loopback is as forbidden as it is elsewhere.
RECEIVERS = "127.77.0.0/16"
PARAMETERS = {"RateLimits": "off", "MailFrom": SENDER, "AllowedHosts": RECEIVERS, "AcmeDirectory": "off"}


def _forget_models() -> None:
    """PynamoDB keeps a connection a class; the next one may have to reach another instance's table."""
    from chalicelib.aws.table import Record

    pending: list[type[Record]] = [Record]
    while pending:
        model = pending.pop()
        model._connection = None
        pending.extend(model.__subclasses__())


@contextmanager
def running(state: Path | None = None) -> Iterator[Stack]:
    """The packaged app on the embedded AWS, with its relay, rate limits off; everything gone afterwards."""
    with ExitStack() as undo:
        state = state or Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="quarterdeck-")))
        instance = Instance(state, free_port(), parameters=PARAMETERS)
        undo.callback(instance.down)
        instance.up()
        yield Stack(instance)


@dataclass
class Stack:
    """Clients and worlds are biRun's unless another surface is named."""

    instance: Instance
    _clients: dict[tuple[str, str], ContractClient] = field(default_factory=dict)
    _worlds: dict[str, Things] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        # By address, not by name: tests bind their side to an address of IPv4.
        return f"http://127.0.0.1:{self.instance.port}"

    def aws(self, service: str) -> Any:
        environment = self.instance.aws_env()
        return boto3.client(
            service,
            endpoint_url=environment.get("AWS_ENDPOINT_URL"),
            region_name=environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )

    # ---------------------------------------------------------------- functions

    @property
    def api_function(self) -> str:
        return self.instance.deployed.functions["APIHandler"]

    def variables(self) -> dict[str, str]:
        """Environment of the API function."""
        found = self.aws("lambda").get_function_configuration(FunctionName=self.api_function)
        return dict(found["Environment"]["Variables"])

    @contextmanager
    def configured(self, **changes: str) -> Iterator[None]:
        """The API function with other environment variables for a while."""
        before = self.variables()
        self._configure(before | changes)
        try:
            yield
        finally:
            self._configure(before)

    def _configure(self, variables: dict[str, str]) -> None:
        client = self.aws("lambda")
        client.update_function_configuration(
            FunctionName=self.api_function, Environment={"Variables": variables}
        )
        client.get_waiter("function_updated_v2").wait(FunctionName=self.api_function)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This process stands where the API function does: the app's own code works on the same table."""
        from chalicelib.aws import clients, table
        from chalicelib.core.identity import tokens
        from chalicelib.kernel import settings

        before = dict(os.environ)
        os.environ.update(self.variables() | self.instance.aws_env())
        caches = (clients.forget, table.forget, tokens.forget, settings.forget, _forget_models)
        for forget in caches:
            forget()
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            for forget in caches:
                forget()

    def tick(self, function: str = "Tick") -> None:
        """The minute's rule fires. ``function``: as the template names it."""
        event = {
            "version": "0",
            "id": "7bf73129-1428-4cd3-a780-95db273d1602",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": "000000000000",
            "time": "2026-01-01T00:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail": {},
        }
        name = self.instance.deployed.functions[function]
        answer = self.aws("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()

    # ---------------------------------------------------------------- people

    def anonymous(self, surface: str = "birun", **options: Any) -> ContractClient:
        return ContractClient(self.base_url, surface, **options)

    def log_in(self, username: str, password: str, **options: Any) -> ContractClient:
        anonymous = self.anonymous(**options)
        body = {"username": username, "password": password}
        return anonymous.as_user(anonymous.ok("POST", "/auth/login", body)["access_token"])

    def ensure_user(self, username: str, role: str) -> None:
        self.instance.operate(
            {
                "command": "ensure_user",
                "username": username,
                "email": address_of(username),
                "password": PASSWORD,
                "role": role,
            }
        )

    def client(self, role: str, surface: str = "birun") -> ContractClient:
        """A client of the one shared user of a role, or of "nobody"."""
        if ("birun", role) not in self._clients:
            self._clients["birun", role] = self._make_client(role)
        if (surface, role) not in self._clients:
            self._clients[surface, role] = self._clients["birun", role].on(surface)
        return self._clients[surface, role]

    def newcomer(self, role: str, surface: str = "birun") -> ContractClient:
        """A client of a user of his own, for what harms who does it."""
        name = unique(f"new-{role}")
        self.ensure_user(name, role)
        return self.log_in(name, PASSWORD).on(surface)

    def world(self, surface: str) -> Things:
        """The administrator's, shared."""
        if surface not in self._worlds:
            self._worlds[surface] = _WORLDS[surface](self.client("admin", surface), stack=self)
        return self._worlds[surface]

    def _make_client(self, role: str) -> ContractClient:
        if role == "nobody":
            return self.anonymous()
        if role == "admin":
            administrator = self.instance.admin
            return self.log_in(administrator.username, administrator.password)
        name = f"the-{role}"
        if role == "user":
            body = {"username": name, "password": PASSWORD, "email": address_of(name)}
            self.anonymous().ok("POST", "/auth/register", body)
        else:
            self.ensure_user(name, role)
        return self.log_in(name, PASSWORD)
