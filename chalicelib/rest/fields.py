"""Field types that several surfaces need, with messages for the person who sent them.

Models are built when first used: a cold start does not pay for operations that nobody calls.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from chalicelib.kernel.ids import is_uuid

LARGEST_ID = 10**12 - 1
LARGEST_PAGE = 100


class Request(BaseModel):
    """A request body: types are taken literally (no text for a number), unknown keys are passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True, defer_build=True)


class Parameters(BaseModel):
    """Path or query parameters, which always come as text."""

    model_config = ConfigDict(extra="ignore", defer_build=True)


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,18}", value, re.ASCII):
        raise ValueError("should be a whole number")
    return value


def _uuid(text: str) -> str:
    if not is_uuid(text):
        raise ValueError("expected a UUID")
    return text.lower()


def _readable(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("must not contain control characters")
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _host(text: str) -> str:
    if not re.fullmatch(r"[\w.:%-]+", text) or text.startswith("-"):
        raise ValueError("should be a host name or an IP address")
    return text


def _login(text: str) -> str:
    if re.search(r"\s", _readable(text)) or text.startswith("-"):
        raise ValueError("must not contain white space or begin with '-'")
    return text


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+", _readable(text)):
        raise ValueError("should be an e-mail address such as name@example.com")
    return text


Id = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=LARGEST_ID)]
BodyId = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Uuid = Annotated[str, StringConstraints(max_length=36), AfterValidator(_uuid)]
Whole = Annotated[int, BeforeValidator(_digits)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_readable)]
Hostname = Annotated[str, StringConstraints(min_length=1, max_length=253), AfterValidator(_host)]
LoginName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_login)]
Email = Annotated[str, StringConstraints(min_length=3, max_length=254), AfterValidator(_address)]
Description = Annotated[str, StringConstraints(max_length=4000)]
Port = Annotated[int, Field(ge=1, le=65535)]
Limit = Annotated[Whole, Field(ge=1), AfterValidator(lambda limit: min(limit, LARGEST_PAGE))]


class PageQuery(Parameters):
    """``limit`` past the largest page is cut down to it."""

    page: Annotated[Whole, Field(ge=1, le=10**9)] = 1
    limit: Limit = 10


def left_out() -> Any:
    """Default of a field that keeps its stored value when it is not sent; null is not the same as that."""
    return Field(default=None)


def moment(text: str, *, whole_day: bool = False) -> datetime:
    """An ISO date or date-time; without zone it is UTC. ``whole_day``: a bare date means its last instant.

    Raises ValueError.
    """
    # In a query string a plus sign that was not escaped arrives as a space.
    text = text.strip().replace(" ", "+") if text.count(" ") == 1 and "T" in text else text.strip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return datetime.combine(date.fromisoformat(text), time.max if whole_day else time.min, UTC)
    found = datetime.fromisoformat(text)
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError as error:  # no ValueError, which alone is told as the sender's mistake
        raise ValueError("should be within the years 1 to 9999") from error
