"""What a script on a real host prints, and how it ends."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.targets.ssh import programs
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login, ScriptRun
from chalicelib.targets.ssh.run import run_script
from tests.support.waiting import until_there
from tests.targets.conftest import Run

pytestmark = pytest.mark.targets

RunIt = Callable[..., Run]


def script_directory(done: Run) -> Path:
    """Where the script was, when it was ``echo $0``."""
    return Path(done.stdout.decode().split()[0]).parent


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


# ---------------------------------------------------------------------- output


def test_both_streams_come_whole_and_apart(run: RunIt) -> None:
    done = run("echo out; echo err >&2")
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
    assert done.result.output_bytes == 8


def test_output_keeps_the_order_of_its_arrival_across_streams(run: RunIt) -> None:
    done = run("for i in 1 2 3 4; do echo o$i; sleep 0.2; echo e$i >&2; sleep 0.2; done")
    assert b"".join(data for _, data in done.chunks).split() == [
        b"o1", b"e1", b"o2", b"e2", b"o3", b"e3", b"o4", b"e4",
    ]  # fmt: skip


def test_output_comes_while_the_script_still_runs(pool: ConnectionPool, login: Login, tmp_path: Path) -> None:
    """The script goes on once its first line has arrived."""
    arrived = tmp_path / "arrived"
    done = run_script(
        pool,
        ScriptRun(login=login, script=f"echo first; {until_there(arrived)}", timeout_seconds=30),
        on_output=lambda _stream, _data: arrived.touch(),
        stop=threading.Event(),
    )
    assert (done.outcome, done.exit_code) == ("exited", 0)


def test_unicode_and_control_characters_come_as_they_are(run: RunIt) -> None:
    done = run("printf 'grüße 日本 \\a\\033[1m\\r\\n'; echo 'ünïcödé \"quoted\" $HOME `id` \\\\'")
    assert done.stdout.decode() == "grüße 日本 \a\x1b[1m\r\n" + 'ünïcödé "quoted" $HOME `id` \\\n'


def test_binary_output_is_not_touched(run: RunIt) -> None:
    done = run('i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done')
    assert done.stdout == bytes(range(256))


def test_sixty_megabytes_come_whole(pool: ConnectionPool, login: Login) -> None:
    digest, biggest = hashlib.sha256(), 0

    def take(stream: str, data: bytes) -> None:
        nonlocal biggest
        assert stream == "stdout"
        biggest = max(biggest, len(data))
        digest.update(data)

    script = (
        "#!/usr/bin/env python3\nimport sys\n"
        "for i in range(960):\n sys.stdout.buffer.write(bytes([i % 251]) * 65536)\n"
    )
    run = ScriptRun(login=login, script=script, timeout_seconds=60)
    result = run_script(pool, run, on_output=take, stop=threading.Event())
    expected = hashlib.sha256(b"".join(bytes([i % 251]) * 65536 for i in range(960)))
    assert (result.output_bytes, result.output_dropped) == (60 * 1024 * 1024, False)
    assert digest.digest() == expected.digest()
    assert biggest <= 64 * 1024


def test_much_on_stderr_does_not_block_stdout(run: RunIt) -> None:
    done = run("head -c 5000000 /dev/zero >&2; echo done")
    assert (len(done.stderr), done.stdout) == (5_000_000, b"done\n")


def test_a_slow_reader_slows_the_script_and_loses_nothing(pool: ConnectionPool, login: Login) -> None:
    total = 0

    def take(_stream: str, data: bytes) -> None:
        nonlocal total
        total += len(data)
        time.sleep(0.002)

    run = ScriptRun(login=login, script="head -c 12000000 /dev/zero", timeout_seconds=60)
    run_script(pool, run, on_output=take, stop=threading.Event())
    assert total == 12_000_000


def test_output_past_the_limit_is_dropped_while_the_script_goes_on(run: RunIt) -> None:
    done = run("head -c 3000000 /dev/zero; exit 5", output_limit_bytes=1_000_000)
    assert len(done.stdout) == done.result.output_bytes == 1_000_000
    assert (done.result.output_dropped, done.result.exit_code) == (True, 5)


def test_an_exact_fit_of_the_limit_drops_nothing(run: RunIt) -> None:
    done = run("head -c 1000 /dev/zero", output_limit_bytes=1000)
    assert (done.result.output_bytes, done.result.output_dropped) == (1000, False)


# ---------------------------------------------------------------------- its end


@pytest.mark.parametrize("code", [0, 1, 42, 130, 143, 255])
def test_the_exit_code_is_the_scripts(run: RunIt, code: int) -> None:
    done = run(f"exit {code}")
    assert (done.result.outcome, done.result.exit_code, done.result.signal) == ("exited", code, None)


@pytest.mark.parametrize("signal", ["TERM", "KILL", "SEGV", "INT"])
def test_a_signal_is_told_from_an_exit_code(run: RunIt, signal: str) -> None:
    done = run(f"echo before; kill -{signal} $$; sleep 5")
    assert (done.result.outcome, done.result.exit_code, done.result.signal) == ("signalled", None, signal)
    assert done.stdout == b"before\n"


def test_a_background_child_that_holds_the_output_open_does_not_hang_the_run(run: RunIt) -> None:
    done = run("sleep 60 & echo $!")
    assert (done.result.outcome, done.result.exit_code) == ("exited", 0)
    assert Path(f"/proc/{done.stdout.decode().strip()}").exists(), "it lives on, and is not waited for"


def test_a_background_child_that_never_stops_talking_does_not_hang_the_run(run: RunIt) -> None:
    done = run("(n=0; while [ $n -lt 600 ]; do echo x; sleep 0.05; n=$((n+1)); done) & exit 3")
    assert done.result.exit_code == 3
    assert done.stdout.count(b"x") < 600, "it went on talking"


def test_a_script_that_closes_its_output_is_waited_for(run: RunIt) -> None:
    assert run("exec >&- 2>&-; sleep 0.5; exit 4").result.exit_code == 4


def test_standard_input_is_empty(run: RunIt) -> None:
    assert run("cat; echo read $?; readlink /proc/self/fd/0").stdout == b"read 0\n/dev/null\n"


# ---------------------------------------------------------------------- the script as written


def test_a_script_without_shebang_runs_in_sh(run: RunIt) -> None:
    assert run("[ -r $0 ] && readlink /proc/$$/exe").stdout.strip().decode() == str(Path("/bin/sh").resolve())


def test_a_shebang_is_honoured(run: RunIt) -> None:
    done = run("#!/usr/bin/env python3\nimport sys\nprint('näme', sys.argv[1:], __name__)\nsys.exit(7)")
    assert (done.stdout.decode(), done.result.exit_code) == ("näme [] __main__\n", 7)


def test_a_shebang_may_have_one_argument(run: RunIt) -> None:
    assert run("#!/bin/sh -e\nfalse\necho not reached").result.exit_code == 1


def test_a_missing_interpreter_is_told_on_stderr(run: RunIt) -> None:
    done = run("#!/no/such/thing\necho hi")
    assert done.result.exit_code in {126, 127}
    assert b"/no/such/thing" in done.stderr


def test_windows_line_ends_do_not_matter(run: RunIt) -> None:
    assert run("#!/bin/sh\r\nif true; then\r\necho fine\r\nfi\r\n").stdout == b"fine\n"


def test_a_nul_byte_in_the_script_does_not_cut_it_short(run: RunIt) -> None:
    assert run("echo one\nexit 0\n\0\0\0").stdout == b"one\n"


def test_a_script_of_a_megabyte_runs(run: RunIt) -> None:
    done = run("echo begin\n" + "# padding of a long script\n" * 40_000 + "echo end\n")
    assert done.stdout == b"begin\nend\n"


def test_a_brief_script_needs_no_file_and_no_process_besides_its_shell(run: RunIt) -> None:
    done = run("ps -o args= -p $$; ps -o pid= --ppid $$ | wc -l")
    assert done.stdout.split(b"\n")[:2] == [b"/bin/sh /dev/fd/3", b"2"]  # ps and wc


def test_a_brief_script_may_use_the_descriptor_that_it_came_by(run: RunIt) -> None:
    for shell in ("/bin/sh", "/bin/bash"):
        done = run(f"#!{shell}\nexec 3>&1\necho one >&3\n(cat <&0; cat </dev/null)\necho two\n")
        assert done.stdout == b"one\ntwo\n"


def test_where_the_input_is_no_pipe_a_brief_script_goes_by_a_file(
    run: RunIt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "RUN", programs.RUN.replace("-p /dev/fd/0", "-d /dev/fd/0"))
    assert b"/script" in run("ps -o args= -p $$").stdout


def test_an_empty_script_succeeds(run: RunIt) -> None:
    assert (run("").result.exit_code, run("").chunks) == (0, [])


def test_the_script_is_private_and_executable(run: RunIt) -> None:
    done = run("stat -c '%a' $0 $(dirname $0); [ \"$1\" ] || exec $0 again")
    assert done.stdout.split() == [b"700"] * 4


def test_nothing_of_ours_is_in_the_scripts_environment(run: RunIt) -> None:
    assert b"qd" not in run("set; env", timeout=10).stdout.replace(b"quarterdeck", b"")


def test_the_file_is_gone_after_the_script(run: RunIt) -> None:
    directory = script_directory(run("echo $0"))
    assert "quarterdeck-" in directory.name
    assert eventually(lambda: not directory.exists())


@pytest.mark.parametrize("death", ["kill -KILL $$", "kill -KILL 0"])
def test_the_file_is_gone_after_a_kill(run: RunIt, death: str) -> None:
    done = run(f"echo $0; sleep 0.2; {death}; sleep 5")
    assert done.result.signal == "KILL"
    assert eventually(lambda: not script_directory(done).exists())
