"""The way out of builds: only to the package indexes, and to where those keep their files (design §9 "Cells")."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from hub.runtime.egress import Egress
from hub.services.egress import Egresses
from hub.services.outbound import Outbound
from hub.services.trust import BUILT_IN

PORTS = {"https": 443, "http": 80}
PATIENCE = httpx.Timeout(5)
LARGEST_PAGE = 16 << 20
_SEPARATORS = re.compile(r"[-_.]+")


class Indexes:
    """Builds go out on behalf of the operator, who names the indexes. `trusted` loads the certificates that installers trust."""

    def __init__(self, outbound: Outbound, egresses: Egresses, trusted: Callable[[], ssl.SSLContext]) -> None:
        self._outbound = outbound
        self._egresses = egresses
        self._trusted = trusted
        self._beside: dict[str, frozenset[str]] = {}

    async def reach(self, index: str, names: tuple[str, ...]) -> Egress:
        """A way out to the index, and to the hosts that its pages of these packages link to: it may keep files elsewhere."""
        places = {_place(index)}
        if names and index not in self._beside:
            found = await self._linked(index, names[0])
            if found:
                self._beside[index] = found
        places |= self._beside.get(index, frozenset())
        return Egress(check=self._egresses.only(BUILT_IN, tuple(sorted(places))).check)

    async def _linked(self, index: str, name: str) -> frozenset[str]:
        """Hosts with ports that the page of a package links to; none when there is no such page, which the installer says better."""
        parts = urlsplit(index)
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        address = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        page = f"{address.rstrip('/')}/{_SEPARATORS.sub('-', name).lower()}/"
        trusted = await asyncio.to_thread(self._trusted)
        try:
            async with (
                self._outbound.client(BUILT_IN, timeout=PATIENCE, trusted=trusted) as client,
                client.stream(
                    "GET",
                    page,
                    headers={"accept": "text/html"},
                    auth=httpx.BasicAuth(unquote(user), unquote(password)) if user else None,
                ) as answer,
            ):
                text = bytearray()
                async for part in answer.aiter_bytes():
                    text += part
                    if len(text) > LARGEST_PAGE:
                        break
        except httpx.HTTPError:
            return frozenset()
        links = _Links()
        links.feed(text.decode(errors="replace"))
        found = (urljoin(page, link) for link in links.found)
        return frozenset(_place(link) for link in found if urlsplit(link).scheme in PORTS)


class _Links(HTMLParser):
    """Where the links of a page go."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        if tag == "a":
            self.found |= {value for name, value in attrs if name == "href" and value}


def _place(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port or PORTS.get(parts.scheme, 443)}"
