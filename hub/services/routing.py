"""Which path of which API a request means: the longest base path first, words before parameters (openwhisk-api §16.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import unquote

import msgspec

from hub.domain.api import VERBS, Api
from hub.wire.assembly import Backend, allows_origins, backend_of
from hub.wire.swagger import is_parameter, operations

Segments = tuple[str, ...]
Template = tuple[str | None, ...]
"""The segments of a path; None where any will do."""


class Route(msgspec.Struct, frozen=True):
    """One path. `backends` go by verb in capitals, None for an operation that calls no web action.

    `shared` says whether pages of other origins may call it; None leaves that to the action.
    """

    backends: dict[str, Backend | None]
    shared: bool | None

    @property
    def methods(self) -> str:
        """Its verbs, as CORS lists them."""
        return ", ".join(verb for verb in map(str.upper, VERBS) if verb in self.backends)


class Paths:
    """The paths of one API."""

    def __init__(self, api: Api) -> None:
        self._plain: dict[Segments, Route] = {}
        self._templates: dict[int, list[tuple[Template, Route]]] = {}
        shared = allows_origins(api.document)
        routes: dict[str, Route] = {}
        self.routes = routes.values()
        for path, verb, operation in operations(api.document):
            route = routes.setdefault(path, Route({}, shared))
            route.backends[verb.upper()] = backend_of(api.document, operation, api.namespace)
        for path, route in routes.items():
            self._add(tuple(None if is_parameter(segment) else unquote(segment) for segment in segments_of(path)), route)
        for templates in self._templates.values():
            templates.sort(key=lambda row: tuple(segment is None for segment in row[0]))

    def _add(self, template: Template, route: Route) -> None:
        plain = tuple(segment for segment in template if segment is not None)
        if len(plain) == len(template):
            self._plain.setdefault(plain, route)
        else:
            self._templates.setdefault(len(template), []).append((template, route))

    def find(self, path: Segments) -> Route | None:
        """The route of a path below the base path, or None."""
        if path in self._plain:
            return self._plain[path]
        return next((route for template, route in self._templates.get(len(path), ()) if _fits(template, path)), None)


def _fits(template: Template, path: Segments) -> bool:
    return all((given if wanted is None else given == wanted) for wanted, given in zip(template, path, strict=True))


class Table:
    """The paths of all APIs of a namespace."""

    def __init__(self, apis: Iterable[Api]) -> None:
        self._apis: dict[Segments, list[Paths]] = {}
        for api in apis:
            self._apis.setdefault(tuple(map(unquote, segments_of(api.base_path))), []).append(Paths(api))
        self._lengths = sorted({len(base) for base in self._apis}, reverse=True)

    def find(self, path: str) -> Route | None:
        """The route of a decoded path; where the API with the longest base path has none, the next one is asked."""
        segments = segments_of(path)
        for length in self._lengths:
            for api in self._apis.get(segments[:length], ()):
                if found := api.find(segments[length:]):
                    return found
        return None

    def header_values(self) -> Iterator[str]:
        """What operations add to requests: keys of actions, for the most part."""
        routes = (route for apis in self._apis.values() for api in apis for route in api.routes)
        return (value for route in routes for backend in route.backends.values() if backend for _, value in backend.headers)


def segments_of(path: str) -> Segments:
    """`/a/b` and `/a/b/` are the same; `/` has none."""
    parts = path.split("/")[1:]
    return tuple(parts[:-1] if parts[-1] == "" else parts)
