"""Secrets are a type: printing, logging or serialising one shows a mask. ``reveal()`` is the only way in."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import core_schema

MASK = "***"


class Secret(SecretStr):
    """A pydantic SecretStr, so that it can be a model field, whose every text form is ``***``.

    Dumping a model in clear must be asked for: ``model_dump_json(context={"reveal": True})``.
    """

    def reveal(self) -> str:
        return self.get_secret_value()

    def _display(self) -> str:
        return MASK

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        from_text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=from_text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), from_text]),
            serialization=core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True),
        )


def _dump(value: Any, info: core_schema.SerializationInfo) -> str:
    asked = isinstance(info.context, dict) and info.context.get("reveal") is True
    return value.reveal() if asked and isinstance(value, Secret) else MASK
