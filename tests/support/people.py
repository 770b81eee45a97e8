"""What is known of the users that tests make."""

from __future__ import annotations

PASSWORD = "correct horse battery staple"


def address_of(name: str) -> str:
    return f"{name}@example.com"
