"""Commands about Kubernetes clusters, and the cluster that `up` finds in its environment."""

from __future__ import annotations

import argparse
import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from infra.embedded.engine import OperationRefused
from infra.embedded.instance import Instance, InstanceProblem

DOMAIN_SUFFIX = "vinhomes.co.uk"
"""The document's."""

# What a kubeconfig names files for, and the member that holds such a file's content.
_INLINE = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
}


def from_environment(environment: Mapping[str, str]) -> dict[str, Any] | None:
    """The command that registers what KUBECONFIG_PATH, KUBERNETES_NAMESPACE and DOMAIN_SUFFIX say.

    None without KUBECONFIG_PATH. Raises InstanceProblem for a file that cannot be used.
    """
    path = environment.get("KUBECONFIG_PATH")
    if not path:
        return None
    command = {"command": "ensure_cluster", "name": "default", "kubeconfig": inlined(Path(path))}
    command["domain_suffix"] = environment.get("DOMAIN_SUFFIX") or DOMAIN_SUFFIX
    command["namespace_prefix"] = environment.get("KUBERNETES_NAMESPACE") or "app"
    return command


def inlined(path: Path) -> str:
    """The kubeconfig's text with the content of every file that it names in it: where it is used there are no
    files. Raises InstanceProblem."""
    path = path.expanduser()
    try:
        content = yaml.safe_load(path.read_text())
        if not isinstance(content, dict) or not content.get("clusters"):
            raise InstanceProblem(f"{path} is no kubeconfig: it lists no clusters")
        for kind in ("clusters", "users"):
            for entry in content.get(kind) or []:
                _inline(entry.get(kind.removesuffix("s")) or {}, path.parent)
    except (OSError, yaml.YAMLError, AttributeError) as problem:
        raise InstanceProblem(f"the kubeconfig {path} cannot be read: {problem}") from None
    return yaml.safe_dump(content)


def _inline(entry: dict[str, Any], folder: Path) -> None:
    for named, held in _INLINE.items():
        if file := entry.pop(named, None):
            entry.setdefault(held, base64.b64encode((folder / file).read_bytes()).decode())
    if file := entry.pop("tokenFile", None):
        entry.setdefault("token", (folder / file).read_text().strip())
    for program in ("exec", "auth-provider"):
        if program in entry:
            raise InstanceProblem(
                f"the kubeconfig logs in by a program ('{program}'), which cannot be run where it is used; "
                "give it a token or a client certificate"
            )


def add(options: argparse.Namespace) -> int:
    command = {
        "command": "ensure_cluster",
        "name": options.name,
        "kubeconfig": inlined(options.kubeconfig),
        "context": options.context,
        "namespace_prefix": options.namespace_prefix,
        "domain_suffix": options.domain_suffix or os.environ.get("DOMAIN_SUFFIX") or DOMAIN_SUFFIX,
        "ingress_class": options.ingress_class,
        "issuer": options.issuer,
        "reach": options.reach,
    }
    made = asked(options, command)["cluster"]
    print(f"{made['name']}: applications get names below {made['domain_suffix']}, reached {made['reach']}")
    return 0


def show(options: argparse.Namespace) -> int:
    found = asked(options, {"command": "list_clusters"})["clusters"]
    if not found:
        print("No cluster is registered.")
    for each in found:
        seen = each["capabilities"]
        told = f"Kubernetes {seen['version']}, seen {each['seen_at'][:19]}Z" if seen else "not seen yet"
        print(f"{each['name']:<20} {each['reach']:<16} *.{each['domain_suffix']:<30} {told}")
    return 0


def remove(options: argparse.Namespace) -> int:
    asked(options, {"command": "remove_cluster", "name": options.name})
    print(f"{options.name} is forgotten; what runs there was left alone")
    return 0


def quota(options: argparse.Namespace) -> int:
    names = ("username", "apps", "replicas", "cpu_millicores", "memory_mib")
    command = {"command": "set_quota"} | {name: getattr(options, name) for name in names}
    allowed = asked(options, command)["quota"]
    print(
        f"{options.username} may have {allowed['apps']} apps, {allowed['replicas']} replicas, "
        f"{allowed['cpu'] / 1000:g} cores and {allowed['memory'] // 1024**2} MiB"
    )
    return 0


def asked(options: argparse.Namespace, command: dict[str, Any]) -> dict[str, Any]:
    """What the operator's function answers. Raises InstanceProblem with what it has against the command."""
    instance = Instance(options.state)
    instance.live_run()
    try:
        return instance.operate(command)
    except OperationRefused as refused:
        raise InstanceProblem(str(refused)) from None
