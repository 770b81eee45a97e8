"""Relays on other hosts: the release, its installation, the node's credentials, and what is asked of SSM."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import ANY, Stubber

from infra import packaging
from infra.embedded.deployment import Deployed
from infra.relay import activation, release
from infra.relay.activation import Activation, RelayProblem

NODE = {"aws_access_key_id": "ASIA1", "aws_secret_access_key": "secret/1", "aws_session_token": "token=="}


def client(service: str) -> Any:
    return boto3.client(service, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


# ---------------------------------------------------------------- release


def test_the_same_sources_make_the_same_release() -> None:
    assert release.build() == release.build()
    assert re.fullmatch(r"[0-9a-f]{64}", release.digest(release.build()))


def test_a_release_holds_the_relay_and_nothing_of_the_tests_or_the_launcher(tmp_path: Path) -> None:
    (tmp_path / "release.zip").write_bytes(release.build())
    names = set(zipfile.ZipFile(tmp_path / "release.zip").namelist())
    assert {"chalicelib/relay/__main__.py", "requirements.txt", "relay/install.sh", "DIGEST"} <= names
    assert {name.split("/")[0] for name in names} == {"chalicelib", "requirements.txt", "relay", "DIGEST"}


# ---------------------------------------------------------------- installation


class Host:
    """A host of a node: its own directories, and a systemctl that writes down what it is told."""

    def __init__(self, tmp_path: Path) -> None:
        self.home, self.units, self.calls = tmp_path / "home", tmp_path / "units", tmp_path / "calls"
        self._release, programs = tmp_path / "release", tmp_path / "bin"
        for each in (self.home, self.units, programs):
            each.mkdir()
        (self.home / "environment").write_text("QUARTERDECK_TABLE=t\n")
        (programs / "systemctl").write_text(f'#!/bin/sh\necho "$*" >> {self.calls}\n')
        (programs / "systemctl").chmod(0o755)
        (programs / "python3").symlink_to(sys.executable)
        self._path = f"{programs}:/usr/bin:/bin"
        self.unpack()

    def unpack(self, digest: str | None = None) -> None:
        """The release, with requirements that need no network."""
        shutil.rmtree(self._release, ignore_errors=True)
        (self._release.parent / "release.zip").write_bytes(release.build())
        subprocess.run(
            [sys.executable, "-m", "zipfile", "-e", self._release.parent / "release.zip", self._release],
            check=True,
        )
        (self._release / "requirements.txt").write_text("")
        if digest:
            (self._release / "DIGEST").write_text(digest)

    def install(self) -> list[str]:
        """What systemd was told."""
        self.calls.write_text("")
        subprocess.run(
            ["sh", str(self._release / "relay" / "install.sh")],
            env={
                "PATH": self._path,
                "QUARTERDECK_RELAY_HOME": str(self.home),
                "QUARTERDECK_RELAY_UNITS": str(self.units),
            },
            check=True,
            capture_output=True,
        )
        return [line.split()[0] for line in self.calls.read_text().splitlines()]

    @property
    def current(self) -> Path:
        return self.home / "current"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    """One for all of them, in this order: making an environment takes seconds."""
    return Host(tmp_path_factory.mktemp("host"))


def test_the_installer_installs_starts_and_then_leaves_alone_what_runs(host: Host) -> None:
    assert host.install() == ["daemon-reload", "enable", "restart"]
    assert (host.current / "venv" / "bin" / "python").exists()
    assert (host.current / "chalicelib" / "relay" / "agent.py").exists()
    assert (host.units / "quarterdeck-relay.service").exists()
    assert host.install() == ["enable", "start"], "nothing is restarted for nothing"


def test_new_settings_restart_the_relay(host: Host) -> None:
    (host.home / "environment").write_text("QUARTERDECK_TABLE=other\n")
    assert host.install() == ["enable", "restart"]


def test_a_new_release_restarts_the_relay_and_the_one_before_stays(host: Host) -> None:
    before = host.current.resolve()
    host.unpack(digest="b" * 64)
    assert host.install() == ["enable", "restart"]
    assert host.current.resolve().name == "b" * 64
    assert before.exists()


def test_an_installation_that_was_cut_off_is_done_again(host: Host) -> None:
    (host.current / "ready").unlink()
    (host.current / "chalicelib" / "relay" / "agent.py").unlink()
    host.install()
    assert (host.current / "chalicelib" / "relay" / "agent.py").exists()


# ---------------------------------------------------------------- the document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    content: dict[str, Any] = packaging.pieces()["Resources"]["RelayDocument"]["Properties"]["Content"]
    return content


def test_the_document_gives_the_relay_every_setting_that_the_launcher_gives_it(
    document: dict[str, Any],
) -> None:
    lines = document["mainSteps"][1]["inputs"]["runCommand"]
    written = {each["Fn::Sub"].partition("=")[0] for each in lines if isinstance(each, dict)}
    deployed = Deployed("", _anything(), {}, "", "", "", "", [])
    # State machines are started by functions alone.
    needed = {name for name in deployed.environment if not name.endswith("_ARN")}
    assert "QUARTERDECK_TABLE" in needed
    assert needed <= written


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key


def _anything() -> dict[str, str]:
    return _Anything()


def test_the_commands_of_the_document_are_a_script_that_a_shell_reads(document: dict[str, Any]) -> None:
    lines = document["mainSteps"][1]["inputs"]["runCommand"]
    script = "\n".join(each if isinstance(each, str) else each["Fn::Sub"] for each in lines)
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


# ---------------------------------------------------------------- credentials


def test_the_library_reads_the_node_s_credentials_and_comes_back_for_the_next_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\n" + "\n".join(f"{key} = {value}" for key, value in NODE.items()))
    program = Path("chalicelib/relay/credentials.py").resolve()
    (tmp_path / "aws.ini").write_text(f"[default]\ncredential_process = {sys.executable} {program} {file}\n")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws.ini"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    found = botocore.session.get_session().get_credentials()
    first = found.get_frozen_credentials()
    assert (first.access_key, first.secret_key, first.token) == tuple(NODE.values())
    file.write_text(file.read_text().replace("ASIA1", "ASIA2"))
    assert found.get_frozen_credentials().access_key == "ASIA1", "kept for a while"
    # The library's own clock, six minutes on.
    monkeypatch.setattr(found, "_time_fetcher", lambda: datetime.now(UTC) + timedelta(minutes=6))
    assert found.get_frozen_credentials().access_key == "ASIA2"
    expires = json.loads(subprocess.check_output([sys.executable, program, file]))["Expiration"]
    left = datetime.fromisoformat(expires) - datetime.now(UTC)
    assert 15 * 60 < left.total_seconds() <= 20 * 60, (
        "longer than the library's early look, at most the truth"
    )


# ---------------------------------------------------------------- SSM


def test_an_activation_is_for_one_host_and_marks_it_as_a_node_of_the_stack() -> None:
    ssm = client("ssm")
    with Stubber(ssm) as stub:
        stub.add_response(
            "create_activation",
            {"ActivationId": "11111111-2222-3333-4444-555555555555", "ActivationCode": "c" * 20},
            {
                "Description": "Quarterdeck relay of the stack prod",
                "DefaultInstanceName": "rack-7",
                "IamRole": "prod-RelayRole-1",
                "RegistrationLimit": 1,
                "ExpirationDate": ANY,
                "Tags": [{"Key": "quarterdeck-relay", "Value": "prod"}],
            },
        )
        made = activation.activate(ssm, "prod", "prod-RelayRole-1", "rack-7", 24)
    assert 23 < (made.expires - datetime.now(UTC)).total_seconds() / 3600 <= 24


def test_the_command_is_one_line_that_a_shell_reads() -> None:
    text = activation.command(Activation("id-1", "co'de $(x)", datetime.now(UTC)), "eu-central-1")
    assert "\n" not in text
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert "co'de $(x)" in shlex.split(text), "the code is quoted"
    assert "https://amazon-ssm-eu-central-1.s3.eu-central-1.amazonaws.com/" in text


def test_the_nodes_of_the_stack_are_listed_with_how_they_are() -> None:
    ssm = client("ssm")
    with Stubber(ssm) as stub:
        stub.add_response(
            "describe_instance_information",
            {
                "InstanceInformationList": [
                    {"InstanceId": "mi-0123456789abcdef0", "Name": "rack-7", "PingStatus": "Online"}
                ]
            },
            {"Filters": [{"Key": "tag:quarterdeck-relay", "Values": ["prod"]}]},
        )
        (node,) = activation.nodes(ssm, "prod")
    assert (node["node"], node["ping"], node["relay"]) == ("mi-0123456789abcdef0", "Online", "Pending")


def test_a_stack_that_is_not_there_or_not_ours_is_said_in_words() -> None:
    formation = client("cloudformation")
    with Stubber(formation) as stub:
        stub.add_client_error("describe_stacks", "ValidationError", "Stack with id prod does not exist")
        with pytest.raises(RelayProblem, match="There is no stack 'prod'"):
            activation.stack_outputs(formation, "prod")
        stack = {"StackName": "prod", "CreationTime": datetime.now(UTC), "StackStatus": "CREATE_COMPLETE"}
        stub.add_response("describe_stacks", {"Stacks": [stack]})
        with pytest.raises(RelayProblem, match="not one of Quarterdeck's"):
            activation.stack_outputs(formation, "prod")
