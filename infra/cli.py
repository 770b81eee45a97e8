"""The commands of ``./quarterdeck``: parsing and dispatch alone; each command's work is in its own module."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra import checks, clusters, lifecycle, nodes, notices
from infra.embedded.instance import InstanceProblem
from infra.environment import ROOT
from infra.packaging import PackagingProblem
from infra.relay.activation import RelayProblem

Work = Callable[[argparse.Namespace], int]
# argparse gives the type of what add_subparsers returns no public name.
Commands = Any


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and not getattr(options, "passes_on", False):
        parser.error(f"unknown arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        code: int = options.work(options)
    except (InstanceProblem, PackagingProblem, RelayProblem) as problem:
        print(f"quarterdeck: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has gone, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quarterdeck", description="One control plane, on one machine or on AWS."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    up = _command(commands, "up", lifecycle.up, "start Quarterdeck on this machine")
    _with_state(up)
    up.add_argument("--port", type=_port, default=8000, metavar="N", help="public port on loopback (8000)")
    up.add_argument(
        "--detach", action="store_true", help="return when everything answers and leave it running"
    )

    work: Work
    for name, work, text in (
        ("down", lifecycle.down, "stop it; its state is kept"),
        ("status", lifecycle.status, "ask every part; exit code 0 when all are healthy"),
    ):
        _with_state(_command(commands, name, work, text))

    logs = _command(commands, "logs", lifecycle.logs, "show the logs of every part")
    _with_state(logs)
    logs.add_argument("-f", "--follow", action="store_true", help="go on showing what comes")
    logs.add_argument(
        "-n", "--lines", type=int, default=50, metavar="N", help="lines of each part to begin with (50)"
    )

    user = _command(commands, "user", lifecycle.user, "make a user, or give one a new password and role")
    _with_state(user)
    user.add_argument("username")
    user.add_argument("--email", required=True)
    user.add_argument("--role", default="user", choices=["admin", "operator", "user", "viewer"])

    demo = _command(
        commands, "demo", lifecycle.demo, "run a script on a throw-away SSH host and watch its output"
    )
    _with_state(demo)
    demo.add_argument("--hold", action="store_true", help="only start the SSH host, and keep it until Ctrl-C")

    _with_state(_command(commands, "token", lifecycle.token, "print an access token of the administrator"))

    watch = _command(commands, "watch", lifecycle.watch, "show the output of an execution as it appears")
    _with_state(watch)
    watch.add_argument("execution", help="its number or UUID")

    sent = _command(
        commands, "deliveries", notices.deliveries, "show the newest webhooks and mails, and how they fared"
    )
    _with_state(sent)
    sent.add_argument("-n", "--lines", type=int, default=20, metavar="N", help="how many (20)")

    quota = _command(commands, "quota", clusters.quota, "set how much a user may deploy")
    _with_state(quota)
    quota.add_argument("username")
    for name, text in (
        ("apps", "applications"),
        ("replicas", "replicas of all applications together"),
        ("cpu-millicores", "thousandths of a core, of all replicas together"),
        ("memory-mib", "mebibytes of memory, of all replicas together"),
    ):
        quota.add_argument(f"--{name}", type=int, metavar="N", help=f"{text}; left out: the usual limit")
    _cluster(commands)
    _relay(commands)

    package = _command(commands, "package", checks.package, "make the package for AWS, dependencies included")
    package.add_argument("--out", type=Path, default=ROOT / "build", metavar="DIR", help="where to (build/)")

    for name, work, text in (
        ("test", checks.test, "run the whole suite; further arguments go to pytest"),
        ("bench", checks.bench, "measure; names choose what"),
        ("lint", checks.lint, "ruff, mypy and import-linter"),
    ):
        _command(commands, name, work, text).set_defaults(passes_on=name != "lint")
    return parser


def _cluster(commands: Commands) -> None:
    """What an operator does about Kubernetes clusters."""
    parser = commands.add_parser("cluster", help="Kubernetes clusters that containers are deployed to")
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = _command(inner, "add", clusters.add, "register a cluster, or bring the registered one to this")
    _with_state(add)
    add.add_argument("name", nargs="?", default="default", help="what deployments call it (default)")
    add.add_argument("--kubeconfig", type=Path, required=True, metavar="FILE")
    add.add_argument("--context", help="of the file; without it, its current one")
    add.add_argument(
        "--namespace-prefix", default="app", metavar="TEXT", help="of namespaces made there (app)"
    )
    add.add_argument("--domain-suffix", metavar="DOMAIN", help="of host names (DOMAIN_SUFFIX)")
    add.add_argument("--ingress-class", metavar="NAME", help="without it, the cluster's default one")
    add.add_argument("--issuer", metavar="NAME", help="cert-manager's ClusterIssuer for certificates")
    add.add_argument("--reach", default="direct", metavar="HOW", help="'direct' or 'relay:ID' (direct)")
    _with_state(_command(inner, "list", clusters.show, "show the clusters and what each was seen to have"))
    remove = _command(inner, "remove", clusters.remove, "forget a cluster that nothing is deployed to")
    _with_state(remove)
    remove.add_argument("name")


def _relay(commands: Commands) -> None:
    """What is done about relays on other hosts, on AWS."""
    parser = commands.add_parser("relay", help="relays on other hosts, managed by AWS Systems Manager")
    inner = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    work: Work
    for name, work, text in (
        ("publish", nodes.publish, "put this version of the relay into the stack's bucket, for all nodes"),
        ("activate", nodes.activate, "print the one command that makes a host a node with a relay"),
        ("nodes", nodes.nodes, "show the nodes; exit code 0 when every one is heard and has the relay"),
    ):
        command = _command(inner, name, work, text)
        command.add_argument("--stack", default="quarterdeck", help="the CloudFormation stack (quarterdeck)")
        command.add_argument("--region", help="of the stack; without it, as for the AWS command line")
        if name == "activate":
            command.add_argument("--name", default="quarterdeck-relay", help="of the node, in SSM")
            command.add_argument("--hours", type=_hours, default=24, help="how long the command is good (24)")


def _command(commands: Commands, name: str, work: Work, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    command.set_defaults(work=work)
    return command


def _with_state(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--state",
        type=Path,
        default=ROOT / ".quarterdeck",
        metavar="DIR",
        help="state directory (.quarterdeck/ beside this program)",
    )


def _hours(text: str) -> int:
    hours = int(text) if text.isdigit() else 0
    if not 1 <= hours <= 720:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and 720 hours")
    return hours


def _port(text: str) -> int:
    port = int(text) if text.isdigit() else 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port number")
    return port


if __name__ == "__main__":
    sys.exit(main())
