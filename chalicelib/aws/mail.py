"""Mail through SES: plain text, from the one address that the operator has had verified there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.utils import formataddr
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws.clients import client
from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError, Unavailable
from chalicelib.kernel.settings import settings

MOST_RECIPIENTS = 50
"""Of one message, by SES."""

_TRANSIENT = {"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "InternalFailure"}
_LONGEST_SUBJECT = 200


@dataclass(frozen=True)
class Message:
    """``headers`` are further ones; names of our own begin with ``X-``."""

    to: tuple[str, ...]
    subject: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)


def has_sender() -> bool:
    """Whether the operator has set an address to send from; without one :func:`send` refuses."""
    return bool(settings().mail_from)


def send(message: Message) -> str:
    """SES' id of the message, which SES has accepted: whether it arrives is known to SES alone.

    Raises Unavailable when there is no sender, TransientTargetError when SES may take it later, and
    PermanentTargetError when it will not: the sender is not verified, an address is malformed.
    """
    if not has_sender():
        raise Unavailable("No mail can be sent: the operator has set no sender (QUARTERDECK_MAIL_FROM).")
    try:
        answer = client("sesv2").send_email(**_request(message))
    except ClientError as error:
        raise _told(error) from error
    return str(answer["MessageId"])


def _request(message: Message) -> dict[str, Any]:
    headers = {"Auto-Submitted": "auto-generated", **message.headers}
    return {
        "FromEmailAddress": formataddr((settings().mail_from_name, settings().mail_from)),
        "Destination": {"ToAddresses": list(message.to)},
        "Content": {
            "Simple": {
                "Subject": {"Data": _one_line(message.subject), "Charset": "UTF-8"},
                "Body": {"Text": {"Data": message.text, "Charset": "UTF-8"}},
                "Headers": [{"Name": name, "Value": _one_line(value)} for name, value in headers.items()],
            }
        },
    }


def _one_line(text: str) -> str:
    """A subject may hold a name that a person gave; no line of it may become a header."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text).strip()[:_LONGEST_SUBJECT]


def _told(error: ClientError) -> Exception:
    told = error.response["Error"]
    text = f"SES refused the mail: {told.get('Message') or told['Code']}"
    if told["Code"] in _TRANSIENT or error.response["ResponseMetadata"].get("HTTPStatusCode", 500) >= 500:
        return TransientTargetError(text)
    return PermanentTargetError(text)
