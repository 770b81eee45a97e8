"""The credentials of a managed node for the AWS library's ``credential_process``. Standard library only.

The SSM agent writes them to a file, good for an hour and renewed every half hour; they are told here as good
for less, so that the library comes back for the next ones in time.
"""

from __future__ import annotations

import configparser
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

GOOD_FOR = timedelta(minutes=20)
"""The library renews 15 minutes before the end: it looks at the file about every 5 minutes."""


def answer(file: Path, now: datetime) -> dict[str, object]:
    """What the library wants to read. Raises KeyError or OSError while the agent has not written them."""
    found = configparser.ConfigParser(interpolation=None)
    with file.open() as text:
        found.read_file(text)
    profile = found["default"]
    return {
        "Version": 1,
        "AccessKeyId": profile["aws_access_key_id"],
        "SecretAccessKey": profile["aws_secret_access_key"],
        "SessionToken": profile["aws_session_token"],
        "Expiration": (now + GOOD_FOR).isoformat(),
    }


if __name__ == "__main__":
    json.dump(answer(Path(sys.argv[1]), datetime.now(UTC)), sys.stdout)
