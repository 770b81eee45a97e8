"""Kinds of attributes that PynamoDB has not, or not as we need them."""

from __future__ import annotations

import json
from typing import Any

from pynamodb.attributes import JSONAttribute as EscapedJSONAttribute


class JSONAttribute(EscapedJSONAttribute):
    """JSON with its text as it is. PynamoDB's own escapes what is not ASCII: six bytes a character, of the
    400 KB that an item may have."""

    def serialize(self, value: Any) -> str | None:
        if value is None:
            return None
        text = json.dumps(value, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(value)  # half a surrogate pair, from outside: escaped it can be stored
        return text
