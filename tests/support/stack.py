"""One running Quarterdeck for tests, and ways into it beside HTTP that an operator has too."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import boto3

from tests.support.client import ContractClient

PASSWORD = "correct horse battery staple"


class Instance(Protocol):
    """What the launcher's instance offers."""

    base_url: str

    def aws_env(self) -> dict[str, str]: ...


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Stack:
    instance: Instance
    administrator: Mapping[str, str]
    surface: str = "birun"
    _clients: dict[str, ContractClient] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return self.instance.base_url

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

    def function(self, part: str) -> str:
        """The full name of the deployed function whose name holds ``part``, whatever its case."""
        pages = self.aws("lambda").get_paginator("list_functions").paginate()
        names = [one["FunctionName"] for page in pages for one in page["Functions"]]
        found = [name for name in names if part.lower() in name.lower().replace("_", "")]
        assert len(found) == 1, f"{part} is {found} of {names}"
        return str(found[0])

    @cached_property
    def api_function(self) -> str:
        return self.function("apihandler")

    def variables(self) -> dict[str, str]:
        """Environment of the API function."""
        found = self.aws("lambda").get_function_configuration(FunctionName=self.api_function)
        return dict(found["Environment"]["Variables"])

    def operate(self, command: dict[str, Any]) -> dict[str, Any]:
        answer = self.aws("lambda").invoke(
            FunctionName=self.function("operate"), Payload=json.dumps(command).encode()
        )
        text = answer["Payload"].read()
        assert "FunctionError" not in answer, text
        return dict(json.loads(text))

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
        caches = (clients.forget, table.forget, tokens.forget, settings.forget)
        for forget in caches:
            forget()
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            for forget in caches:
                forget()

    # ---------------------------------------------------------------- people

    def anonymous(self, **options: Any) -> ContractClient:
        return ContractClient(self.base_url, self.surface, **options)

    def log_in(self, username: str, password: str, **options: Any) -> ContractClient:
        anonymous = self.anonymous(**options)
        body = {"username": username, "password": password}
        return anonymous.as_user(anonymous.ok("POST", "/auth/login", body)["access_token"])

    def ensure_user(self, username: str, role: str) -> None:
        self.operate(
            {
                "command": "ensure_user",
                "username": username,
                "email": f"{username}@example.com",
                "password": PASSWORD,
                "role": role,
            }
        )

    def client(self, role: str) -> ContractClient:
        """A client of the one shared user of a role."""
        if role not in self._clients:
            self._clients[role] = self._make_client(role)
        return self._clients[role]

    def _make_client(self, role: str) -> ContractClient:
        if role == "admin":
            return self.log_in(self.administrator["username"], self.administrator["password"])
        name = f"the-{role}"
        if role == "user":
            body = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
            self.anonymous().ok("POST", "/auth/register", body)
        else:
            self.ensure_user(name, role)
        return self.log_in(name, PASSWORD)


def wait_until(question: Any, *, seconds: float = 20, every: float = 0.1, what: str = "it") -> Any:
    """The first true answer of ``question()``. Fails after ``seconds``."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if answer := question():
            return answer
        time.sleep(every)
    raise AssertionError(f"{what} did not happen within {seconds} s")
