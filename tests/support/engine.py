"""Container Engine's things, and calls that take some preparing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support import mail
from tests.support.contract import Operation
from tests.support.people import PASSWORD, address_of
from tests.support.things import Ready, Things, unique

NEW_PASSWORD = "another correct horse"


@dataclass
class EngineWorld(Things):
    """Makes things on Container Engine as ``client``'s user. Its cluster can never be logged in to, so that
    every rollout ends at once; what takes a real one is in tests/jobs/test_containers.py."""

    cluster: str = ""

    def body(self, operation: Operation) -> Any:
        made = super().body(operation)
        if operation.id == "create_deployment":
            made["cluster"] = self._nowhere()
        return made

    def makers(self) -> dict[str, Callable[[], Any]]:
        return super().makers() | {
            "app_name": lambda: unique("app"),
            "domain": lambda: f"{unique('shop')}.example.org",
        }

    def _nowhere(self) -> str:
        """Registered when first needed; the administrator gets room for what all these tests make."""
        if not self.cluster and self.stack is not None:
            kubeconfig = "kind: Config\nclusters: []\n"
            for command in (
                {"command": "ensure_cluster", "name": "nowhere", "kubeconfig": kubeconfig},
                {
                    "command": "set_quota",
                    "username": self.stack.instance.admin.username,
                    "apps": 10_000,
                    "replicas": 10_000,
                    "cpu_millicores": 10**8,
                    "memory_mib": 10**8,
                },
            ):
                self.stack.instance.operate(command)
            self.cluster = "nowhere"
        return self.cluster

    def ready_undo_rollout(self, operation: Operation) -> Ready:
        path = self.path(operation)
        self.client.ok("PUT", path.removesuffix("/undo"), {"image": "registry.example.com/app:2"})
        return Ready(self.client, path, {"revision": 1})

    def registered(self, name: str | None = None) -> dict[str, Any]:
        """The answer to a registration: tokens and user. The password is PASSWORD."""
        name = name or unique("engineer")
        body = {"username": name, "email": address_of(name), "password": PASSWORD}
        anonymous = self.client.as_user(None)
        made: dict[str, Any] = anonymous.ok(
            "POST", "/v1/auth/register", body | {"confirm_password": PASSWORD}
        )
        return made

    def _newcomer(self, operation: Operation, body: Any = None) -> Ready:
        """By somebody who may be harmed by it."""
        return Ready(self.client.as_user(self.registered()["access_token"]), operation.path, body)

    def ready_register_user(self, operation: Operation) -> Ready:
        return Ready(self.client.as_user(None), operation.path, self.body(operation))

    def ready_login_user(self, operation: Operation) -> Ready:
        email = self.registered()["user"]["email"]
        return Ready(self.client.as_user(None), operation.path, {"email": email, "password": PASSWORD})

    def ready_refresh_token(self, operation: Operation) -> Ready:
        body = {"refresh_token": self.registered()["refresh_token"]}
        return Ready(self.client.as_user(None), operation.path, body)

    def ready_forgot_password(self, operation: Operation) -> Ready:
        email = self.registered()["user"]["email"]
        return Ready(self.client.as_user(None), operation.path, {"email": email})

    def reset_token(self, email: str, *, typed: str | None = None) -> str:
        """Out of the mail that is sent when somebody types the address, in this or another way."""
        assert self.stack is not None
        before = len(mail.sent(self.stack, email))
        self.client.as_user(None).ok("POST", "/v1/auth/forgot-password", {"email": typed or email})
        letters = mail.received(self.stack, email, before + 1)
        found = re.search(r"/engine/reset-password#token=(\S+)", letters[-1].text)
        assert found, letters[-1].text
        return found[1]

    def ready_reset_password(self, operation: Operation) -> Ready:
        token = self.reset_token(self.registered()["user"]["email"])
        body = {"token": token, "new_password": NEW_PASSWORD}
        return Ready(self.client.as_user(None), operation.path, body)

    def ready_logout_user(self, operation: Operation) -> Ready:
        return self._newcomer(operation)

    def ready_update_user_profile(self, operation: Operation) -> Ready:
        return self._newcomer(operation, self.body(operation))

    def ready_change_password(self, operation: Operation) -> Ready:
        changed = {"new_password": NEW_PASSWORD, "confirm_new_password": NEW_PASSWORD}
        return self._newcomer(operation, {"current_password": PASSWORD} | changed)
