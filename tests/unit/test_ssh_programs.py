"""The shell programs that hosts are given, held to their golden text and to what every shell can take."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from chalicelib.targets.ssh import programs
from chalicelib.targets.ssh.scripts import Prepared, prepare

GOLDEN = Path(__file__).parent / "golden"
PROGRAMS = {"run": programs.RUN, "stop": programs.STOP, "health": programs.HEALTH, "tidy": programs.TIDY}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_what_its_golden_file_says(name: str) -> None:
    assert PROGRAMS[name] == (GOLDEN / f"ssh_{name}.sh").read_text()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_one_line_because_it_is_read_as_one(name: str) -> None:
    assert PROGRAMS[name].count("\n") == 1
    assert PROGRAMS[name].isascii()


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("shell", ["sh", "bash", "dash"])
def test_a_program_is_good_shell(name: str, shell: str) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"left out: {shell} is not installed")
    subprocess.run([found, "-n"], input=PROGRAMS[name].encode(), check=True)


def test_the_command_line_means_the_same_to_every_login_shell() -> None:
    command = programs.BOOT
    assert command == "exec /bin/sh -c 'IFS= read -r qd && eval \"$qd\"'"
    quoted = command.split("'")[1]
    assert command.count("'") == 2, "one quoted word, which no shell looks into"
    assert not set("!\\\n") & set(quoted), "csh and fish do look for these"


def test_parameters_are_lines_behind_the_program() -> None:
    assert programs.with_parameters("program\n", "a b", "") == b"program\na b\n\n"


def test_a_parameter_of_two_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="more than one line"):
        programs.with_parameters("program\n", "a\nb")


@pytest.mark.parametrize(
    ("script", "prepared"),
    [
        ("", Prepared(b"", "/bin/sh", "")),
        ("echo hi", Prepared(b"echo hi", "/bin/sh", "")),
        ("#!\necho", Prepared(b"#!\necho", "/bin/sh", "")),
        ("#!/bin/bash\n", Prepared(b"#!/bin/bash\n", "/bin/bash", "")),
        (
            "#! /usr/bin/env  python3 -u \nx",
            Prepared(b"#! /usr/bin/env  python3 -u \nx", "/usr/bin/env", "python3 -u"),
        ),
        ("#!/bin/sh\r\na\r\n", Prepared(b"#!/bin/sh\na\n", "/bin/sh", "")),
        ("a\r\nb\r\n", Prepared(b"a\nb\n", "/bin/sh", "")),
        ("a\nb\r\n", Prepared(b"a\nb\r\n", "/bin/sh", "")),
        ("\ufeff#!/bin/sh\n", Prepared(b"#!/bin/sh\n", "/bin/sh", "")),
        ("é\0", Prepared("é\0".encode(), "/bin/sh", "")),
        ("\ud800", Prepared(b"\xed\xa0\x80", "/bin/sh", "")),
    ],
)
def test_a_script_is_made_ready_as_linux_would_read_it(script: str, prepared: Prepared) -> None:
    assert prepare(script) == prepared


@pytest.mark.parametrize(
    ("script", "brief"),
    [
        ("echo hi", True),
        ("#!/bin/bash -e\necho 'ä' \\n", True),
        ("echo $0", False),
        ("#!/usr/bin/env python3\n", False),
        ("#!/usr/bin/env bash\n", False),
        ("#" * 2048, True),
        ("#" * 2049, False),
    ],
)
def test_only_a_brief_shell_script_that_does_not_look_at_itself_goes_by_the_pipe(
    script: str, brief: bool
) -> None:
    assert prepare(script).is_brief is brief
