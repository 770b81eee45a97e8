"""Objects in the one bucket: run logs past the table's size, sealed orders."""

from __future__ import annotations

from botocore.exceptions import ClientError

from chalicelib.aws.clients import client
from chalicelib.kernel.settings import settings


class Missing(Exception):
    """No such object, or none any more."""


def put(key: str, body: bytes) -> None:
    client("s3").put_object(Bucket=settings().bucket, Key=key, Body=body)


def get(key: str) -> bytes:
    """Raises Missing. Without the right to list the bucket AWS tells of a missing object as denied."""
    try:
        body: bytes = client("s3").get_object(Bucket=settings().bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "AccessDenied"}:
            raise Missing(key) from error
        raise
    return body
