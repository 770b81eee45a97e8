"""Objects in the one bucket: run logs past the table's size, sealed orders."""

from __future__ import annotations

from chalicelib.aws.clients import client
from chalicelib.kernel.settings import settings


def put(key: str, body: bytes) -> None:
    client("s3").put_object(Bucket=settings().bucket, Key=key, Body=body)


def get(key: str) -> bytes:
    body: bytes = client("s3").get_object(Bucket=settings().bucket, Key=key)["Body"].read()
    return body
