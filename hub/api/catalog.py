"""`/catalog/v1/packages`: find, look, publish (marketplace §1, §2, §10)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.api.openapi import document
from hub.api.own import caller, limit_of
from hub.api.requests import flag, json_response, read_body, services, transaction_id
from hub.services.catalog import PublishRefused
from hub.wire.artefact import LARGEST
from hub.wire.catalog import finding_to_wire, release_row, release_to_wire


async def list_packages(request: Request) -> Response:
    """GET: what fits `q`, best first; without it everything by name, page by page (`after`)."""
    catalog = services(request).catalog
    limit = limit_of(request)
    text = request.query_params.get("q", "").strip()
    if text:
        hits = await catalog.search.find(text[:200], limit)
        rows = [release_row(await catalog.release(hit.namespace, hit.name, hit.version)) for hit in hits]
        return json_response({"packages": rows, "meta": {"total": len(rows), "next": None}})
    names = catalog.search.names()
    after = request.query_params.get("after", "")
    page = [name for name in names if name > after]
    listings = [catalog.search.listing(name) for name in page[:limit]]
    more = page[limit - 1] if len(page) > limit else None
    return json_response({"packages": [release_row(row) for row in listings if row], "meta": {"total": len(names), "next": more}})


async def get_package(request: Request) -> Response:
    """GET: a listing with its versions."""
    namespace, name = request.path_params["namespace"], request.path_params["name"]
    releases = await services(request).catalog.releases(namespace, name)
    default = await services(request).catalog.release(namespace, name)
    return json_response({"package": {**release_to_wire(default), "versions": [release_row(release) for release in releases]}})


async def get_version(request: Request) -> Response:
    """GET: one release."""
    params = request.path_params
    return json_response(
        {"version": release_to_wire(await services(request).catalog.release(params["namespace"], params["name"], params["version"]))}
    )


async def publish(request: Request) -> Response:
    """POST: an artefact (zip) as the body; 201 with what was released, 422 with every finding."""
    identity = caller(request)
    query = request.query_params
    dry_run = flag(request, "dry_run")
    artefact = await read_body(request, LARGEST)
    try:
        made = await services(request).catalog.publish(
            identity,
            artefact,
            namespace=query.get("namespace") or None,
            name=query.get("name") or None,
            version=query.get("version") or None,
            dry_run=dry_run,
        )
    except PublishRefused as error:
        problem = {
            "type": "about:blank",
            "title": "The package has errors",
            "status": 422,
            "detail": str(error),
            "code": transaction_id(request),
            "findings": [finding_to_wire(finding) for finding in error.findings],
        }
        response = json_response(problem, 422)
        response.headers["content-type"] = "application/problem+json"
        return response
    findings = [finding_to_wire(finding) for finding in made.findings]
    return json_response(
        {"releases": [release_row(row) for row in made.releases], "findings": findings, "dry_run": dry_run}, 200 if dry_run else 201
    )


async def get_blob(request: Request) -> Response:
    """GET: an artefact by its digest; it never changes."""
    digest = request.path_params["digest"]
    data = await services(request).catalog.artefact(digest)
    headers = {"cache-control": "public, max-age=31536000, immutable", "etag": f'"{digest}"'}
    return Response(data, headers=headers, media_type="application/zip")


async def openapi(_request: Request) -> Response:
    """GET: this interface, described."""
    return json_response(document())


routes = [
    Route("/openapi.json", openapi, methods=["GET"]),
    Route("/packages", list_packages, methods=["GET"]),
    Route("/packages", publish, methods=["POST"]),
    Route("/packages/{namespace}/{name}", get_package, methods=["GET"]),
    Route("/packages/{namespace}/{name}/versions/{version}", get_version, methods=["GET"]),
    Route("/blobs/sha256/{digest}", get_blob, methods=["GET"]),
]
