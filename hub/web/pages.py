"""The pages for people: search, packages, activations with their logs, the documentation. Plain HTML from the server."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from hub.domain.errors import NotFound
from hub.domain.identity import Identity
from hub.domain.names import check_activation_id, check_entity_name
from hub.services.directory import Services
from hub.storage.base import ActivationFilter, Page
from hub.web.markdown import rendered

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
SHOWN = 50
SESSION, SECURE_SESSION = "hub_session", "__Host-hub_session"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
WEEK = 7 * 24 * 3600
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@lru_cache(maxsize=1)
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape  # noqa: PLC0415 - with the first page

    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["markdown"] = rendered
    found.filters["moment"] = lambda ms: datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    found.filters["pretty"] = lambda value: msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    return found


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page as it goes out: nothing in it comes from elsewhere, and what a caller sees is not kept."""
    caller: Identity | None = getattr(request.state, "identity", None)
    text = (
        _templates()
        .get_template(template)
        .render(caller=caller, path=request.scope["path"], notices=_services(request).health.notices(), **values)
    )
    headers = {"content-security-policy": _POLICY, "x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
    if caller is not None:
        headers["cache-control"] = "no-store"
    return HTMLResponse(text, status, headers)


async def home(request: Request) -> Response:
    """The market: a search box, and what there is."""
    catalog = _services(request).catalog
    text = request.query_params.get("q", "").strip()[:200]
    if text:
        rows = [await catalog.release(hit.namespace, hit.name, hit.version) for hit in await catalog.search.find(text, SHOWN)]
    else:
        rows = [release for name in catalog.search.names()[:SHOWN] if (release := catalog.search.listing(name))]
    return page(request, "home.html", releases=rows, q=text)


async def package(request: Request) -> Response:
    """One package: readme, actions, feeds, versions."""
    params = request.path_params
    catalog = _services(request).catalog
    try:
        releases = await catalog.releases(params["namespace"], params["name"])
        release = await catalog.release(params["namespace"], params["name"], params.get("version"))
    except NotFound as error:
        return page(request, "missing.html", 404, words=str(error))
    return page(request, "package.html", release=release, manifest=release.document, releases=releases)


async def activations(request: Request) -> Response:
    """The newest activations of the caller's namespace."""
    caller: Identity | None = request.state.identity
    if caller is None:
        return page(request, "sign_in.html", 401, words="")
    name = request.query_params.get("name", "").strip() or None
    rows: list[Any] = []
    try:
        for segment in name.split("/") if name else ():
            check_entity_name(segment)
        rows = await _services(request).activations.listed(caller, caller.namespace, ActivationFilter(path=name), Page(limit=SHOWN))
        words = ""
    except Exception as error:  # noqa: BLE001 - whatever was typed, the page stands
        words = str(error)
    return page(request, "activations.html", rows=rows, name=name or "", words=words)


async def activation(request: Request) -> Response:
    """One activation: result, logs, what it was."""
    caller: Identity | None = request.state.identity
    if caller is None:
        return page(request, "sign_in.html", 401, words="")
    try:
        found = await _services(request).activations.get(
            caller, caller.namespace, check_activation_id(request.path_params["activation_id"])
        )
    except Exception as error:  # noqa: BLE001 - an id that is none, or one of somebody else, is the same to a reader
        return page(request, "missing.html", 404, words=str(error))
    return page(request, "activation.html", row=found, annotations=found.annotations.values())


def _may_sign_in(request: Request) -> str:
    """Why a session cannot be had here, or nothing (design §9 "Pages")."""
    if request.url.scheme == "https" or (request.url.hostname or "") in LOOPBACK:
        return ""
    return (
        f"This hub was opened at {request.url.hostname} over plain http, where a session could be overheard. "
        "Open it at 127.0.0.1, or serve it over https and set HUB_BASE_URL to that address."
    )


async def sign_in(request: Request) -> Response:
    """The one-time link of the console."""
    words = _may_sign_in(request)
    if words:
        return page(request, "sign_in.html", 403, words=words)
    token = await _services(request).sessions.sign_in(request.path_params["token"])
    if token is None:
        return page(request, "sign_in.html", 403, words="This link was used already, or is older than ten minutes.")
    answer = RedirectResponse("/activations", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(SECURE_SESSION if secure else SESSION, token, max_age=WEEK, httponly=True, samesite="lax", secure=secure, path="/")
    return answer


async def sign_out(request: Request) -> Response:
    """End the session; only from our own pages."""
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc != request.headers.get("host"):
        return page(request, "missing.html", 403, words="Sign out from the hub's own pages.")
    answer = RedirectResponse("/", 303)
    for name in (SECURE_SESSION, SESSION):
        token = request.cookies.get(name)
        if token:
            await _services(request).sessions.sign_out(token)
            answer.delete_cookie(name, path="/")
    return answer


async def docs(request: Request) -> Response:
    """The documentation."""
    name = request.path_params.get("name", "index")
    file = DOCS / f"{name}.md"
    if not name.replace("-", "").isalnum() or not file.is_file():
        return page(request, "missing.html", 404, words="There is no such page in the documentation.")
    pages = sorted(page.stem for page in DOCS.glob("*.md"))
    return page(request, "docs.html", text=file.read_text(), name=name, pages=pages)


async def style(_request: Request) -> Response:
    """The style sheet."""
    return FileResponse(HERE / "static" / "hub.css", media_type="text/css", headers={"cache-control": "public, max-age=300"})


routes = [
    Route("/search", home, methods=["GET"]),
    Route("/p/{namespace}/{name}", package, methods=["GET"]),
    Route("/p/{namespace}/{name}/{version}", package, methods=["GET"]),
    Route("/activations", activations, methods=["GET"]),
    Route("/activations/{activation_id}", activation, methods=["GET"]),
    Route("/sign-in/{token}", sign_in, methods=["GET"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/docs", docs, methods=["GET"]),
    Route("/docs/{name}", docs, methods=["GET"]),
    Route("/static/hub.css", style, methods=["GET"]),
]
