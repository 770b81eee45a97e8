"""``./quarterdeck demo``: biRun's first job on a throw-away SSH host, with the same calls as curl lines."""

from __future__ import annotations

import json
import signal
import tempfile
from pathlib import Path
from typing import Any

from infra import parts
from infra.client import Client, watch
from infra.embedded.instance import Instance, InstanceProblem
from infra.throwaway_sshd import Sshd, SshdProblem, throwaway_sshd

SCRIPT = """\
echo "Hello from $(hostname), it is $(date +%T)"
for step in 1 2 3 4 5; do
  echo "step $step of 5"
  sleep 0.5
done
echo "this line goes to stderr" >&2
echo "done"
"""


def run(instance: Instance, *, hold: bool) -> int:
    """The tour, or with ``hold`` the throw-away host alone, for as long as it is wanted."""
    instance.live_run()
    _have_sshd()
    try:
        with throwaway_sshd() as host:
            return _hold(host) if hold else Tour(Client(instance)).take(host)
    except SshdProblem as problem:
        raise InstanceProblem(str(problem)) from None


def _have_sshd() -> None:
    missing = [part for part in parts.DEMO if not part.is_there()]
    if missing and parts.can_install():
        parts.install([part.package for part in missing])
    still = [part for part in missing if not part.is_there()]
    if still:
        raise InstanceProblem("the demo starts an SSH host here: " + "; ".join(part.needs for part in still))


def _hold(host: Sshd) -> int:
    """Keeps the host until the person ends it; the body that registers it lies in a file meanwhile."""
    with tempfile.TemporaryDirectory(prefix="quarterdeck-demo-") as name:
        body = Path(name) / "server.json"
        body.touch(mode=0o600)
        body.write_text(json.dumps(_server(host)), encoding="utf-8")
        print(f"A throw-away SSH host runs on 127.0.0.1:{host.port} until you press Ctrl-C.\n")
        print("In another terminal:\n")
        print(f"  SERVER={body}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    print("\nThe SSH host is stopped.")
    return 0


def _server(host: Sshd) -> dict[str, Any]:
    return {
        "name": f"demo-{host.port}",
        "hostname": "127.0.0.1",
        "port": host.port,
        "username": host.username,
        "auth_type": "key",
        "ssh_key": host.private_key,
        "description": "Throw-away host of ./quarterdeck demo",
    }


class Tour:
    def __init__(self, client: Client) -> None:
        self.client = client

    def take(self, host: Sshd) -> int:
        self._say(f"A throw-away SSH host runs on 127.0.0.1:{host.port}.")
        print("$ TOKEN=$(./quarterdeck token)")
        self.client.log_in()
        server = self._call("POST", "/servers/", _server(host))
        self._say(f"Server {server['id']} is registered; its key is sealed and never shown again.")
        script: dict[str, Any] = {}
        try:
            script = self._call("POST", "/scripts/", {"name": "Quarterdeck demo", "content": SCRIPT})
            self._say(f"Script {script['id']} is stored. Running it:")
            job = {"server_ids": [server["id"]], "timeout": 60}
            execution = self._call("POST", f"/scripts/{script['id']}/execute", job)["execution_id"]
            print(f"$ ./quarterdeck watch {execution}")
            ending = watch(self.client, execution)
            self._say(f"It {ending}. The record: GET {self.client.api}/scripts/executions/{execution}")
        finally:
            if script:
                self._call("DELETE", f"/scripts/{script['id']}")
            self._call("DELETE", f"/servers/{server['id']}")
        self._say("The server and the script are deleted and the SSH host is stopped.")
        return 0 if ending == "completed" else 1

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        print(_curl(method, self.client.api + path, body), flush=True)
        return self.client.call(method, path, body)

    def _say(self, text: str) -> None:
        print(f"\n{text}\n", flush=True)


def _curl(method: str, url: str, body: dict[str, Any] | None) -> str:
    """The same call for curl, the private key as a file that one has."""
    head = f'$ curl -s -X {method} -H "Authorization: Bearer $TOKEN"'
    if body is None:
        return f"{head} {url}"
    shown = {key: "<the private key>" if key == "ssh_key" else value for key, value in body.items()}
    text = json.dumps(shown).replace("'", "'\\''")
    return f"{head} -H 'Content-Type: application/json' \\\n    -d '{text}' \\\n    {url}"
