"""A kubeconfig is somebody else's text: what is taken from it, and what is refused with words."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import api, kubeconfig
from chalicelib.targets.kubernetes.requests import ClusterAccess

PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n").decode()


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "clusters": [{"name": "a", "cluster": {"server": "https://k8s.example.com:6443/"} | (cluster or {})}],
        "users": [{"name": "b", "user": {"token": "t0ken"} if user is None else user}],
        "contexts": [{"name": "c", "context": {"cluster": "a", "user": "b"}}],
        "current-context": "c",
    }


def access(content: Any, context: str | None = None) -> ClusterAccess:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    return ClusterAccess(kubeconfig=Secret(text), context=context)


def test_server_and_log_in_are_taken_from_the_current_context() -> None:
    found = kubeconfig.read(access(config({"certificate-authority-data": PEM, "tls-server-name": "k8s"})))
    assert found.server == "https://k8s.example.com:6443"
    assert found.ca == base64.b64decode(PEM).decode()
    assert found.server_name == "k8s"
    assert found.token == Secret("t0ken")


def test_another_context_can_be_asked_for() -> None:
    text = config()
    text["users"].append({"name": "other", "user": {"token": "another"}})
    text["contexts"].append({"name": "d", "context": {"cluster": "a", "user": "other"}})
    assert kubeconfig.read(access(text, "d")).token == Secret("another")


def test_a_password_is_a_log_in_too() -> None:
    found = kubeconfig.read(access(config(user={"username": "me", "password": "hush"})))
    assert found.basic == ("me", Secret("hush"))
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{unclosed", "is not YAML"),
        ("[]", "is not one"),
        ("a: b", "is not one"),
        ("x" * 300_000, "larger than 256 KiB"),
        (config() | {"current-context": ""}, "no current-context"),
        (config() | {"current-context": "z"}, "has no context named 'z'"),
        (config() | {"users": []}, "has no user named 'b'"),
        (config() | {"users": None}, "has no user named 'b'"),
        (config(user={"exec": {"command": "aws"}}), "a program to run for the log-in"),
        (config(user={"auth-provider": {"name": "gcp"}}), "log-in plug-in"),
        (config(user={"token": "t", "as": "root"}), "another account"),
        (config(user={"tokenFile": "/etc/passwd"}), "kubectl config view --flatten"),
        (config(user={"client-key": "/root/key"}), "kubectl config view --flatten"),
        (config({"certificate-authority": "/ca"}), "kubectl config view --flatten"),
        (config({"insecure-skip-tls-verify": True}), "certificate-authority-data"),
        (config({"proxy-url": "http://proxy"}), "relay"),
        (config({"server": "http://k8s.example.com"}), "no https"),
        (config({"server": "https://"}), "no https"),
        (config({"server": "https://a:99999"}), "no https"),
        (config({"server": "https://a/\r\nX: y"}), "no https"),
        (config({"server": None}), "no https"),
        (config(user={}), "has no log-in"),
        (config(user={"token": "a b"}), "token"),
        (config(user={"token": "a\r\nX: y"}), "token"),
        (config(user={"client-certificate-data": PEM}), "without its key"),
        (config({"certificate-authority-data": "%"}), "base64"),
    ],
)
def test_what_cannot_or_must_not_be_done_is_refused_with_what_to_write(content: Any, words: str) -> None:
    with pytest.raises(PermanentTargetError, match=words):
        kubeconfig.read(access(content))


@pytest.mark.parametrize(
    "text",
    [
        config({"certificate-authority-data": PEM}),
        config(user={"client-certificate-data": PEM, "client-key-data": PEM}),
        config({"certificate-authority-data": base64.b64encode(b"no certificate").decode()}),
    ],
)
def test_certificates_that_are_none_are_refused(text: Any) -> None:
    with pytest.raises(PermanentTargetError, match="cannot be read"):
        api.connect(access(text))


def test_a_server_that_was_spoken_to_is_kept_for_the_same_access_alone() -> None:
    first, again = api.connect(access(config())), api.connect(access(config()))
    assert first is again
    assert api.connect(access(config(user={"token": "other"}))) is not first
