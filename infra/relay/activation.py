"""Making a host a node that SSM manages: one command to run there, and what became of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

TAG = "quarterdeck-relay"
"""Nodes with this tag, its value being the stack's name, are kept a relay by the State Manager."""


class RelayProblem(Exception):
    """What the operator has to mend, in words."""


@dataclass(frozen=True)
class Activation:
    """``code`` is like a password: shown once, kept nowhere."""

    id: str
    code: str
    expires: datetime


def stack_outputs(cloudformation: Any, stack: str) -> dict[str, str]:
    """Raises RelayProblem for a stack that is not there or not ours."""
    try:
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        raise RelayProblem(f"There is no stack '{stack}' in this account and region. {error}") from error
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    if missing := {"Bucket", "RelayRole"} - outputs.keys():
        raise RelayProblem(f"The stack '{stack}' is not one of Quarterdeck's: it has no {sorted(missing)}.")
    return outputs


def activate(ssm: Any, stack: str, role: str, name: str, hours: int) -> Activation:
    """For one host, to be used within ``hours`` (at most 720)."""
    expires = datetime.now(UTC) + timedelta(hours=hours)
    made = ssm.create_activation(
        Description=f"Quarterdeck relay of the stack {stack}",
        DefaultInstanceName=name,
        IamRole=role,
        RegistrationLimit=1,
        ExpirationDate=expires,
        Tags=[{"Key": TAG, "Value": stack}],
    )
    return Activation(made["ActivationId"], made["ActivationCode"], expires)


def command(activation: Activation, region: str) -> str:
    """What to run on the host, as root: AWS's own installer of the agent, registering it."""
    source = f"https://amazon-ssm-{region}.s3.{region}.amazonaws.com/latest/linux_$arch/ssm-setup-cli"
    register = shlex.join(
        ["-register", "-activation-id", activation.id, "-activation-code", activation.code, "-region", region]
    )
    return (
        'arch=$(uname -m | sed "s/x86_64/amd64/;s/aarch64/arm64/") && '
        f'curl -fsSo /tmp/ssm-setup-cli "{source}" && '
        f"chmod 700 /tmp/ssm-setup-cli && sudo /tmp/ssm-setup-cli {register}"
    )


def nodes(ssm: Any, stack: str) -> list[dict[str, str]]:
    """The stack's nodes: id, name, address, whether SSM hears them, and how the last installation went."""
    pages = ssm.get_paginator("describe_instance_information").paginate(
        Filters=[{"Key": f"tag:{TAG}", "Values": [stack]}]
    )
    return [
        {
            "node": each["InstanceId"],
            "name": each.get("Name", ""),
            "address": each.get("IPAddress", ""),
            "ping": each.get("PingStatus", ""),
            "relay": each.get("AssociationStatus", "Pending"),
        }
        for page in pages
        for each in page["InstanceInformationList"]
    ]
