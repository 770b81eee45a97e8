"""One person at one shell: what the shell shows goes out, what the person types goes in, until either ends.

The screen is read by the run's own thread, which alone talks to the person; typing has a thread beside it.
What the relay is told of the run comes in as jobs that its thread takes between two reads.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from chalicelib.aws import sockets
from chalicelib.core.terminals import sessions
from chalicelib.core.terminals.orders import TerminalOrder
from chalicelib.core.terminals.sessions import Ending
from chalicelib.kernel.errors import TargetError
from chalicelib.kernel.logs import log
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import settings
from chalicelib.relay.line import NOTICE_SECONDS, PAUSE, Line
from chalicelib.relay.recorder import Recorder
from chalicelib.relay.scrollback import Scrollback
from chalicelib.relay.sequence import Sequence
from chalicelib.relay.shells import open_shell
from chalicelib.relay.typist import TooMuch, Typist
from chalicelib.targets.shells import Shell, Size
from chalicelib.targets.ssh.pool import ConnectionPool

Json = dict[str, Any]

PIECE = 20_000
"""Characters of output a message: at worst six bytes each in JSON, the gateway takes 128 KiB."""
LOOK_SECONDS = 0.2
LAST_WORDS_SECONDS = 0.5
_END_TRIES = 3

GONE = "The person's connection was lost and did not come back in time."
IDLE = "Nothing was typed or shown for {} seconds."
BROKEN = "The relay failed while it held this session ({})."
MISSING = "Something that you typed was lost on the way. What came after it was not typed."
TOO_MUCH = "The host does not take what you type; this was dropped."
CLOSING = "This connection ends in {} seconds. Connect again with the resume token to go on."
SKIPPED = "[{} characters of output are not kept any more]\r\n"


class TerminalRun:
    """``done`` is called once, at the end, by the run's own thread."""

    def __init__(
        self,
        order: TerminalOrder,
        connection_id: str,
        boot: str,
        pool: ConnectionPool,
        done: Callable[[TerminalRun], None],
    ) -> None:
        self.order = order
        self._boot = boot
        self._pool = pool
        self._done = done
        self._line: Line | None = Line(connection_id)
        self._left_at = 0.0
        self._active_at = time.monotonic()
        self._stopped: Ending | None = None
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._typing = Lock()
        self._typist: Typist | None = None
        self._early: list[Json] = []
        self._sequence = Sequence()
        self._scrollback = Scrollback()
        self._characters = codecs.getincrementaldecoder("utf-8")("replace")
        self._size = Size(order.columns, order.rows).within_bounds()
        hidden = [secret.reveal() for secret in order.where.secrets]
        self._recorder = Recorder(order.terminal_id, self._size, hidden, settings().output_limit_bytes)
        self._thread = Thread(target=self._run, name=f"terminal-{order.terminal_id}", daemon=True)

    # -- told by the relay ----------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(max(0.0, seconds))

    def say(self, message: Json) -> None:
        """One message of the person."""
        with self._typing:
            number = message.get("seq")
            for one in [message] if number is None else self._sequence.take(number, message):
                self._act(one)

    def resume(self, connection_id: str, seen: int | None) -> None:
        with self._typing:
            self._sequence = Sequence()
        self._jobs.put(lambda: self._take_line(connection_id, seen))

    def leave(self, connection_id: str) -> None:
        """The connection is closed. One that was replaced meanwhile does not count."""
        self._jobs.put(lambda: self._drop_line(connection_id))

    def refuse(self, words: str) -> None:
        self._jobs.put(lambda: self._tell_surely({"type": "error", "data": words}))

    def stop(self, reason: str) -> None:
        self._jobs.put(lambda: setattr(self, "_stopped", Ending(reason)))

    def _act(self, message: Json) -> None:
        if self._typist is None:
            self._early.append(message)
            return
        try:
            if "keys" in message:
                self._typist.add(message["keys"].encode())
            elif "columns" in message:
                size = Size(message["columns"], message["rows"]).within_bounds()
                self._typist.add(size)
                self._recorder.resized(size)
            self._active_at = time.monotonic()
        except TooMuch:
            self.refuse(TOO_MUCH)

    def _hand_over(self, typist: Typist) -> None:
        with self._typing:
            self._typist = typist
            early, self._early = self._early, []
            for message in early:
                self._act(message)

    # -- its life -------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            ending, code = self._live()
        except TargetError as error:
            ending, code = Ending(error.message), 1011
        except Exception as error:  # noqa: BLE001 - becomes the session's reason
            log().exception("terminal failed", terminal=self.order.terminal_id)
            ending, code = Ending(BROKEN.format(type(error).__name__)), 1011
        try:
            self._end(ending, code)
        finally:
            self._done(self)

    def _live(self) -> tuple[Ending, int]:
        """How it ended, and the close code that says so."""
        with open_shell(self._pool, self.order.where, self._size) as shell:
            if not sessions.begin(self.order.terminal_id, self._boot):
                return Ending(), 1000
            self._greet(resumed=False)
            typist = Typist(shell, f"typist-{self.order.terminal_id}")
            try:
                self._hand_over(typist)
                self._follow(shell)
            finally:
                typist.close()
            if self._stopped is not None and not shell.ended:
                return self._stopped, 1000
            if (failure := shell.failure()) is not None:
                raise failure
            return Ending(None, shell.exit_code, shell.signal), 1000

    def _follow(self, shell: Shell) -> None:
        quiet_since: float | None = None
        while self._stopped is None:
            self._work_off_jobs()
            self._look_at_the_clock()
            self._deliver()
            heard = b""
            if not self._scrollback.full:
                heard = shell.read(0 if self._can_send else LOOK_SECONDS)
                self._show(heard)
            if not shell.ended:
                continue
            # Something in the background may hold the terminal open: what ended is the shell. What it said
            # before is still on its way.
            if quiet_since is None or heard or self._scrollback.full:
                quiet_since = time.monotonic()
            if shell.drained or time.monotonic() - quiet_since > LAST_WORDS_SECONDS:
                break
        self._show(b"", final=True)
        self._deliver_the_rest()

    def _deliver_the_rest(self) -> None:
        """For as long as it is taken."""
        sent, since = self._scrollback.sent, time.monotonic()
        while self._can_send and time.monotonic() - since < LAST_WORDS_SECONDS * 4:
            self._deliver()
            if self._scrollback.sent > sent:
                sent, since = self._scrollback.sent, time.monotonic()

    def _end(self, ending: Ending, code: int) -> None:
        """The person is told at once; the connection closes when the end is recorded."""
        line = self._last_words(ending, code)
        self._recorder.close()
        for pause in range(_END_TRIES):
            try:
                sessions.end(self.order.terminal_id, ending)
                break
            except Exception:  # noqa: BLE001 - the table may be away for a moment
                log().exception("end not recorded", terminal=self.order.terminal_id)
                time.sleep(pause)
        seconds = round(time.monotonic() - self._active_at, 1)
        log().info("terminal ended", terminal=self.order.terminal_id, reason=ending.reason, idle=seconds)
        if line is not None:
            line.close()

    def _last_words(self, ending: Ending, code: int) -> Line | None:
        """On the connection, if there is one still. ``close`` is the code that it should close with: the
        gateway itself cannot choose."""
        line = self._line
        if line is None:
            return None
        if ending.reason is not None:
            words: Json = {"type": "error", "data": ending.reason, "close": code}
        else:
            told = {"code": ending.exit_code, "signal": ending.signal}
            words = {"type": "exit", "data": "", **told, "close": code}
        try:
            line.say_surely(words)
        except sockets.Gone:
            return None
        return line

    # -- the screen -----------------------------------------------------------------------------------

    @property
    def _can_send(self) -> bool:
        return self._line is not None and self._scrollback.waiting

    def _show(self, data: bytes, *, final: bool = False) -> None:
        text = self._characters.decode(data, final)
        if text:
            self._active_at = time.monotonic()
            self._scrollback.add(text)
            self._recorder.shown(text)

    def _deliver(self) -> None:
        if self._line is None:
            if self._scrollback.full:
                time.sleep(PAUSE)
            return
        text = self._scrollback.next(PIECE)
        if text and self._tell({"type": "output", "data": text, "at": self._scrollback.sent + len(text)}):
            self._scrollback.mark_sent(len(text))

    # -- the person -----------------------------------------------------------------------------------

    def _tell(self, message: Json) -> bool:
        if self._line is None:
            return False
        try:
            return self._line.say(message)
        except sockets.Gone:
            self._drop_line(self._line.connection_id)
            return False

    def _tell_surely(self, message: Json) -> None:
        until = time.monotonic() + LAST_WORDS_SECONDS * 4
        while self._line is not None and not self._tell(message) and time.monotonic() < until:
            continue

    def _greet(self, *, resumed: bool) -> None:
        who = {"session": self.order.terminal_id, "resume": _shown(self.order.resume), "resumed": resumed}
        self._tell_surely({"type": "ready", "data": "", **who})

    def _take_line(self, connection_id: str, seen: int | None) -> None:
        before, self._line = self._line, Line(connection_id)
        self._active_at = time.monotonic()
        lost = self._scrollback.go_back(seen)
        self._greet(resumed=True)
        if lost:
            self._tell_surely({"type": "output", "data": SKIPPED.format(lost), "at": self._scrollback.sent})
        if before is not None:
            before.close()

    def _drop_line(self, connection_id: str) -> None:
        if self._line is not None and self._line.connection_id == connection_id:
            self._line, self._left_at = None, time.monotonic()

    def _work_off_jobs(self) -> None:
        while True:
            try:
                self._jobs.get_nowait()()
            except Empty:
                return

    def _look_at_the_clock(self) -> None:
        now, most = time.monotonic(), settings()
        if self._line is None and now - self._left_at > most.terminal_resume_seconds:
            self._stopped = Ending(GONE)
        if now - self._active_at > most.terminal_idle_seconds:
            self._stopped = Ending(IDLE.format(most.terminal_idle_seconds))
        with self._typing:
            missing = self._sequence.give_up()
        if missing:
            self._tell_surely({"type": "error", "data": MISSING})
        if self._line is not None and self._line.take_notice():
            notice = CLOSING.format(NOTICE_SECONDS)
            self._tell_surely({"type": "closing", "data": notice, "resume": _shown(self.order.resume)})
        elif self._line is not None and self._line.silent_for_long:
            self._tell({"type": "ping", "data": ""})


def _shown(token: Secret) -> str:
    """The one place where the token leaves us in clear: to the person whose it is."""
    return token.reveal()
