"""A part's output as a reader takes it: how far it has read, and whether that is all there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.core.executions import feed
from chalicelib.core.executions.feed import FeedEntry
from chalicelib.core.executions.model import Part
from chalicelib.kernel import clock

INDEX_SECONDS = 60
"""After the end of a part, when the index that lists its output has long caught up: what it does not have by
then is not kept any more, or never was."""

CURSOR = r"^([0-9c]{1,6}#\d{12}(#\d{1,12})?)?$"


@dataclass(frozen=True)
class Place:
    """Behind the entry that is listed as ``after``, with ``read`` bytes. None: the cursor is from before they
    were counted."""

    after: str = ""
    read: int | None = 0

    @classmethod
    def of(cls, cursor: str) -> Place:
        """``cursor`` as :data:`CURSOR` has it."""
        feed_name, _, rest = cursor.partition("#")
        number, counted, read = rest.partition("#")
        return cls(f"{feed_name}#{number}", int(read) if counted else None) if cursor else cls()

    @property
    def cursor(self) -> str:
        return self.after if self.read is None or not self.after else f"{self.after}#{self.read}"

    def behind(self, entry: FeedEntry, size: int) -> Place:
        return Place(entry.gsi1sk, None if self.read is None else self.read + size)

    def lacks(self, part: Part) -> bool:
        """Whether ``part``, which has ended, said more than was read up to here."""
        return self.read is not None and self.read < int(part.output_bytes or 0)


@dataclass(frozen=True)
class Piece:
    """``behind``: the place of who has read it."""

    stream: str
    data: bytes
    behind: Place


def pieces(part: Part, place: Place) -> Iterator[Piece]:
    """What the index lists behind ``place``; it may be behind the feed itself. For what the bucket has let go
    of there are words, which do not count as read."""
    for entry in feed.output_of(int(part.id), place.after):
        kept = entry.kept()
        place = place.behind(entry, len(kept or b""))
        yield Piece(entry.stream, feed.GONE if kept is None else kept, place)


def complete(part: Part, place: Place) -> bool:
    """Whether who has read up to ``place``, and was given no more, need not come again."""
    if not part.state.final:
        return False
    return not place.lacks(part) or _settled(part)


def _settled(part: Part) -> bool:
    ended = clock.parse(part.completed_at) if part.completed_at else clock.now()
    return (clock.now() - ended).total_seconds() > INDEX_SECONDS
