"""References to container images, read as container engines read them."""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_REGISTRY = "docker.io"
LONGEST = 255
"""Characters of the name, without tag and digest, that registries take."""

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:(?P<registry>{_HOST})/)?(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Image:
    """``registry`` is the host that pulls go to, with its port; ``docker.io`` where none is named."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None


def parse(reference: str) -> Image:
    """Raises ValueError with words for the person who wrote it."""
    found = _REFERENCE.fullmatch(reference)
    if found is None or re.fullmatch(r"[a-f0-9]{64}", reference):
        raise ValueError(_why_not(reference))
    registry, path = found["registry"], found["path"]
    if registry is not None and not _is_host(registry):
        registry, path = None, f"{registry}/{path}"
        if not re.fullmatch(rf"{_PART}(?:/{_PART})*", path, re.ASCII):
            raise ValueError(_why_not(reference))
    if len(path) + len(registry or "") > LONGEST:
        raise ValueError(f"the name of an image has at most {LONGEST} characters")
    if registry in (None, "index.docker.io"):
        registry = DEFAULT_REGISTRY
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    digest = found["digest"]
    if digest and digest.startswith("sha256:") and len(digest) != len("sha256:") + 64:
        raise ValueError("a sha256 digest has 64 hexadecimal digits")
    return Image(registry or DEFAULT_REGISTRY, path, found["tag"], digest)


def _is_host(text: str) -> bool:
    """The first part of a reference is a host only if it cannot be a folder of the default registry."""
    return "." in text or ":" in text or text == "localhost" or text != text.lower()


def _why_not(reference: str) -> str:
    if not reference or reference != reference.strip() or re.search(r"\s", reference):
        return "an image reference has no white space"
    if reference.startswith(("http://", "https://")):
        return "an image reference has no http:// or https:// before it"
    if re.fullmatch(r"[a-f0-9]{64}", reference):
        return "an image id is not a reference: name a repository"
    name = reference.split("@", maxsplit=1)[0].rsplit("/", 1)
    if any(part != part.lower() for part in (name[-1].split(":")[0], *name[:-1])):
        return "the name of a repository is in lower case"
    return "should be an image reference such as nginx:1.27 or ghcr.io/team/app@sha256:…"
