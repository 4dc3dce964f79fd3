"""The guard on where the hub may go (reliability §7)."""

from __future__ import annotations

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.identity import Identity
from hub.services.outbound import Allowed, Outbound, Refused, allowances, is_inside, is_public


async def operator(namespace: str) -> Identity:
    """Whose every namespace is here."""
    return Identity(subject=namespace, namespace=namespace, uuid="u", key="k", operator=True)


def checked(allow: str, host: str, addresses: list[str], port: int) -> list[str]:
    """What the guard lets through, when a name stands for these addresses."""
    return Outbound("", operator).checked(host, addresses, port, allowances(allow), f"HUB_OUTBOUND__ALLOW={host}:{port}")


INSIDE = [
    *("0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.1.1", "172.16.0.1", "172.31.255.255", "192.0.0.1"),
    *("192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *(
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::",
    ),
    *(
        "2001:0:7f00:1:0:0:80ff:fffe",
        "100::1",
        "2001:db8::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "::127.0.0.1",
    ),
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "192.167.0.1", "2606:4700::1111", "2001:4860:4860::8888", "64:ff9b::808:808"]


@pytest.mark.parametrize("text", INSIDE)
def test_an_inside_address_is_no_public_one(text: str) -> None:
    """However it is wrapped."""
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_one(text: str) -> None:
    """The guard does not refuse the world."""
    assert is_public(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_an_inside_ipv4_address_is_inside_in_every_wrapping(address: ipaddress.IPv4Address) -> None:
    """Mapped, 6to4, NAT64."""
    number = int(address)
    for text in (f"::ffff:{address}", f"64:ff9b::{number >> 16:x}:{number & 0xFFFF:x}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"):
        assert not is_public(ipaddress.ip_address(text))


def test_every_address_of_a_name_is_checked() -> None:
    """One inside address among public ones is enough to refuse."""
    with pytest.raises(Refused, match=r"HUB_OUTBOUND__ALLOW=example\.test:443"):
        checked("", "example.test", ["1.1.1.1", "127.0.0.1"], 443)

    assert checked("", "example.test", ["1.1.1.1"], 443) == ["1.1.1.1"]


@pytest.mark.parametrize(
    ("allow", "host", "address", "port", "fine"),
    [
        ("127.0.0.1", "localhost", "127.0.0.1", 80, True),
        ("127.0.0.1:5984", "localhost", "127.0.0.1", 5984, True),
        ("127.0.0.1:5984", "localhost", "127.0.0.1", 5985, False),
        ("10.0.0.0/8", "db.example", "10.9.9.9", 1, True),
        ("couch.example", "couch.example", "10.0.0.1", 1, True),
        ("couch.example", "other.example", "10.0.0.1", 1, False),
        ("[::1]:80", "localhost", "::1", 80, True),
        ("a.example, 127.0.0.1", "x", "127.0.0.1", 1, True),
    ],
)
def test_what_the_operator_allows(allow: str, host: str, address: str, port: int, fine: bool) -> None:  # noqa: FBT001
    """Names and networks, on one port or all."""
    if fine:
        assert checked(allow, host, [address], port) == [address]
    else:
        with pytest.raises(Refused):
            checked(allow, host, [address], port)


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254"])
def test_metadata_addresses_are_never_reached(address: str) -> None:
    """Not even when everything is allowed."""
    with pytest.raises(Refused, match="never reached"):
        checked("0.0.0.0/0,::/0", "metadata", [address], 80)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/", "http://127.1:9/", "http://2130706433:9/", "http://0x7f000001:9/", "http://localhost:9/", "http://[::1]:9/"],
)
async def test_a_client_refuses_before_it_connects(url: str) -> None:
    """Numbers that a resolver takes for addresses, too."""
    async with Outbound("", operator).client("guest") as http:
        with pytest.raises(httpx.ConnectError, match=r"inside address|is a number"):
            await http.get(url)


@pytest.mark.parametrize("text", ["host:port", "host:0", "host:70000", "host:\u0661"])
def test_an_entry_that_cannot_be_read_is_refused(text: str) -> None:
    """With the setting's name."""
    with pytest.raises(ValueError, match="HUB_OUTBOUND__ALLOW"):
        Allowed.parse(text)


@pytest.mark.parametrize(
    ("host", "inside"),
    [("localhost", True), ("127.0.0.1", True), ("hub", True), ("10.0.0.1", True), ("hub.example.com", False), ("1.1.1.1", False)],
)
def test_a_host_is_told_inside_by_its_writing(host: str, inside: bool) -> None:  # noqa: FBT001
    """Which address a hook may be asked for."""
    assert is_inside(host) is inside
