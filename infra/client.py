"""A small client of a running instance's biRun API, for the commands that show it to a person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import requests
import websocket

from infra.embedded.instance import Instance, InstanceProblem

TIMEOUT = 40  # seconds; the gateway itself ends a request at 29


class Client:
    """Speaks as the administrator whose login the state directory holds."""

    def __init__(self, instance: Instance) -> None:
        instance.live_run()
        self.instance = instance
        self.api = f"{instance.base_url}/birun/api"
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has no part in calls to this machine
        self.token = ""

    def log_in(self) -> str:
        """The access token, good for the minutes that the settings say."""
        admin = self.instance.admin
        credentials = {"username": admin.username, "password": admin.password}
        self.token = str(self.call("POST", "/auth/login", credentials)["access_token"])
        self._session.headers["Authorization"] = f"Bearer {self.token}"
        return self.token

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The answer's JSON. Raises InstanceProblem with what the service said."""
        answer = self._session.request(method, self.api + path, json=body, timeout=TIMEOUT)
        if not answer.ok:
            raise InstanceProblem(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    def follow(self, execution: str) -> Iterator[dict[str, Any]]:
        """The live stream's messages from the beginning, ``end`` being the last."""
        address = f"{self.instance.base_url.replace('http', 'ws', 1)}/birun/ws/executions/{execution}"
        try:
            socket = websocket.create_connection(
                address, header=[f"Authorization: Bearer {self.token}"], timeout=60, http_no_proxy=["*"]
            )
        except websocket.WebSocketBadStatusException as error:
            raise InstanceProblem(f"there is no execution {execution} to watch") from error
        try:
            while True:
                kind, data = socket.recv_data(control_frame=True)
                if kind == websocket.ABNF.OPCODE_CLOSE:
                    raise InstanceProblem("the stream was closed before the end; see ./quarterdeck logs")
                if kind != websocket.ABNF.OPCODE_TEXT:
                    continue
                message = json.loads(data)
                yield message
                if message["type"] == "end":
                    return
        except websocket.WebSocketTimeoutException:
            raise InstanceProblem("nothing was heard for a minute; see ./quarterdeck status") from None
        finally:
            socket.close()


def shown(message: dict[str, Any]) -> list[str]:
    """A message of the stream as lines for a terminal."""
    if message["type"] == "output":
        return [f"  {message['stream']:<6} | {line}" for line in message["data"].splitlines()]
    if message["type"] != "status":
        return []
    code = message.get("exit_code")
    told = "" if code is None else f", exit code {code}"
    told += f": {message['reason']}" if message.get("reason") else ""
    return [f"  status | {message['status']}{told}"]


def watch(client: Client, execution: str) -> str:
    """Prints what the execution says as it says it; the state it ends in."""
    ending = ""
    for message in client.follow(execution):
        for line in shown(message):
            print(line, flush=True)
        ending = str(message.get("status", ending))
    return ending
