"""The core on moto: the table as the package defines it, a key, a bucket, queues and a state machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import yaml
from moto import mock_aws

from chalicelib.aws import clients, table
from chalicelib.core.audit import Actor
from chalicelib.core.identity import tokens
from chalicelib.kernel import settings

TABLE = Path(__file__).parents[3] / "infra" / "template" / "table.yaml"
TAKEN = ("BillingMode", "KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes")


def _forget() -> None:
    for forget in (settings.forget, clients.forget, table.forget, tokens.forget):
        forget()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS with what the package makes, and this process set up as one of its functions."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "QUARTERDECK_TABLE": "quarterdeck",
        "QUARTERDECK_BUCKET": "quarterdeck-runs",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        properties = yaml.safe_load(TABLE.read_text())["Resources"]["Table"]["Properties"]
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(TableName="quarterdeck", **{name: properties[name] for name in TAKEN})
        boto3.client("s3").create_bucket(Bucket="quarterdeck-runs")
        key = boto3.client("kms").create_key()["KeyMetadata"]["KeyId"]
        monkeypatch.setenv("QUARTERDECK_KEY", key)
        sqs = boto3.client("sqs")
        for variable, name in (("RELAY_QUEUE_URL", "orders"), ("RELAY_CONTROL_QUEUE_URL", "control")):
            monkeypatch.setenv(f"QUARTERDECK_{variable}", sqs.create_queue(QueueName=name)["QueueUrl"])
        definition = {"StartAt": "Rest", "States": {"Rest": {"Type": "Pass", "End": True}}}
        for name in ("script-execution", "container-rollout", "certificate-issuance"):
            machine = boto3.client("stepfunctions").create_state_machine(
                name=name,
                definition=json.dumps(definition),
                roleArn="arn:aws:iam::123456789012:role/machine",
            )
            variable = f"QUARTERDECK_{name.upper().replace('-', '_')}_ARN"
            monkeypatch.setenv(variable, machine["stateMachineArn"])
        _forget()
        yield
    _forget()


@pytest.fixture
def actor() -> Actor:
    return Actor(1, "ada", "203.0.113.7")
