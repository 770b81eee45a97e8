"""Secrets are a type: printing, logging or serialising one shows a mask. ``reveal()`` is the only way in."""

from __future__ import annotations

from pydantic import SecretStr

MASK = "***"


class Secret(SecretStr):
    """A pydantic SecretStr, so that it can be a model field, whose every text form is ``***``."""

    def reveal(self) -> str:
        return self.get_secret_value()

    def _display(self) -> str:
        return MASK
