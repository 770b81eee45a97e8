"""SQS, in the few words that we need."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.aws.clients import client

LONGEST_DELAY = 900
"""Seconds that a message can be kept from its receivers."""


def send(url: str, body: dict[str, Any], delay_seconds: int = 0) -> None:
    client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body), DelaySeconds=delay_seconds)


def send_in_order(url: str, body: dict[str, Any], group: str, once: str) -> None:
    """To a FIFO queue: within ``group`` messages keep their order, and of those named ``once`` one counts."""
    client("sqs").send_message(
        QueueUrl=url,
        MessageBody=json.dumps(body),
        MessageGroupId=group,
        MessageDeduplicationId=once,
    )


def receive(url: str, *, most: int = 10, wait_seconds: int = 20) -> list[dict[str, Any]]:
    """Long poll; messages as SQS gives them (``Body``, ``ReceiptHandle``, ``Attributes``)."""
    answer = client("sqs", read_timeout=wait_seconds + 10).receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=most,
        WaitTimeSeconds=wait_seconds,
        MessageSystemAttributeNames=["ApproximateReceiveCount", "SequenceNumber"],
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def depth(url: str) -> tuple[int, int]:
    """About how many messages wait, and how many are with a receiver."""
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=wanted)
    waiting, taken = (int(answer["Attributes"][name]) for name in wanted)
    return waiting, taken


def delete(url: str, receipt: str) -> None:
    client("sqs").delete_message(QueueUrl=url, ReceiptHandle=receipt)


def hold(url: str, receipt: str, seconds: int) -> None:
    """Keep the message hidden for ``seconds`` from now."""
    client("sqs").change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=seconds)
