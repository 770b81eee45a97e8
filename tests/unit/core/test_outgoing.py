"""Where a URL that a user gave may lead."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core import outgoing
from chalicelib.kernel import settings
from chalicelib.kernel.errors import TransientTargetError

PRIVATE = [
    *("10.0.0.1", "172.16.5.4", "192.168.1.1", "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3"),
    *(
        "169.254.169.254",
        "100.64.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
    ),
    *("::1", "::", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "100::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
]
PUBLIC = [
    "93.184.216.34",
    "8.8.8.8",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::",
]


@pytest.fixture(autouse=True)
def allowing_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("QUARTERDECK_ALLOWED_HOSTS", raising=False)
    settings.forget()
    yield
    settings.forget()


def allow(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("QUARTERDECK_ALLOWED_HOSTS", text)
    settings.forget()


def at(*addresses: str) -> outgoing.Resolver:
    return lambda host, port: list(addresses)


def literal(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_by_number_and_behind_a_name(address: str) -> None:
    with pytest.raises(outgoing.Refused, match="public internet"):
        outgoing.destination("https://hooks.example.com/", at(address))
    with pytest.raises(outgoing.Refused, match="public internet"):
        outgoing.check(f"https://{literal(address)}/")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    assert outgoing.destination("https://hooks.example.com/", at(address)).addresses == (address,)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(outgoing.Refused):
        outgoing.destination("https://hooks.example.com/", at("8.8.8.8", "10.0.0.1"))


PRIVATE_4 = st.sampled_from(["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16"]).flatmap(
    lambda network: st.ip_addresses(network=network)
)


@given(PRIVATE_4)
def test_every_way_to_write_a_private_address_is_refused(address: ipaddress.IPv4Address) -> None:
    number, (a, b, c, d) = int(address), address.packed
    ways = [
        *(str(address), str(number), hex(number), f"0{number:o}", f"{a}.{b}.{(c << 8) | d}"),
        *(f"{hex(a)}.{hex(b)}.{hex(c)}.{hex(d)}", f"{a}.{(b << 16) | (c << 8) | d}"),
        *(f"[::ffff:{address}]", f"[::ffff:{a:02x}{b:02x}:{c:02x}{d:02x}]", f"[64:ff9b::{address}]"),
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
    ]
    for way in ways:
        with pytest.raises(outgoing.Refused):
            outgoing.check(f"http://{way}/")


@given(st.ip_addresses())
def test_what_may_be_reached_is_ordinary_in_the_eyes_of_the_standard_library_too(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if outgoing.may_be_reached(address):
        told = (address.is_loopback, address.is_link_local, address.is_multicast, address.is_unspecified)
        assert not any(told)


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_url_that_is_none(text: str) -> None:
    try:
        found = outgoing.destination(text, at("8.8.8.8"))
    except outgoing.Refused:
        return
    assert text.lower().startswith(("http://", "https://"))
    assert found.host
    assert found.target.startswith("/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.com/", "http://"),
        ("javascript:alert(1)", "http://"),
        ("//example.com/", "http://"),
        ("https://", "no host"),
        ("https:///path", "no host"),
        ("https://user:pw@example.com/", "password"),
        ("https://user@example.com/", "password"),
        ("https://@example.com/", "password"),
        ("https://example.com\\@10.0.0.1/", "ASCII"),
        ("https://exam ple.com/", "ASCII"),
        ("https://example.com/\r\nX-Evil: 1", "ASCII"),
        ("https://exa%6dple.com/", "no host"),
        ("https://ex\u00e4mple.com/", "ASCII"),
        ("https://-x.example/", "no host"),
        ("https://a..b/", "no host"),
        ("https://[fe80::1%25eth0]/", "no host"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:99999/", "not a URL"),
        ("https://example.com:22/", "port 443"),
        ("http://example.com:25/", "port 80"),
        ("https://example.com/" + "x" * 2048, "2048"),
    ],
)
def test_a_url_that_is_not_right_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(outgoing.Refused, match=why):
        outgoing.destination(url, at("8.8.8.8"))


def test_a_good_url_becomes_a_place_to_connect_to() -> None:
    found = outgoing.destination("https://Hooks.Example.COM.:8443/a/b?c=d#e", at("8.8.8.8", "8.8.4.4"))
    assert (found.secure, found.host, found.port) == (True, "hooks.example.com", 8443)
    assert (found.target, found.addresses) == ("/a/b?c=d", ("8.8.8.8", "8.8.4.4"))


def test_what_an_administrator_allowed_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "Hooks.internal, *.corp.example 10.2.0.0/16,fd12::/16")
    taken = [
        ("http://hooks.internal:81/", "192.168.0.9"),
        ("http://ci.corp.example/", "10.9.9.9"),
        ("http://10.2.3.4/", "10.2.3.4"),
        ("http://any.example/", "10.2.3.4"),
        ("http://[fd12::5]/", "fd12::5"),
    ]
    for url, address in taken:
        assert outgoing.destination(url, at(address)).addresses == (address,)
    refused = [
        ("http://corp.example/", "10.9.9.9"),
        ("http://evilcorp.example/", "10.9.9.9"),
        ("http://hooks.internal.evil.example/", "10.9.9.9"),
        ("http://10.3.0.1/", "10.3.0.1"),
    ]
    for url, address in refused:
        with pytest.raises(outgoing.Refused):
            outgoing.destination(url, at(address))


def test_a_host_allowed_by_name_does_not_lead_to_a_cloud_s_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow(monkeypatch, "hooks.internal")
    for address in ("169.254.169.254", "fe80::1", "::ffff:169.254.169.254"):
        with pytest.raises(outgoing.Refused):
            outgoing.destination("http://hooks.internal/", at(address))
    allow(monkeypatch, "169.254.169.254/32")
    found = outgoing.destination("http://169.254.169.254/", at("169.254.169.254"))
    assert found.addresses == ("169.254.169.254",)


def test_a_name_without_an_address_may_be_stored_and_not_sent_to() -> None:
    outgoing.check("https://no-such-host.invalid/hook")
    with pytest.raises(TransientTargetError, match="no address"):
        outgoing.destination("https://no-such-host.invalid/hook")


def test_what_is_shown_of_a_url_holds_no_secret() -> None:
    assert (
        outgoing.shown("https://hooks.example.com/services/T0/B0/s3cret?x=y") == "https://hooks.example.com/…"
    )
    assert outgoing.shown("https://example.com:8443") == "https://example.com:8443"
