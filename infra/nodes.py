"""Commands about relays on other hosts: publish, activate, nodes. They speak to AWS with the operator's own
credentials, as the AWS command line does."""

from __future__ import annotations

import argparse
from typing import Any

from infra.relay import activation, release
from infra.relay.activation import RelayProblem


def _aws(options: argparse.Namespace) -> Any:
    import boto3

    session = boto3.session.Session(region_name=options.region)
    if session.region_name is None:
        raise RelayProblem("No region is set: give --region or set AWS_REGION.")
    return session


def publish(options: argparse.Namespace) -> int:
    """Puts the release into the bucket and has the nodes look at once."""
    aws = _aws(options)
    outputs = activation.stack_outputs(aws.client("cloudformation"), options.stack)
    digest = release.publish(aws.client("s3"), outputs["Bucket"])
    print(f"Published the relay {digest[:12]} to {outputs['Bucket']}/{release.KEY}.")
    aws.client("ssm").start_associations_once(AssociationIds=[outputs["RelayAssociation"]])
    print("Nodes that are there install it now, others when they come.")
    return 0


def activate(options: argparse.Namespace) -> int:
    """Prints the one command to run on a new host."""
    aws = _aws(options)
    outputs = activation.stack_outputs(aws.client("cloudformation"), options.stack)
    made = activation.activate(
        aws.client("ssm"), options.stack, outputs["RelayRole"], options.name, options.hours
    )
    print(f"Run this on the new host within {options.hours} hours; it holds a code that works once:\n")
    print(f"  {activation.command(made, aws.region_name)}\n")
    print(f"The relay is installed a minute later; see: ./quarterdeck relay nodes --stack {options.stack}")
    return 0


def nodes(options: argparse.Namespace) -> int:
    """Exit code 0 when there is a node and every one is heard and has the relay."""
    found = activation.nodes(_aws(options).client("ssm"), options.stack)
    for node in found:
        print("  ".join(f"{key} {value or '-'}" for key, value in node.items()))
    if not found:
        print(f"No node has the tag {activation.TAG}={options.stack}; make one: ./quarterdeck relay activate")
    return (
        0 if found and all(each["ping"] == "Online" and each["relay"] == "Success" for each in found) else 1
    )
