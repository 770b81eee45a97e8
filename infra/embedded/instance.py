"""An instance as those see it who start it: the launcher and the tests.

    instance = Instance(tmp_path / "state", port=8123, parameters={"RateLimits": "off"})
    instance.up()
    requests.get(f"{instance.base_url}/health")
    instance.down()

``parameters`` are those of the CloudFormation template (infra/template/parameters.yaml).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from infra.embedded.deployment import Deployed, kept
from infra.embedded.emulator import aws_environment
from infra.embedded.engine import operate
from infra.embedded.state import Admin, Run, StateDirectory, StateProblem, is_free
from infra.environment import ROOT

# Settings of `./quarterdeck up` that are parameters of the template.
FORWARDED = {
    "QUARTERDECK_RATE_LIMITS": "RateLimits",
    "QUARTERDECK_LIMITS": "Limits",
    "QUARTERDECK_ENVIRONMENT": "Environment",
    "QUARTERDECK_PUBLIC_URL": "PublicUrl",
    "QUARTERDECK_REGISTRATION": "Registration",
    "QUARTERDECK_LOG_LEVEL": "LogLevel",
    "QUARTERDECK_TRUSTED_HOPS": "TrustedHops",
    "QUARTERDECK_ALLOWED_ORIGINS": "AllowedOrigins",
    "QUARTERDECK_ALLOWED_HOSTS": "AllowedHosts",
    "QUARTERDECK_HEALTH_CHECK_MINUTES": "HealthCheckMinutes",
    "QUARTERDECK_MAIL_FROM": "MailFrom",
    "QUARTERDECK_MAIL_FROM_NAME": "MailFromName",
    "QUARTERDECK_ACME_DIRECTORY": "AcmeDirectory",
    "QUARTERDECK_ACME_EMAIL": "AcmeEmail",
    "QUARTERDECK_ACME_CA_BUNDLE": "AcmeCaBundle",
    "QUARTERDECK_SOLVER_IMAGE": "SolverImage",
}
# Names that documents of the APIs give to the same; ours come first.
ALIASES = {"EMAIL_FROM": "MailFrom", "EMAIL_FROM_NAME": "MailFromName"}
ADMIN = {
    "QUARTERDECK_ADMIN_USERNAME": "username",
    "QUARTERDECK_ADMIN_EMAIL": "email",
    "QUARTERDECK_ADMIN_PASSWORD": "password",
}


class InstanceProblem(Exception):
    """It cannot be started, stopped or asked; the message says why and what to do."""


class AlreadyUp(InstanceProblem):
    """The state directory's instance is up."""


def parameters_from(environment: Mapping[str, str]) -> dict[str, str]:
    known = {**ALIASES, **FORWARDED}  # of two names for one parameter the later counts
    return {ours: environment[name] for name, ours in known.items() if environment.get(name)}


def mail_relay_from(environment: Mapping[str, str]) -> str:
    """``host[:port]`` of the SMTP server that mail is handed to; empty for none."""
    host, port = environment.get("AWS_SES_SMTP_HOST", ""), environment.get("AWS_SES_SMTP_PORT", "587")
    return environment.get("QUARTERDECK_SMTP_RELAY") or (f"{host}:{port}" if host else "")


def admin_from(environment: Mapping[str, str]) -> dict[str, str]:
    return {ours: environment[name] for name, ours in ADMIN.items() if environment.get(name)}


