"""The rules of Kubernetes and of container engines, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from pydantic import ValidationError

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import images, names, quantities, validation
from chalicelib.targets.kubernetes.requests import AppSpec, Autoscaling

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("reference", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", None),
        ("team/app", "docker.io", "team/app", None, None),
        ("index.docker.io/team/app", "docker.io", "team/app", None, None),
        ("ghcr.io/team/app:v1", "ghcr.io", "team/app", "v1", None),
        (f"ghcr.io/team/app@{DIGEST}", "ghcr.io", "team/app", None, DIGEST),
        (f"ghcr.io/team/app:v1@{DIGEST}", "ghcr.io", "team/app", "v1", DIGEST),
        ("localhost/app", "localhost", "app", None, None),
        ("localhost:5000/a/b/c:1", "localhost:5000", "a/b/c", "1", None),
        ("[::1]:5000/app", "[::1]:5000", "app", None, None),
        ("Registry.example.com/app", "Registry.example.com", "app", None, None),
        ("a__b/c--d.e:UPPER_Tag.1", "docker.io", "a__b/c--d.e", "UPPER_Tag.1", None),
    ],
)
def test_an_image_reference_is_read_as_container_engines_read_it(
    reference: str, registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    assert images.parse(reference) == images.Image(registry, repository, tag, digest)


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("", "white space"),
        ("nginx latest", "white space"),
        ("https://ghcr.io/team/app", "http"),
        ("Nginx", "lower case"),
        ("ghcr.io/Team/app", "lower case"),
        ("a" * 64, "image id"),
        ("nginx:", "should be"),
        ("nginx:-1", "should be"),
        ("nginx:" + "a" * 129, "should be"),
        ("ghcr.io//app", "should be"),
        ("app_", "should be"),
        ("nginx@sha256:abc", "should be"),
        ("nginx@sha256:" + "a" * 63, "64"),
        ("nginx\n", "white space"),
        ("a" + "/b" * 200, "255"),
    ],
)
def test_what_is_no_image_reference_is_refused_with_the_reason(reference: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        images.parse(reference)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("100m", "0.1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("5.", 5),
        ("128Mi", 128 * 1024**2),
        ("1.5Gi", 3 * 512 * 1024**2),
        ("1G", 10**9),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("1Ei", 1024**6),
        ("123456n", "0.000123456"),
    ],
)
def test_a_quantity_is_read_exactly(text: str, value: int | str) -> None:
    assert quantities.parse(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    ["", "m", "-1", "+1", "1 Mi", "1mi", "1KB", "1K", "0x10", "1e", "\N{ARABIC-INDIC DIGIT ONE}", "1\n"],
)
def test_what_kubernetes_would_not_read_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        quantities.parse(text)


def test_amounts_are_rounded_up_and_written_without_loss() -> None:
    assert quantities.millicores("1500u") == 2
    assert quantities.in_bytes("0.5") == 1
    assert quantities.text(quantities.parse("100m") * 3) == "300m"
    assert quantities.text(quantities.parse("500m") * 4) == "2"
    assert quantities.text(quantities.parse("128Mi") * 2) == str(256 * 1024**2)


@pytest.mark.parametrize("name", ["a", "shop", "my-app-2", "7zip", "a" * 63])
def test_a_dns_label_is_an_app_name(name: str) -> None:
    assert validation.app_name(name) == name
    assert len(names.namespace_for(name)) <= 63
    assert validation.app_name(names.namespace_for(name))


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a" * 64, "a\n"])
def test_anything_else_is_no_app_name(name: str) -> None:
    with pytest.raises(ValueError, match="should"):
        validation.app_name(name)


def test_a_namespace_begins_with_the_clusters_prefix() -> None:
    assert names.namespace_for("shop") == "app-shop"
    assert names.namespace_for("shop", "team") == "team-shop"
    assert len(names.namespace_for("a" * 63, "team")) == 63


def test_long_names_that_differ_at_the_end_have_namespaces_of_their_own() -> None:
    assert names.namespace_for("a" * 62 + "b") != names.namespace_for("a" * 62 + "c")


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (validation.cpu, "0"),
        (validation.cpu, "0.1m"),
        (validation.cpu, "257"),
        (validation.memory, "7Mi"),
        (validation.memory, "128m"),
        (validation.memory, "5Ti"),
        (validation.env_name, "1A"),
        (validation.env_name, "A=B"),
        (validation.env_name, "A B"),
        (validation.env_name, ""),
        (validation.env_name, "..A"),
        (validation.env_name, "A\n"),
        (validation.env_value, "a\0b"),
        (validation.probe_path, "health"),
        (validation.probe_path, "/a b"),
        (validation.probe_path, "/a\r\nHost: b"),
        (validation.probe_path, "/" + "a" * 3000),
        (validation.host_name, "example"),
        (validation.host_name, "*.example.com"),
        (validation.host_name, "a..example.com"),
        (validation.host_name, "10.0.0.1"),
        (validation.host_name, "Example.com"),
    ],
)
def test_what_kubernetes_refuses_is_refused_at_once(check: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match=r"should|must"):
        check(text)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (validation.cpu, "250m"),
        (validation.cpu, "0.25"),
        (validation.memory, "128Mi"),
        (validation.memory, "1G"),
        (validation.env_name, "_A.b-C9"),
        (validation.env_value, "ünïcödé\nlines"),
        (validation.probe_path, "/health?deep=1"),
        (validation.host_name, "xn--bcher-kva.example"),
    ],
)
def test_what_kubernetes_takes_is_given_back_as_it_was(check: Callable[[str], str], text: str) -> None:
    assert check(text) == text


def spec(**changes: object) -> AppSpec:
    fields = {
        "deployment_id": "d-1",
        "app_name": "shop",
        "namespace": "app-shop",
        "owner_id": "u-1",
        "revision": "1",
        "image": "nginx:1.27",
        "port": 80,
    }
    return AppSpec.model_validate(fields | changes)


def test_an_environment_larger_than_a_secret_is_refused() -> None:
    assert spec(env={"A": "x" * 500_000}).env["A"].reveal() == "x" * 500_000
    with pytest.raises(ValidationError, match="KiB"):
        spec(env={"A": "x" * 300_000, "B": "y" * 300_000})


def test_a_spec_shows_no_secret_until_it_is_asked_to() -> None:
    one = spec(env={"KEY": "hush"}, registry_auth={"username": "u", "password": "hush"})
    assert "hush" not in repr(one)
    assert "hush" not in one.model_dump_json()
    opened = AppSpec.model_validate_json(one.model_dump_json(context={"reveal": True}))
    assert opened == one
    assert opened.env["KEY"] == Secret("hush")


def test_bounds_of_autoscaling_are_in_order() -> None:
    with pytest.raises(ValidationError, match="below the minimum"):
        Autoscaling(minimum=3, maximum=2)
