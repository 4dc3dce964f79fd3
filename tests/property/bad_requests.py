"""A stream of requests that are wrong in one place each, drawn from a seed: bodies, names, queries, paths, headers, and the protocol itself."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Any
from urllib.parse import quote

from tests.support.wire import request

API = b"/api/v1/namespaces/_/"
JSON = (b"content-type", b"application/json")
HOLE = "@@"
MIB = 1_048_576


@dataclass
class Bad:
    """One request. `path` is the entity that it would change, as `collection/name`, or None; `last` ends the connection after it."""

    what: str
    data: bytes
    path: str | None = None
    head: bool = False
    last: bool = False


# Values. Each stands where something else was expected.

_DEEP = 1000
WRONG = [
    *(b"null", b"true", b"false", b"0", b"-0", b"-1", b"1", b"1.5", b"1e3", b"1e400", b"-1e400", b"1e-400", b"NaN", b"Infinity", b"0x10", b"01"),
    *(b"9223372036854775808", b"18446744073709551615", b"18446744073709551616", b"-9223372036854775809", b"9" * 400, b"9" * 5000, b"1." + b"9" * 5000),
    *(b'""', b'" "', b'"x"', b'"true"', b'"1"', b'"\xd9\xa3"', b'"\\u0663"', b'"\xef\xbc\x91.0.0"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"'),
    *(b'"a\\u0000b"', b'"a\x00b"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\\x41"', b'"\\u12"', b'"\x01"', b'"a\nb"', b'"\xe2\x80\xae"', b'"%00"'),
    *(b"[]", b"[[]]", b"[null]", b"[1]", b'["x"]', b"{}", b'{"a":1}', b'{"a":1,"a":2}', b'{"":1}', b'{"\\u0000":1}', b'{"__proto__":{}}'),
    *(b"[" * _DEEP + b"]" * _DEEP, b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, b"[" * 63 + b"]" * 63, b"[" * 70 + b"1" + b"]" * 70, b"[" * 100_000),
    *(b'"' + b"x" * 257 + b'"', b'"' + b"x" * 20_000 + b'"', b'"1.2"', b'"1.2.3"', b'"0.0.0"', b'"-1.0.0"', b'"1.2.3.4"', b'"99999999999.0.0"', b'"1e1.0.0"'),
    *(b'"/_/x"', b'"/_/x/"', b'"/a/b/c/d"', b'"//"', b'"/"', b'"../../x"', b'"_"', b'"/_/a b"', b'"/_/a!"', b'"/other/x"', b'"/_/' + b"n" * 257 + b'"'),
    *(b"'x'", b"x", b"{", b"[", b'"', b",", b"", b"[1,]", b'{"a":}', b"\xef\xbb\xbf1", b"\xff\xfe1\x00", b"1 2", b"//c\n1", b"/*c*/1", b"nul", b"tru"),
    *(b'{"key":"k"}', b'[{"key":"k"}]', b'[{"value":1}]', b'[{"key":1,"value":1}]', b'[{"key":"","value":1}]', b'[{"key":null,"value":1}]', b'[{"key":"k","value":1,"init":"yes"}]'),
    *(b'[{"key":"k","value":{"$sealed":true}}]', b'[{"key":"k","value":{"$connection":7}}]', b'{"kind":7}', b'{"kind":"python:3"}', b'{"kind":"sequence"}', b'{"name":"x"}', b'{"namespace":7,"name":"x"}'),
    *(b'{"path":"_","name":"x"}', b'{"path":7,"name":"x"}', b'{"path":"","name":""}', b'"sequence"', b'"blackbox"', b'"python:default"', b'"python:9"', b'"nodejs:\xd9\xa3"', b'" PYTHON:3 "'),
]  # fmt: skip

_CODE = {"kind": "python:3", "code": "def main(args):\n    return args\n"}
_ROWS = [{"key": "a", "value": 1, "init": False}]


def _fields(collection: str) -> dict[str, Any]:
    """A good body of a collection, whose every field is made wrong in turn; the ones that the server owns are sent, too."""
    common = {"version": "0.0.1", "publish": False, "annotations": _ROWS, "namespace": "guest", "name": "n", "updated": 1}
    if collection == "actions":
        limits = {"timeout": 1000, "memory": 128, "logs": 1, "concurrency": 1, "instances": 1}
        return {
            **common,
            "exec": {**_CODE, "main": "main", "binary": False},
            "parameters": _ROWS,
            "limits": limits,
            "delAnnotations": ["a"],
        }
    if collection == "packages":
        return {**common, "parameters": _ROWS, "binding": {"namespace": "whisk.system", "name": "utils"}}
    if collection == "triggers":
        return {**common, "parameters": _ROWS, "limits": {}, "rules": {}}
    return {**common, "trigger": {"path": "_", "name": "{trigger}"}, "action": "/_/{action}", "status": "active"}


def _holes(value: Any) -> Iterator[Any]:
    """The value with a hole in each place in turn: itself, then inside it."""
    yield HOLE
    if isinstance(value, dict):
        for name in value:
            yield from ({**value, name: inner} for inner in _holes(value[name]))
    elif isinstance(value, list):
        for place, member in enumerate(value):
            yield from ([*value[:place], inner, *value[place + 1 :]] for inner in _holes(member))


_SPECIAL: dict[str, list[Any]] = {
    "actions": [
        {"exec": {"kind": "sequence", "components": HOLE}},
        {"exec": {"kind": "sequence", "components": [HOLE]}},
        {"exec": {"kind": "sequence", "components": ["/_/x", HOLE]}},
        {"exec": {"kind": "blackbox", "image": HOLE}},
        {"exec": {"kind": "nodejs:default", "code": HOLE}},
        {"exec": _CODE, "annotations": [{"key": "parameters", "value": HOLE}]},
        {"exec": _CODE, "annotations": [{"key": "final", "value": HOLE}, {"key": "web-export", "value": HOLE}]},
        {"exec": _CODE, "annotations": [{"key": "provide-api-key", "value": HOLE}, {"key": "exec", "value": HOLE}]},
    ],
    "packages": [
        {"annotations": [{"key": "binding", "value": HOLE}]},
        {"annotations": [{"key": "parameters", "value": [{"name": HOLE, "secret": True}]}]},
    ],
    "triggers": [{"annotations": [{"key": "feed", "value": HOLE}]}],
    "rules": [{"trigger": HOLE, "action": "/_/{action}"}, {"trigger": "/_/{trigger}", "action": HOLE}, {"annotations": [{"key": "hub", "value": HOLE}]}],
}  # fmt: skip
COLLECTIONS = ("actions", "packages", "triggers", "rules")


class Stream:
    """The requests of one client, which owns the entities whose names end with its number."""

    def __init__(self, seed: int, number: int, authorization: bytes) -> None:
        self.random = Random(f"{seed}/{number}")  # noqa: S311 - requests are drawn, not secrets
        self.number = number
        self.key = (b"authorization", authorization)
        self.names = {collection: f"kept-{collection}-{number}" for collection in COLLECTIONS}
        self._bodies: list[tuple[str, Any]] = [
            (collection, body) for collection in COLLECTIONS for body in chain(_holes(_fields(collection)), _SPECIAL[collection])
        ]
        self._made = 0

    def fields_in_turn(self, share: int, of: int) -> Iterator[Bad]:
        """Every wrong value in every field of every entity: this client's share of all of them."""
        every = [(collection, body, wrong) for collection, body in self._bodies for wrong in WRONG]
        self.random.shuffle(mine := every[share::of])
        for collection, body, wrong in mine:
            yield self._put(collection, self._filled(body, wrong))

    def drawn(self, count: int) -> Iterator[Bad]:
        """So many requests of every other kind."""
        kinds: list[Callable[[], Bad]] = [
            *[self.mutated] * 4,
            *[self.payload] * 4,
            *[self.name] * 4,
            *[self.query] * 4,
            *[self.kind_of_body] * 2,
            *[self.method] * 3,
            *[self.path] * 4,
            *[self.header] * 3,
            *[self.key_of_nobody] * 2,
            *[self.protocol] * 2,
            *[self.own_route] * 3,
            *[self.web] * 2,
        ]
        for _ in range(count):
            yield self.random.choice(kinds)()

    # Bodies

    def _filled(self, body: Any, wrong: bytes) -> bytes:
        text = json.dumps(body).replace("{trigger}", self.names["triggers"]).replace("{action}", self.names["actions"])
        return text.encode().replace(b'"' + HOLE.encode() + b'"', wrong)

    def _fresh(self) -> str:
        self._made += 1
        return f"new-{self.number}-{self._made}"

    def _put(self, collection: str, body: bytes, *headers: tuple[bytes, bytes]) -> Bad:
        name, query = self.random.choice(
            [
                (self.names[collection], b"?overwrite=true"),
                (self.names[collection], b""),
                (self._fresh(), b""),
                (self._fresh(), b"?overwrite=TRUE"),
            ]
        )
        target = API + f"{collection}/{name}".encode() + query
        return Bad(f"PUT {collection}", request("PUT", target, [self.key, *(headers or (JSON,))], body), f"{collection}/{name}")

    def mutated(self) -> Bad:
        """A good body with bytes of it changed, cut, repeated or put in."""
        collection = self.random.choice(COLLECTIONS)
        body = bytearray(self._filled(_fields(collection), b""))
        for _ in range(self.random.randint(1, 4)):
            place = self.random.randrange(len(body) or 1)
            act = self.random.randrange(4)
            if act == 0:
                body[place : place + 1] = self.random.randbytes(1)
            elif act == 1:
                del body[place : place + self.random.randint(1, 40)]
            elif act == 2:
                body[place:place] = body[place : place + self.random.randint(1, 40)]
            else:
                body[place:place] = self.random.choice(WRONG)[:2000]
        return self._put(collection, bytes(body))

    def payload(self) -> Bad:
        """What actions and triggers are called with, and rules are switched with."""
        wrong = self.random.choice(WRONG)
        body = self.random.choice([wrong, b'{"a":' + wrong + b"}", b'{"a":1,"a":' + wrong + b"}", b'{"__ow_headers":' + wrong + b"}"])
        if self.random.randrange(60) == 0:
            body = b'{"a":"' + b"x" * (MIB - 8 + self.random.randint(0, 3)) + b'"}'
        place = self.random.choice(
            [
                *(f"triggers/{self.names['triggers']}", "triggers/none", "actions/none?blocking=true", "actions/whisk.system/utils/none"),
                *("actions/kept-none/x", f"actions/{self.names['packages']}/none?blocking=maybe", f"actions/{self.names['rules']}"),
                *(f"rules/{self.names['rules']}", "rules/none"),
            ]
        )
        if place.startswith("rules"):
            body = self.random.choice([body, b'{"status":' + wrong + b"}"])
        if self.random.randrange(8) == 0:
            place = f"actions/{self.names['actions']}?blocking=true&result={self.random.choice(['true', 'false'])}"
        if self.random.randrange(40) == 0:
            body = (
                b'{"lifecycleEvent":'
                + wrong
                + b',"triggerName":'
                + self.random.choice(WRONG)
                + b',"authKey":'
                + self.random.choice(WRONG)
                + b"}"
            )
            return Bad(
                "feed", request("POST", b"/api/v1/namespaces/whisk.system/actions/alarms/interval?blocking=true", [self.key, JSON], body)
            )
        path = f"rules/{self.names['rules']}" if place.startswith("rules/kept") else None
        return Bad(f"POST {place.partition('/')[0]}", request("POST", API + place.encode(), [self.key, JSON], body), path)

    def kind_of_body(self) -> Bad:
        """Content types and codings that are no plain JSON, or are called something else."""
        body = self._filled(_fields(collection := self.random.choice(COLLECTIONS)), b"")
        given: list[tuple[bytes, bytes]] = []
        types = [
            b"text/plain",
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=x",
            b"",
            b"/",
            b"json",
            b"application/json;charset=utf-16",
        ]
        types += [
            b"application/jsonx",
            b"APPLICATION/JSON",
            b"application/json, text/plain",
            b"\xff\xfe",
            b"application/octet-stream",
            b"*/*",
            b"a" * 2000,
        ]
        if self.random.randrange(2):
            given.append((b"content-type", self.random.choice(types)))
        if self.random.randrange(2):
            given += [JSON, (b"content-encoding", self.random.choice([b"gzip", b"br", b"identity", b"deflate, gzip", b"\xff", b""]))]
            body = self.random.choice([body, gzip.compress(body, 1), gzip.compress(body, 1)[:-5]])
        if self.random.randrange(3) == 0:
            target = API + self.random.choice([b"triggers/none", b"actions/none", f"triggers/{self.names['triggers']}".encode()])
            return Bad("type of a payload", request("POST", target, [self.key, *given], body))
        return self._put(collection, body, *(given or [JSON]))

    # Names, queries, paths

    def name(self) -> Bad:
        """Names that are none, in every place of a path that has one."""
        names = [
            "a!",
            "a/b",
            " a",
            "a ",
            "-a",
            ".a",
            "a\n",
            "a\0b",
            "ä",
            "٣",
            "a" * 256,
            "a" * 257,
            "a" * 5000,
            "..",
            ".",
            "%",
            "%2F",
            "%00",
            "a%2e%2e",
            "'",
            '"',
            "<b>",
        ]
        names += [
            "a;b",
            "a?b",
            "a#b",
            "\\",
            "a\\b",
            "\u202e",
            "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
            "_",
            "default",
            "a&b",
            "a@b",
            "a.b",
            "a b",
        ]
        bad = quote(self.random.choice(names), safe="").encode()
        if self.random.randrange(4) == 0:
            bad = self.random.choice(
                [
                    b"%",
                    b"%zz",
                    b"%ff",
                    b"%c0%af",
                    b"%ed%a0%80",
                    b"%25",
                    b"%2e%2e",
                    b"%2E",
                    b"%2f",
                    b"%5c",
                    b"%00",
                    b"%0d%0aX:1",
                    b"a%20",
                    b"a+b",
                    b"*",
                    b"~",
                ]
            )
        collection = self.random.choice([*COLLECTIONS, "activations", "limits"]).encode()
        good = self.random.choice([b"kept", b"none"])
        target = self.random.choice(
            [
                *(b"/api/v1/namespaces/" + bad + b"/" + collection, b"/api/v1/namespaces/" + bad + b"/" + collection + b"/" + good),
                *(API + collection + b"/" + bad, API + collection + b"/" + bad + b"/", API + collection + b"/" + bad + b"/" + good, API + collection + b"/" + good + b"/" + bad),
                *(API + b"activations/" + bad + b"/logs", API + b"activations/" + bad + b"/result", API + bad, API + bad + b"/" + good),
            ]
        )  # fmt: skip
        method = self.random.choice(["GET", "GET", "DELETE", "POST"])
        return Bad(f"name in {method}", request(method, target, [self.key, JSON], b"{}" if method == "POST" else None))

    def query(self) -> Bad:
        """Queries of every kind with values of every other."""
        values = [
            b"",
            b"x",
            b"-1",
            b"201",
            b"1.5",
            b"1e3",
            b"0x1",
            b"+1",
            b"%2B1",
            b"01",
            b"%D9%A3",
            b"\xd9\xa3",
            b"%EF%BC%91",
            b"%00",
            b"%ff",
            b"\xff",
            b"%",
            b"9" * 30,
            b"9" * 5000,
        ]
        values += [
            b"true",
            b"TRUE",
            b"yes",
            b"on",
            b"2",
            b"tru%65",
            b"null",
            b"%20",
            b"1%20",
            b"1%0A",
            b"-0",
            b"-" + b"9" * 18,
            b"9" * 18,
            b"a/b",
            b"a/b/c",
            b"a!",
            b"/",
            b"a%2Fb",
        ]
        names = [
            b"limit",
            b"skip",
            b"count",
            b"since",
            b"upto",
            b"name",
            b"docs",
            b"code",
            b"overwrite",
            b"force",
            b"blocking",
            b"result",
            b"timeout",
            b"public",
            b"",
            b"%ff",
        ]
        pairs = [self.random.choice(names) + b"=" + self.random.choice(values) for _ in range(self.random.randint(1, 4))]
        text = self.random.choice(
            [
                b"&".join(pairs),
                b"&".join(pairs) + b"&" + pairs[0],
                self.random.choice(names),
                b"&&=&",
                b"?" * 50,
                b"a=1&" * 500,
                b";".join(pairs),
            ]
        )
        collection = self.random.choice([*COLLECTIONS, "activations", "actions/whisk.system", "limits"])
        if self.random.randrange(3):
            target = API + collection.encode() + b"?" + text
            return Bad("query of a list", request("GET", target, [self.key]))
        name = self.names[place := self.random.choice(COLLECTIONS)]
        method = self.random.choice(["GET", "POST", "PUT"])
        path = f"{place}/{name}" if method == "PUT" else None
        data = request(method, API + f"{place}/{name}".encode() + b"?" + text, [self.key, JSON], None if method == "GET" else b"[]")
        return Bad(f"query of {method}", data, path)

    def path(self) -> Bad:
        """Dots, slashes and codings that lead a careless server somewhere else."""
        mine = self.names["triggers"].encode()
        steps = [
            b"..",
            b".",
            b"",
            b"%2e%2e",
            b"%2E.",
            b".%2e",
            b"%2f",
            b"%5c..",
            b"..;",
            b"...",
            b"%252e%252e",
            b"%c0%ae%c0%ae",
            b"_",
            b"guest",
            b"triggers",
            mine,
            b"\\..",
            b"%00",
            b"api",
            b"v1",
        ]
        middle = b"/".join(self.random.choice(steps) for _ in range(self.random.randint(1, 6)))
        end = self.random.choice(
            [
                b"/triggers/" + mine,
                b"/" + mine,
                b"",
                b"/",
                b"?x",
                b"#frag",
                b"//",
                b"/..",
                b"/" + b"a/" * 1000,
                b"/" + b"a" * 7000,
                b"/" + b"a" * 9000,
            ]
        )
        begin = self.random.choice(
            [
                API,
                b"/api/v1/",
                b"/api/",
                b"/",
                b"//",
                b"/API/V1/",
                b"/api//v1/",
                b"/./api/v1/namespaces/_/",
                b"/runtime/api/v1/namespaces/_/",
                b"http://hub/api/v1/",
                b"*",
                b"",
                b"/docs/",
                b"/static/",
                b"/catalog/v1/blobs/sha256/",
                b"/hooks/",
            ]
        )
        method = self.random.choice(["GET", "GET", "GET", "DELETE", "HEAD"])
        headers = [self.key] if method != "DELETE" else [(b"authorization", b"Basic eDp5")]
        return Bad(f"path in {method}", request(method, begin + middle + end, headers), head=method == "HEAD")

    def method(self) -> Bad:
        """Methods that a route does not have, or nobody has."""
        methods = [
            "TRACE",
            "CONNECT",
            "PATCH",
            "HEAD",
            "PROPFIND",
            "PURGE",
            "LINK",
            "QUERY",
            "FOO",
            "get",
            "G ET",
            "",
            "OPTIONS",
            "POST",
            "PUT",
            "DELETE",
            "GET\t",
            "M-SEARCH",
            "X" * 3000,
        ]
        method = self.random.choice(methods)
        places = [
            "",
            "actions",
            "actions/none",
            "packages/none",
            "packages/refresh",
            "triggers",
            "rules",
            "activations",
            "activations/" + "0" * 32,
            "limits",
            "limits/x",
            "nothing",
        ]
        places += [f"{collection}/{self.names[collection]}/more/and/more" for collection in COLLECTIONS]
        place = self.random.choice(places)
        target = self.random.choice(
            [
                API + place.encode(),
                b"/api/v1",
                b"/api",
                b"/api/v1/api-docs",
                b"/api/v1/docs",
                b"/ping",
                b"/",
                b"/ready",
                b"/invokers",
                b"/hooks/x",
            ]
        )
        body = self.random.choice([None, b"", b"{}"])
        made = place if method == "PUT" and target.endswith(place.encode()) and place.partition("/")[0] in COLLECTIONS else None
        return Bad(f"method {method[:8]}", request(method, target, [self.key, JSON], body), path=made, head=method == "HEAD")

    # Headers, keys, protocol

    def header(self) -> Bad:
        """Headers that are many, large, doubled, forged or none."""
        more = self.random.choice(
            [
                *([(b"x-%d" % n, b"v") for n in range(900)], [(b"x", b"v" * 33_000)], [(b"x" * 33_000, b"v")], [(b"x-request-id", b"a" * 5000)]),
                *([(b"x-request-id", b"a\tb")], [(b"x-request-id", b"\xff\xfe")], [(b"x-request-id", b"sid_forged")], [(b"x-request-id", b"")], [(b"x-request-id", b"<script>")]),
                *([(b"x-a", b"1\r\nx-injected: 1")], [(b"x-a", b"1\nx-b: 2")], [(b"x-a", b"1\rx-b: 2")], [(b"x-a", b"\x00")], [(b"x a", b"1")], [(b"", b"1")], [(b"x-a\xff", b"1")]),
                *([(b"host", b"[")], [(b"host", b"a b")], [(b"host", b"\xff")], [(b"host", b"x:99999999")], [(b"host", b"http://evil/")], [(b"forwarded", b"for=x")], [(b"x-forwarded-for", b"\xff")]),
                *([(b"expect", b"100-continue")], [(b"expect", b"x")], [(b"connection", b"upgrade"), (b"upgrade", b"websocket")], [(b"connection", b"upgrade"), (b"upgrade", b"h2c")]),
                *([(b"range", b"bytes=0-" + b"9" * 50)], [(b"accept", b"\xff")], [(b"accept", b"a/" + b"b" * 4000)], [(b"origin", b"null")], [(b"cookie", b"hub_session=" + b"\xff" * 20)]),
                *([(b"if-none-match", b"*")], [(b"authorization", b"Basic eDp5")], [(b"te", b"trailers")], [(b"x-ow-extra-logging", b"on")]),
            ]
        )  # fmt: skip
        target = self.random.choice(
            [
                API + b"actions/none",
                API + b"nothing",
                b"/api/v1/nothing",
                b"/",
                b"/nowhere",
                b"/api/v1",
                b"/catalog/v1/packages",
                b"/search?q=x",
                b"/docs",
            ]
        )
        return Bad("header", request("GET", target, [self.key, *more]))

    def key_of_nobody(self) -> Bad:
        """Credentials that are none."""
        keys = [
            b"",
            b"Basic",
            b"Basic ",
            b"Basic !!!",
            b"Basic eA==",
            b"Basic eDp5",
            b"Basic /////w==",
            b"Basic \xff\xfe",
            b"Basic AAAA",
            b"Basic eAA6eQ==",
            b"Bearer",
            b"Bearer x",
            b"Bearer x:y",
        ]
        keys += [
            b"Bearer \xff:\xff",
            b"Digest x",
            b"basic eDp5",
            b"Basic " + b"eDp5" * 2000,
            self.key[1] + b"x",
            self.key[1][:-8],
            b"Basic w6k6w6k=",
            b"\xff",
            b"Basic Og==",
            b"Basic OjA=",
        ]
        path = f"{(place := self.random.choice(COLLECTIONS))}/{self.names[place]}"
        method = self.random.choice(["GET", "PUT", "POST", "DELETE"])
        data = request(method, API + path.encode() + b"?overwrite=true", [(b"authorization", self.random.choice(keys)), JSON], b"{}")
        return Bad(f"nobody's {method}", data, path if method != "GET" else None)

    def protocol(self) -> Bad:
        """Requests that end early, contradict themselves, or are none."""
        place = self.random.choice([f"triggers/{self.names['triggers']}", f"rules/{self.names['rules']}"])
        target, auth = API + place.encode(), self.key[0] + b": " + self.key[1] + b"\r\n"
        head = b"PUT " + target + b"?overwrite=true HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n" + auth
        fire = b"POST " + target + b" HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n" + auth
        chunked = b"transfer-encoding: chunked\r\n\r\n"
        raw = self.random.choice(
            [
                *(head + b"content-length: 100\r\n\r\n{}", fire + b"content-length: 100\r\n\r\n", fire + b"content-length: 100\r\n\r\n{}", head + b"content-length: -1\r\n\r\n{}"),
                *(head + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}", head + b"content-length: 99999999999999999999\r\n\r\n{}", head + b"content-length: x\r\n\r\n{}", head + b"content-length: \xd9\xa3\r\n\r\n{}"),
                *(head + chunked + b"2\r\n{}\r\n", head + chunked + b"zz\r\n{}\r\n0\r\n\r\n", head + chunked + b"-2\r\n{}\r\n", head + chunked + b"fffffffffffffffff\r\n{}", fire + chunked + b"5\r\n{}\r\n0\r\n\r\n"),
                *(head + b"content-length: 2\r\n" + chunked + b"2\r\n[]\r\n0\r\n\r\n", head + b"transfer-encoding: gzip\r\n\r\n[]", head + b"transfer-encoding: chunked, identity\r\n\r\n[]", head + b"content-length: 52428801\r\n\r\n"),
                *(head + chunked + b"2\r\n[]\r\n0\r\nauthorization: Basic eDp5\r\nx-request-id: late\r\n\r\n", fire + b"content-length: 1048577\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01\x02\x00\x01"),
                *(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET " + target + b"\r\n\r\n", b"GET " + target + b" HTTP/1.0\r\n" + auth + b"\r\n", b"GET / FTP/1.1\r\nhost: a\r\n\r\n"),
                *(b"GET / HTTP/1.1\nhost: a\n\n", b"GET / HTTP/1.1\r\nhost: a\r\n folded\r\n\r\n", b"GET / HTTP/1.1\r\nhost : a\r\n\r\n", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"a" * 600_000, self.random.randbytes(200)),
            ]
        )  # fmt: skip
        return Bad("protocol", raw, place, last=True)

    def web(self) -> Bad:
        """Calls of actions over the web: of none, of one that is not exported, with paths, queries and bodies of every kind."""
        wrong = self.random.choice(WRONG)
        action = self.random.choice(
            [self.names["actions"].encode(), b"none", b"none.json", b"none.xyz", quote(wrong[:60], safe="").encode()]
        )
        place = self.random.choice(
            [b"guest/default/", b"_/default/", b"guest/none/", b"whisk.system/utils/", b"%ff/default/", b"a!/b!/", b"guest//", b"guest/"]
        )
        rest = self.random.choice(
            [b"", b"/", b"/a/b", b"/..", b"/%2e%2e", b"/%00", b"?x=" + quote(wrong[:60]).encode(), b"?%ff=%ff&=&x", b"?__ow_method=x"]
        )
        method = self.random.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
        kind = self.random.choice(
            [JSON, (b"content-type", b"application/x-www-form-urlencoded"), (b"content-type", b"text/plain"), (b"content-type", b"\xff")]
        )
        headers = [kind, (b"origin", b"http://elsewhere"), (b"x-require-whisk-auth", b"\xff"), self.key]
        return Bad(f"web {method}", request(method, b"/api/v1/web/" + place + action + rest, headers, wrong), head=method == "HEAD")

    def own_route(self) -> Bad:
        """The hub's own routes, which answer problems."""
        wrong = self.random.choice(WRONG)
        field = self.random.choice(
            [b"package", b"as", b"settings", b"connections", b"name", b"fields", b"connection", b"accept_untested", b"colour"]
        )
        body = self.random.choice(
            [
                wrong,
                b"{" + b'"' + field + b'":' + wrong + b"}",
                b'{"package":"whisk.system/utils","name":"x","' + field + b'":' + wrong + b"}",
            ]
        )
        method, target = self.random.choice(
            [
                *(("POST", b"/catalog/v1/installs?dry_run=true"), ("POST", b"/catalog/v1/connections"), ("POST", b"/catalog/v1/packages?dry_run=true"), ("POST", b"/hooks/none")),
                *(("GET", b"/catalog/v1/packages?q=" + quote(wrong[:300]).encode()), ("GET", b"/catalog/v1/packages?limit=" + quote(wrong[:50]).encode()), ("GET", b"/catalog/v1/packages?after=%00")),
                *(("GET", b"/catalog/v1/packages/" + quote(wrong[:60], safe="").encode() + b"/x"), ("GET", b"/catalog/v1/installs/" + quote(wrong[:60], safe="").encode()), ("GET", b"/catalog/v1/connections/%ff")),
                *(("DELETE", b"/catalog/v1/installs/" + quote(wrong[:60], safe="").encode()), ("DELETE", b"/catalog/v1/connections/x?force=" + quote(wrong[:20]).encode()), ("POST", b"/catalog/v1/connections/x/check")),
                *(("GET", b"/catalog/v1/blobs/sha256/" + quote(wrong[:60], safe="").encode()), ("GET", b"/catalog/v1/nothing"), ("PUT", b"/catalog/v1/installs"), ("PUT", b"/runtime/namespaces/_/logForwarding")),
                *(("GET", b"/search?q=" + quote(wrong[:300]).encode()), ("GET", b"/activations?name=" + quote(wrong[:60]).encode()), ("GET", b"/p/%ff/x"), ("GET", b"/docs/" + quote(wrong[:60], safe="").encode()), ("GET", b"/sign-in/x"), ("POST", b"/sign-out")),
            ]
        )  # fmt: skip
        return Bad(f"own {method}", request(method, target, [self.key, JSON], body if method in {"POST", "PUT"} else None))
