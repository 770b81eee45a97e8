"""``./quarterdeck demo``: biRun's first job on a throw-away SSH host, with the same calls as curl lines."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import requests
import websocket

from infra import parts
from infra.embedded.instance import Instance, InstanceProblem
from infra.throwaway_sshd import Sshd, SshdProblem, throwaway_sshd

PATIENCE = 60  # seconds for a script of three
SCRIPT = """\
echo "Hello from $(hostname), it is $(date +%T)"
for step in 1 2 3 4 5; do
  echo "step $step of 5"
  sleep 0.5
done
echo "this line goes to stderr" >&2
echo "done"
"""


def run(instance: Instance) -> int:
    instance.live_run()
    _have_sshd()
    try:
        with throwaway_sshd() as host:
            return Tour(instance).take(host)
    except SshdProblem as problem:
        raise InstanceProblem(str(problem)) from None


def _have_sshd() -> None:
    missing = [part for part in parts.DEMO if not part.is_there()]
    if missing and parts.can_install():
        parts.install([part.package for part in missing])
    still = [part for part in missing if not part.is_there()]
    if still:
        raise InstanceProblem("the demo starts an SSH host here: " + "; ".join(part.needs for part in still))


class Tour:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.api = f"{instance.base_url}/birun/api"
        self.session = requests.Session()
        self.session.trust_env = False  # a proxy has no part in calls to this machine
        self.token = ""

    def take(self, host: Sshd) -> int:
        self._say(f"A throw-away SSH host runs on 127.0.0.1:{host.port}.")
        self._log_in()
        server = self._register(host)
        script: dict[str, Any] = {}
        try:
            script = self._call("POST", "/scripts/", {"name": "Quarterdeck demo", "content": SCRIPT})
            self._say(f"Script {script['id']} is stored. Running it:")
            job = {"server_ids": [server["id"]], "timeout": 60}
            execution = self._call("POST", f"/scripts/{script['id']}/execute", job)["execution_id"]
            ending = self._follow(execution)
            self._say(f"It ended as {ending}. The record: GET {self.api}/scripts/executions/{execution}")
        finally:
            if script:
                self._call("DELETE", f"/scripts/{script['id']}")
            self._call("DELETE", f"/servers/{server['id']}")
        self._say("The server and the script are deleted and the SSH host is stopped.")
        return 0 if ending == "completed" else 1

    def _log_in(self) -> None:
        admin = self.instance.admin
        file = self.instance.state.admin_file
        print("$ TOKEN=$(curl -s -H 'Content-Type: application/json' \\")
        print(f"    -d \"$(jq '{{username, password}}' {file})\" \\")
        print(f"    {self.api}/auth/login | jq -r .access_token)")
        credentials = {"username": admin.username, "password": admin.password}
        self.token = self._call("POST", "/auth/login", credentials, show=False)["access_token"]
        self.session.headers["Authorization"] = f"Bearer {self.token}"
        self._say(f"Logged in as {admin.username}.")

    def _register(self, host: Sshd) -> dict[str, Any]:
        body = {
            "name": f"demo-{host.port}",
            "hostname": "127.0.0.1",
            "port": host.port,
            "username": host.username,
            "auth_type": "key",
            "ssh_key": host.private_key,
            "description": "Throw-away host of ./quarterdeck demo",
        }
        server: dict[str, Any] = self._call("POST", "/servers/", body)
        self._say(f"Server {server['id']} is registered; its key is sealed and never shown again.")
        return server

    def _follow(self, execution: str) -> str:
        """Print output as it comes; the status the execution ends with."""
        address = f"{self.api.replace('http', 'ws', 1).removesuffix('/api')}/ws/executions/{execution}"
        print(f'$ websocat -H "Authorization: Bearer $TOKEN" {address}')
        socket = websocket.create_connection(
            address, header=[f"Authorization: Bearer {self.token}"], timeout=PATIENCE, http_no_proxy=["*"]
        )
        try:
            ends = time.monotonic() + PATIENCE
            while time.monotonic() < ends:
                kind, data = socket.recv_data(control_frame=True)  # pings too, so that the clock is looked at
                message = json.loads(data) if kind == websocket.ABNF.OPCODE_TEXT else {"type": "ping"}
                if message["type"] == "end":
                    return str(message["status"])
                self._show(message)
            raise InstanceProblem(f"no end after {PATIENCE} s; see ./quarterdeck logs")
        finally:
            socket.close()

    def _show(self, message: dict[str, Any]) -> None:
        if message["type"] == "output":
            for line in message["data"].splitlines():
                print(f"  {message['stream']:<6} | {line}", flush=True)
        elif message["type"] == "status":
            code = message.get("exit_code")
            print(
                f"  status | {message['status']}{f', exit code {code}' if code is not None else ''}",
                flush=True,
            )

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None, *, show: bool = True) -> Any:
        if show:
            print(_curl(method, self.api + path, body), flush=True)
        answer = self.session.request(method, self.api + path, json=body, timeout=40)
        if not answer.ok:
            raise InstanceProblem(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    def _say(self, text: str) -> None:
        print(f"\n{text}\n", flush=True)
        sys.stdout.flush()


def _curl(method: str, url: str, body: dict[str, Any] | None) -> str:
    """The same call for curl, the private key as a file that one has."""
    head = f'$ curl -s -X {method} -H "Authorization: Bearer $TOKEN"'
    if body is None:
        return f"{head} {url}"
    shown = {key: "<the private key>" if key == "ssh_key" else value for key, value in body.items()}
    text = json.dumps(shown).replace("'", "'\\''")
    return f"{head} -H 'Content-Type: application/json' \\\n    -d '{text}' \\\n    {url}"
