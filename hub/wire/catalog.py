"""The catalog's shapes on `/catalog/v1`: snake_case, RFC 3339 times, no secret ever (marketplace §0)."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from hub.domain.connection import Connection
from hub.domain.parameters import Json
from hub.domain.release import Finding, Install, Release


def moment(milliseconds: int) -> str:
    """RFC 3339, UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def release_to_wire(release: Release) -> dict[str, Json]:
    """One release in full."""
    return {
        "namespace": release.namespace,
        "name": release.name,
        "version": release.version,
        "digest": release.digest,
        "size": release.size,
        "released_at": moment(release.released),
        "publisher": release.publisher,
        "status": str(release.status),
        "serial": release.serial,
        "manifest": release.document,
        "readme": release.readme,
    }


def release_row(release: Release) -> dict[str, Json]:
    """One release in a list."""
    return {
        "namespace": release.namespace,
        "name": release.name,
        "version": release.version,
        "digest": release.digest,
        "released_at": moment(release.released),
        "status": str(release.status),
        "description": release.document.get("description", ""),
        "keywords": list(release.document.get("keywords", ())),
        "category": release.document.get("category", ""),
    }


def finding_to_wire(finding: Finding) -> dict[str, Json]:
    """One finding."""
    row: dict[str, Json] = msgspec.to_builtins(finding)
    return row


def install_to_wire(install: Install) -> dict[str, Json]:
    """One install."""
    return {
        "id": install.install_id,
        "name": install.name,
        "package": install.package,
        "version": install.version,
        "digest": install.digest,
        "installed_at": moment(install.installed),
        "entities": list(install.entities),
        "connections": install.connections,
    }


def connection_to_wire(connection: Connection) -> dict[str, Json]:
    """One connection: plain fields as they are, secret ones only as set."""
    secret = set(connection.type.secret_fields)
    changed = moment(connection.changed)
    fields = {name: {"set": True, "changed": changed} if name in secret else value for name, value in connection.fields.items()}
    return {
        "name": connection.name,
        "package": connection.package,
        "connection": connection.type.name,
        "type": connection.type.type,
        "state": str(connection.state),
        "account": connection.account,
        "message": connection.message,
        "changed_at": changed,
        "fields": fields,
    }
