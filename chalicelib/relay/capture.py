"""What one script says, on its way to the tape: cut between characters, capped, its head kept."""

from __future__ import annotations

from chalicelib.core.executions.feed import Output
from chalicelib.core.executions.model import OUTPUT_HEAD
from chalicelib.relay.tape import Tape

_LONGEST_CHARACTER = 4


def whole_characters(data: bytes) -> int:
    """How many of ``data``'s bytes end with a whole UTF-8 character; all of them when it is not UTF-8."""
    for back in range(1, min(_LONGEST_CHARACTER, len(data) + 1)):
        lead = data[-back]
        if lead & 0b1100_0000 == 0b1000_0000:
            continue  # a following byte: the lead is further back
        length = 2 if lead >> 5 == 0b110 else 3 if lead >> 4 == 0b1110 else 4 if lead >> 3 == 0b11110 else 1
        return len(data) - back if length > back else len(data)
    return len(data)


class Capture:
    """One part's output. Used by one thread."""

    def __init__(self, tape: Tape, part_id: int, server_id: int) -> None:
        self._tape = tape
        self._part_id = part_id
        self._server_id = server_id
        self._held = {"stdout": b"", "stderr": b""}
        self.head = b""
        self.size = 0
        self.mark = 0

    def take(self, stream: str, data: bytes) -> None:
        self.size += len(data)
        if len(self.head) < OUTPUT_HEAD:
            self.head += data[: OUTPUT_HEAD - len(self.head)]
        data = self._held[stream] + data
        end = whole_characters(data)
        self._held[stream] = data[end:]
        self._pass_on(stream, data[:end])

    def note(self, text: str) -> None:
        """A line of our own, among the errors."""
        self.take("stderr", text.encode())

    def finish(self) -> None:
        """Passes on what was held back and waits until all is stored."""
        for stream, data in self._held.items():
            self._pass_on(stream, data)
        self._held = {"stdout": b"", "stderr": b""}
        self._tape.wait(self.mark)

    def _pass_on(self, stream: str, data: bytes) -> None:
        if data:
            self.mark = self._tape.add(Output(self._part_id, self._server_id, stream, data))
