"""Where the hub may go on behalf of users: only public addresses, unless the operator allowed an inside one (reliability §7).

A name is resolved once, every address it stands for is checked, and the connection goes to the address that was checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import httpcore
import httpx

from hub.domain.identity import Identity

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_METADATA = (
    ipaddress.ip_address("169.254.169.254"),
    ipaddress.ip_address("169.254.170.2"),
    ipaddress.ip_address("100.100.100.200"),
    ipaddress.ip_address("fd00:ec2::254"),
)
_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "::/127",
        "100::/64",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")
_TIMEOUT = 10.0
_HEXADECIMAL = re.compile(r"\A0x[0-9a-f]*\Z")


class Refused(httpx.ConnectError):
    """The address may not be reached; the message names the setting that allows it."""


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside a mapped, 6to4, NAT64 or Teredo one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if inner is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inner or address


def is_public(address: Address) -> bool:
    """By our own table: `ipaddress.is_global` takes 64:ff9b::/96 and fec0::/10 for public."""
    real = unwrapped(address)
    if isinstance(real, ipaddress.IPv6Address) and real in _NAT64_LOCAL:
        return False
    return not any(real.version == network.version and real in network for network in _INSIDE)


def is_this_machine(address: Address) -> bool:
    """Whether an address is one of this machine, such as 127.0.0.2, 0.0.0.0 or that of an interface: then it can be bound."""
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def is_inside(host: str) -> bool:
    """Whether a host is written as an inside address, or is this machine."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not is_public(ipaddress.ip_address(name))
    except ValueError:
        return "." not in name


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of HUB_OUTBOUND__ALLOW: a name or a network, on one port or all."""

    name: str
    network: Network | None
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Allowed:
        """Read `host-or-CIDR[:port]`. Raises ValueError with a sentence."""
        place, port = text, None
        if text.startswith("["):
            place, _, rest = text[1:].partition("]")
            port = rest.removeprefix(":") or None
        elif text.count(":") == 1:
            place, _, port = text.partition(":")
        if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):  # noqa: PLR2004 - the largest port
            message = f"HUB_OUTBOUND__ALLOW: {text!r} has no usable port; write host-or-CIDR[:port]."
            raise ValueError(message)
        try:
            network: Network | None = ipaddress.ip_network(place, strict=False)
        except ValueError:
            network = None
        return cls(place.lower(), network, int(port) if port else None)

    def covers(self, host: str, address: Address, port: int) -> bool:
        """Whether this entry allows the address under that name."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return self.network.version == address.version and address in self.network
        return self.name == host.lower()


def allowances(text: str) -> tuple[Allowed, ...]:
    """Read comma-separated `host-or-CIDR[:port]`. Raises ValueError with a sentence."""
    return tuple(Allowed.parse(entry.strip()) for entry in text.split(",") if entry.strip())


def is_number(host: str) -> bool:
    """Whether a name would be taken for an address in a writing that nobody means: 127.1, 0x7f000001, 2130706433."""
    last = host.rstrip(".").rpartition(".")[2].lower()
    if not (last.isdecimal() or _HEXADECIMAL.match(last)):
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


Place = tuple[str, int]
Owners = Callable[[str], Awaitable[Identity | None]]


class Outbound:
    """Says where users of the hub may go, and makes HTTP clients that go nowhere else.

    `allow` is HUB_OUTBOUND__ALLOW, which holds for the operator's namespaces; `owner_of` finds whose a namespace is, and with it what
    others were allowed (design §9 "Cells"). `never` are places of the hub itself, by address: on this machine their ports are never
    reached, whichever of its addresses is meant. Raises ValueError for a bad entry.
    """

    def __init__(self, allow: str, owner_of: Owners, never: Iterable[Place] = ()) -> None:
        self._allowed = allowances(allow)
        self._owner_of = owner_of
        self._never = frozenset(never)
        self._own_ports = frozenset(port for host, port in self._never if is_this_machine(ipaddress.ip_address(host)))

    async def addresses(self, namespace: str, host: str, port: int) -> list[str]:
        """The addresses to connect to, on behalf of a namespace. Raises Refused when any may not be reached, or there is none."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Refused(f"{host} cannot be resolved.") from error
        owner = await self._owner_of(namespace)
        operator = owner is not None and owner.operator
        allowed = self._allowed if operator else allowances((owner.limits.outbound_allow if owner else None) or "")
        how = f"HUB_OUTBOUND__ALLOW={host}:{port}" if operator else f"hub admin limits set {namespace} --outboundAllow {host}:{port}"
        return self.checked(host, dict.fromkeys(str(row[4][0]) for row in found), port, allowed, how)

    def checked(self, host: str, addresses: Iterable[str], port: int, allowed: tuple[Allowed, ...], how: str) -> list[str]:
        """The same addresses. Raises Refused when any of them may not be reached; `how` is what allows it."""
        if is_number(host):
            raise Refused(f"{host} is a number and not a name; write the address with four parts.")
        fine = list(addresses)
        for text in fine:
            address = ipaddress.ip_address(text.partition("%")[0])
            real = unwrapped(address)
            if real in _METADATA:
                raise Refused(f"{host} is an address of the machine's metadata service, which is never reached.")
            if (str(real), port) in self._never or (port in self._own_ports and is_this_machine(real)):
                raise Refused(f"{host}:{port} is the hub's own, which is never reached this way; actions find its API at __OW_API_HOST.")
            if not is_public(address) and not any(entry.covers(host, address, port) for entry in allowed):
                raise Refused(
                    f"{host} is an inside address ({text}), which packages and feeds may not reach. The operator can allow it: {how}"
                )
        if not fine:
            raise Refused(f"{host} has no address.")
        return fine

    def client(self, namespace: str, *, timeout: httpx.Timeout | None = None, trusted: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        """A client for a namespace, without redirects and without proxies from the environment. The caller closes it.

        `trusted` says which certificates count where the usual ones do not.
        """
        transport = httpx.AsyncHTTPTransport(retries=0)
        transport._pool = httpcore.AsyncConnectionPool(  # noqa: SLF001 - httpx has no other way to give its pool a network
            ssl_context=trusted or httpx.create_ssl_context(),
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=30,
            network_backend=_Guarded(self, namespace),
        )
        return httpx.AsyncClient(transport=transport, timeout=timeout or httpx.Timeout(_TIMEOUT), follow_redirects=False, trust_env=False)


class _Guarded(httpcore.AsyncNetworkBackend):
    """Resolves, checks, connects to what was checked; the name stays in SNI and Host."""

    def __init__(self, outbound: Outbound, namespace: str) -> None:
        self._outbound = outbound
        self._namespace = namespace
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            address, *_ = await self._outbound.addresses(self._namespace, host, port)
        except Refused as error:
            raise httpcore.ConnectError(str(error)) from error
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("unix sockets are never reached")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
