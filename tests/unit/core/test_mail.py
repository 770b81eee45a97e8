"""Mail: who may be written to, what the message holds, and honest words when it cannot be sent."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chalicelib.aws import clients, mail
from chalicelib.kernel import settings
from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError, Unavailable

MESSAGE = mail.Message(("ada@example.com",), "Backup failed\r\nBcc: eve@example.com", "See the log.")


@pytest.fixture
def sender(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_MAIL_FROM", "deck@example.com")
    monkeypatch.setenv("QUARTERDECK_MAIL_FROM_NAME", "Fähre, Deck")
    settings.forget()


def refused(code: str, status: int) -> Exception:
    """What sending raises when SES refuses with ``code``."""
    with Stubber(clients.client("sesv2")) as ses:
        ses.add_client_error("send_email", code, "Email address is not verified", status)
        with pytest.raises(Exception) as caught:
            mail.send(MESSAGE)
    return caught.value


def test_without_a_sender_it_says_so_and_what_to_set(cloud: None) -> None:
    assert not mail.has_sender()
    with pytest.raises(Unavailable, match="QUARTERDECK_MAIL_FROM"):
        mail.send(MESSAGE)


def test_a_message_has_one_subject_line_and_the_sender_s_name(sender: None) -> None:
    expected = {
        "FromEmailAddress": "=?utf-8?b?RsOkaHJlLCBEZWNr?= <deck@example.com>",
        "Destination": {"ToAddresses": ["ada@example.com"]},
        "Content": {
            "Simple": {
                "Subject": {"Data": "Backup failed Bcc: eve@example.com", "Charset": "UTF-8"},
                "Body": {"Text": {"Data": "See the log.", "Charset": "UTF-8"}},
                "Headers": [{"Name": "Auto-Submitted", "Value": "auto-generated"}],
            }
        },
    }
    with Stubber(clients.client("sesv2")) as ses:
        ses.add_response("send_email", {"MessageId": "m-1"}, expected)
        assert mail.send(MESSAGE) == "m-1"


def test_what_ses_will_never_take_is_permanent(sender: None) -> None:
    error = refused("MessageRejected", 400)
    assert isinstance(error, PermanentTargetError)
    assert "not verified" in error.message


@pytest.mark.parametrize(("code", "status"), [("TooManyRequestsException", 429), ("InternalFailure", 500)])
def test_what_ses_may_take_later_is_transient(sender: None, code: str, status: int) -> None:
    error = refused(code, status)
    assert isinstance(error, TransientTargetError)
    assert isinstance(error.__cause__, ClientError)
