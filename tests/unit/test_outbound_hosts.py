"""Three hundred ways to write an address that nobody may reach, each asked of the guard as a client would write it (reliability §7)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest

from hub.domain.identity import Identity
from hub.services.outbound import Outbound, Refused

INSIDE = (
    *("0.0.0.0", "10.0.0.1", "10.255.255.254", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.8.8.8", "127.255.255.254"),
    *("169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.254", "192.0.0.8", "192.0.2.7", "192.88.99.1"),
    *("192.168.0.1", "192.168.255.254", "198.18.0.1", "198.19.255.254", "198.51.100.9", "203.0.113.5", "224.0.0.251", "255.255.255.255"),
)
SIX = (
    *("::", "::1", "100::1", "2001:db8::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "febf::1"),
    *("fec0::1", "feff::1", "ff02::1", "ff0e::1", "64:ff9b:1::1", "64:ff9b:1:ffff::a00:1"),
)


def writings(text: str) -> Iterator[str]:
    """One IPv4 address in every writing that a resolver, or a careless parser, understands."""
    number = int(ipaddress.IPv4Address(text))
    first, second, third, fourth = number.to_bytes(4)
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    yield text
    yield f"::ffff:{text}"
    yield f"::ffff:{high}:{low}"
    yield f"64:ff9b::{high}:{low}"
    yield f"2002:{high}:{low}::1"
    yield f"2001:0:1:2:3:4:{0xFFFF ^ (number >> 16):x}:{0xFFFF ^ (number & 0xFFFF):x}"
    yield str(number)
    yield f"{number:#x}"
    yield f"{first:#x}.{second:#x}.{third:#x}.{fourth:#x}"
    yield f"{first}.{second}.{(third << 8) + fourth}"
    yield f"{first}.{(second << 16) + (third << 8) + fourth}"
    yield f"0{first:o}.0{second:o}.0{third:o}.0{fourth:o}"


CASES = [*(host for text in INSIDE for host in writings(text)), *SIX, "localhost", "LOCALHOST", "localhost."]


async def nobody(_namespace: str) -> Identity | None:
    """A namespace that was allowed nothing."""
    return None


async def operator(namespace: str) -> Identity:
    """One that was allowed all that can be allowed."""
    return Identity(subject=namespace, namespace=namespace, uuid="u", key="k", operator=True)


def test_there_are_three_hundred() -> None:
    """All of them different."""
    assert len(set(CASES)) == len(CASES) >= 300


@pytest.mark.parametrize("host", CASES)
async def test_an_inside_address_is_refused_however_it_is_written(host: str) -> None:
    """By the guard itself, with the real resolver, before anything is connected to."""
    with pytest.raises(Refused):
        await Outbound("", nobody).addresses("guest", host, 80)


@pytest.mark.parametrize("host", [host for text in ("169.254.169.254", "169.254.170.2") for host in writings(text)])
async def test_metadata_stays_out_of_reach_of_those_who_may_go_everywhere(host: str) -> None:
    """In every writing."""
    with pytest.raises(Refused):
        await Outbound("0.0.0.0/0,::/0", operator).addresses("guest", host, 80)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.255.0.9", "0.0.0.0", "::ffff:127.0.0.1", "localhost", "10.9.8.7"])
async def test_the_hubs_own_places_stay_out_of_reach(host: str) -> None:
    """Its own port by any address of the machine, and its database's; the port beside it is nobody's."""
    guard = Outbound("0.0.0.0/0,::/0", operator, [("127.0.0.1", 3233), ("10.9.8.7", 3233)])
    with pytest.raises(Refused, match="the hub's own"):
        await guard.addresses("guest", host, 3233)

    assert await guard.addresses("guest", host, 3234)
    assert await guard.addresses("guest", "10.9.8.6", 3233) == ["10.9.8.6"]
