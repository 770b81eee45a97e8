"""The relay's release: its code, its locked requirements and its installer as one zip, in the stack's bucket.

The same sources give the same bytes, so that a node knows by the digest inside whether it has the release.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.environment import ROOT

KEY = "relay/release.zip"
PARTS = Path(__file__).resolve().parent
INSTALLED = ("install.sh", "quarterdeck-relay.service", "aws.ini")
# Zip files carry times; one for all keeps equal sources equal.
_TIME = (1980, 1, 1, 0, 0, 0)


def build(root: Path = ROOT) -> bytes:
    """The zip: ``chalicelib/``, ``requirements.txt``, ``relay/`` with the installer, and ``DIGEST``."""
    files = dict(_files(root))
    total = hashlib.sha256()
    for name, content in files.items():
        total.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    files["DIGEST"] = total.hexdigest().encode()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(_entry(name), content)
    return made.getvalue()


def digest(release: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(release)) as archive:
        return archive.read("DIGEST").decode()


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    sources = sorted((root / "chalicelib").rglob("*.py"))
    for path in [*sources, root / "requirements.txt"]:
        yield str(path.relative_to(root)), path.read_bytes()
    for name in INSTALLED:
        yield f"relay/{name}", (PARTS / name).read_bytes()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o755 if name.endswith(".sh") else 0o644) << 16
    return entry


def publish(s3: Any, bucket: str) -> str:
    """Puts the release where the nodes take it from; its digest."""
    release = build()
    s3.put_object(Bucket=bucket, Key=KEY, Body=release)
    return digest(release)
