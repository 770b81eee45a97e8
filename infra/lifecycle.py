"""Commands about a running instance: up, down, status, logs, user, token, watch, demo."""

from __future__ import annotations

import argparse
import getpass
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

from infra import clusters, notices
from infra.embedded.addresses import BASES
from infra.embedded.engine import OperationRefused
from infra.embedded.instance import (
    AlreadyUp,
    Instance,
    InstanceProblem,
    admin_from,
    mail_relay_from,
    parameters_from,
)
from infra.embedded.logs import PARTS, Tail, follow


def up(options: argparse.Namespace) -> int:
    instance = Instance(
        options.state,
        options.port,
        parameters=parameters_from(os.environ),
        admin=admin_from(os.environ),
        mail_relay=mail_relay_from(os.environ),
    )
    wanted = [clusters.from_environment(os.environ), notices.webhook_from(os.environ)]
    started = time.monotonic()
    stopping = _stops_by_signal()
    try:
        instance.up(lambda step: print(f"  {step}", flush=True), tethered=not options.detach)
        for command in filter(None, wanted):
            print(f"  {_TOLD[command['command']]}", flush=True)
            _operate(instance, command)
    except AlreadyUp as already:
        print(f"Quarterdeck is {already}")
        return 0
    except KeyboardInterrupt:
        instance.down()
        raise
    print(f"Quarterdeck is up after {time.monotonic() - started:.1f} s.\n")
    _introduce(instance, detached=options.detach)
    if options.detach:
        return 0
    try:
        return instance.wait()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not cut the last snapshot short
        print("\nStopping; state is kept.", flush=True)
        instance.down()
        return 0 if stopping.by is signal.SIGINT else 128 + int(stopping.by)


_TOLD = {
    "ensure_cluster": "registering the cluster of KUBECONFIG_PATH",
    "set_webhook": "setting the webhook of WEBHOOK_URL",
}


def _operate(instance: Instance, command: dict[str, Any]) -> None:
    """What is refused leaves nothing running: a second `up` would find it up and not set this."""
    try:
        instance.operate(command)
    except OperationRefused as refused:
        instance.down()
        raise InstanceProblem(f"{refused}\nQuarterdeck is down again.") from None


class _Stop:
    by: signal.Signals = signal.SIGINT


def _stops_by_signal() -> _Stop:
    """SIGTERM and SIGHUP end a waiting `up` as Ctrl-C does: in good order."""
    stop = _Stop()

    def interrupt(number: int, _: FrameType | None) -> None:
        stop.by = signal.Signals(number)
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    return stop


def _introduce(instance: Instance, *, detached: bool) -> None:
    for surface in instance.live_run().surfaces:
        print(f"  {surface:<8} {instance.base_url}{BASES[surface]}")
    print(f"  {'health':<8} {instance.base_url}/health\n")
    admin = instance.admin
    print(f"  log in as {admin.username} with the password {admin.password}")
    print(f"  (kept in {instance.state.admin_file}, readable by you only)\n")
    if instance.parameters.get("MailFrom") and not instance.mail_relay:
        print("  mail is kept and not delivered: QUARTERDECK_SMTP_RELAY names no server to hand it to\n")
    state = _state_option(instance)
    print(f"  stop with: {f'./quarterdeck down{state}' if detached else 'Ctrl-C'}", flush=True)


def _state_option(instance: Instance) -> str:
    from infra.environment import ROOT

    return "" if instance.state.path == ROOT / ".quarterdeck" else f" --state {instance.state.path}"


def down(options: argparse.Namespace) -> int:
    stopped = Instance(options.state).down()
    print("Stopped; state is kept." if stopped else "It was not up.")
    return 0


def status(options: argparse.Namespace) -> int:
    instance = Instance(options.state)
    if not instance.is_live:
        print("Quarterdeck is down.")
        return 1
    run = instance.live_run()
    if run.phase != "ready":
        print(f"Quarterdeck is {run.phase} (process {run.pid}): {run.steps[-1] if run.steps else ''}")
        return 1
    try:
        report = instance.health()
    except InstanceProblem as problem:
        print(f"Quarterdeck does not answer: {problem}")
        return 1
    print(f"Quarterdeck is {report['status']} at {instance.base_url} (process {run.pid})")
    for name, part in report["parts"].items():
        print(f"  {name:<11} {part['status']:<10} {part['detail']}")
    return 0 if report["status"] == "healthy" else 1


def logs(options: argparse.Namespace) -> int:
    directory = Instance(options.state).state.logs
    if not directory.is_dir():
        raise InstanceProblem(f"there are no logs in {options.state}")
    tails = [Tail(directory / f"{part}.log", options.lines) for part in PARTS]
    for tail in tails:
        for line in tail.first:
            print(f"{tail.name:<9} | {line}")
    sys.stdout.flush()
    if options.follow:
        for name, line in follow(tails):
            print(f"{name:<9} | {line}", flush=True)
    return 0


def user(options: argparse.Namespace) -> int:
    instance = Instance(options.state)
    instance.live_run()
    password = os.environ.get("QUARTERDECK_USER_PASSWORD") or _asked_password()
    command = {
        "command": "ensure_user",
        "username": options.username,
        "email": options.email,
        "password": password,
        "role": options.role,
    }
    try:
        made = instance.operate(command)
    except OperationRefused as refused:
        raise InstanceProblem(str(refused)) from None
    print(f"{made['user'].get('username', options.username)} may log in now, as {options.role}")
    return 0


def _asked_password() -> str:
    if not sys.stdin.isatty():
        raise InstanceProblem("no terminal to ask for the password on: set QUARTERDECK_USER_PASSWORD")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Again: "):
        raise InstanceProblem("the two passwords differ")
    return first


def demo(options: argparse.Namespace) -> int:
    from infra import demo as tour

    return tour.run(Instance(options.state), hold=options.hold)


def token(options: argparse.Namespace) -> int:
    from infra.client import Client

    print(Client(Instance(options.state)).log_in())
    return 0


def watch(options: argparse.Namespace) -> int:
    from infra import client as clients

    client = clients.Client(Instance(options.state))
    client.log_in()
    return 0 if clients.watch(client, options.execution) == "completed" else 1