class Instance:
    def __init__(
        self,
        state_dir: Path,
        port: int = 8000,
        *,
        parameters: Mapping[str, str] | None = None,
        admin: Mapping[str, str] | None = None,
        mail_relay: str = "",
    ) -> None:
        self.state = StateDirectory(state_dir)
        self.port = port
        self.parameters = dict(parameters or {})
        self.admin_wanted = dict(admin or {})
        self.mail_relay = mail_relay
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------------ life

    def up(
        self, progress: Callable[[str], None] = lambda _: None, *, tethered: bool = True, timeout: float = 180
    ) -> None:
        """Start it and return when every part answers. ``tethered``: it ends when this process does.

        Raises AlreadyUp, or InstanceProblem with the reason.
        """
        self._check_free()
        self.state.run_file.unlink(missing_ok=True)
        self._process = self._spawn(tethered=tethered)
        told = 0
        deadline = time.monotonic() + timeout
        while True:
            run = self.state.run()
            for step in run.steps[told:] if run else []:
                progress(step)
                told += 1
            if run and run.phase == "ready":
                return
            if self._process.poll() is not None:
                raise InstanceProblem(self._why_ended(run))
            if time.monotonic() > deadline:
                self._process.terminate()
                raise InstanceProblem(f"not ready after {timeout:.0f} s; see {self.state.logs}")
            time.sleep(0.05)

    def down(self, timeout: float = 40) -> bool:
        """Stop it in good order; False when it was not up."""
        run = self.state.run()
        if run is None or not self.state.is_live():
            return False
        os.kill(run.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while self.state.is_live():
            if time.monotonic() > deadline:
                raise InstanceProblem(f"process {run.pid} does not end; see {self.state.logs}")
            time.sleep(0.05)
        self.wait()
        return True

    def kill(self) -> None:
        """End it as a crash would."""
        os.kill(self.live_run().pid, signal.SIGKILL)
        self.wait()
        while self.state.is_live():
            time.sleep(0.01)

    def wait(self) -> int:
        """Until the process that :meth:`up` started ends; its exit code."""
        return self._process.wait() if self._process else 0

    # ------------------------------------------------------------------ asking

    @property
    def is_live(self) -> bool:
        return self.state.is_live()

    @property
    def base_url(self) -> str:
        run = self.state.run()
        return f"http://localhost:{run.port if run else self.port}"

    @property
    def admin(self) -> Admin:
        """The administrator's login."""
        admin = self.state.admin()
        if admin is None:
            raise InstanceProblem(f"no administrator is kept in {self.state.path}")
        return admin

    @property
    def deployed(self) -> Deployed:
        """Names and addresses of what is deployed."""
        deployed = kept(self.state)
        if deployed is None:
            raise InstanceProblem(f"nothing is deployed in {self.state.path}")
        return deployed

    def live_run(self) -> Run:
        run = self.state.run()
        if run is None or not self.is_live:
            raise InstanceProblem(f"no instance is up in {self.state.path}; start one with: ./quarterdeck up")
        return run

    def health(self, timeout: float = 15) -> dict[str, Any]:
        """What ``/health`` answers; raises InstanceProblem when nothing answers."""
        port = self.live_run().port
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=timeout) as answer:
                report: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as degraded:
            report = json.load(degraded)
        except OSError as problem:
            raise InstanceProblem(f"the front door on port {port} does not answer: {problem}") from None
        return report

    def aws_env(self) -> dict[str, str]:
        """Environment in which boto3, and a relay or a handler of ours, works with this instance."""
        return {**aws_environment(self.live_run().internal_port), **self.deployed.environment}

    def operate(self, command: dict[str, Any]) -> dict[str, Any]:
        """Invoke the operator's function, as ``./quarterdeck user`` does."""
        return operate(self.live_run().internal_port, self.deployed, command)

    # ------------------------------------------------------------------ the relay

    def kill_relay(self) -> int:
        """SIGKILL the relay, which is started again at once; the pid of the killed."""
        pid = self.live_run().relay_pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def restart_relay(self, timeout: float = 30) -> None:
        """Stop the relay in good order and return when its successor is there."""
        before = self.live_run().relay_pid
        os.kill(before, signal.SIGTERM)
        self.wait_for_relay(other_than=before, timeout=timeout)

    def wait_for_relay(self, *, other_than: int = 0, timeout: float = 30) -> None:
        """Until a relay runs, by another process than ``other_than``, and says that it is there."""
        deadline = time.monotonic() + timeout
        while True:
            there = self.live_run().relay_pid != other_than
            if there and self.health()["parts"]["relay"]["status"] == "healthy":
                return
            if time.monotonic() > deadline:
                raise InstanceProblem(f"no relay after {timeout:.0f} s; see {self.state.logs / 'relay.log'}")
            time.sleep(0.1)

    # ------------------------------------------------------------------ inside

    def _check_free(self) -> None:
        try:
            self.state.prepare()
        except StateProblem as problem:
            raise InstanceProblem(str(problem)) from None
        if self.state.is_live():
            raise AlreadyUp(f"already up at {self.base_url} (state in {self.state.path})")
        if not is_free(self.port):
            raise InstanceProblem(
                f"port {self.port} is in use by another program; choose another with --port"
            )

    def _spawn(self, *, tethered: bool) -> subprocess.Popen[bytes]:
        settings = {
            "parameters": self.parameters,
            "admin": self.admin_wanted,
            "mail_relay": self.mail_relay,
        }
        command = [
            *(sys.executable, "-m", "infra.embedded.engine", "--state", str(self.state.path)),
            *("--port", str(self.port), *(["--tethered"] if tethered else [])),
        ]
        with (self.state.logs / "engine.err").open("wb") as errors:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        # Not on the command line, where every user of the machine could read the password.
        assert process.stdin is not None
        process.stdin.write(json.dumps(settings).encode())
        process.stdin.close()
        return process

    def _why_ended(self, run: Run | None) -> str:
        if run and run.problem:
            return f"it could not start: {run.problem}\nThe logs are in {self.state.logs}"
        errors = (self.state.logs / "engine.err").read_text(errors="replace").strip()
        return (
            f"it could not start: {errors[-2000:] or 'the process ended'}\nThe logs are in {self.state.logs}"
        )
