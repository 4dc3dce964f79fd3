"""The code of an action as a file: text stays text, archives are kept as they are (packages-and-feeds §11.4)."""

from __future__ import annotations

import base64
import binascii
import hashlib

from hub.domain.project import BLACKBOX, ProjectAction

SKELETON = "openwhisk/dockerskeleton"
EXTENSIONS = {
    **dict.fromkeys(("js", "mjs"), "nodejs:default"),
    **dict.fromkeys(("java", "jar"), "java:default"),
    "py": "python:default",
    "swift": "swift:default",
    "php": "php:default",
    "rb": "ruby:default",
    "rs": "rust:default",
    "go": "go:default",
    "cs": "dotnet:default",
}
"""As the standard clients have it."""
KINDS = {**EXTENSIONS, "pl": "perl:default", "sh": "shell:default", **dict.fromkeys(("wat", "wasm"), "wasm:default")}
"""With those of families that they do not know."""
_OF_FAMILY = {kind.partition(":")[0]: extension for extension, kind in reversed(KINDS.items()) if extension != "jar"}
_ARCHIVE = b"PK\x03\x04"
_EMPTY_ARCHIVE = b"PK\x05\x06"
_ARCHIVES = (".zip", ".jar", ".wasm")
_LONGEST = 200


def file_of(action: ProjectAction) -> tuple[str, bytes]:
    """Where the code of an action is kept, and its bytes. Base64 that is no archive stays text, as wskdeploy would send it."""
    family = action.kind.partition(":")[0]
    data = _archive(action.code)
    extension = (
        ("jar" if family == "java" else "zip") if data is not None else _OF_FAMILY.get(family, "sh" if family == BLACKBOX else "txt")
    )
    folder, name = action.name.package or "default", action.name.name
    return f"actions/{_short(folder)}/{_short(name)}.{extension}", action.code.encode() if data is None else data


def packed(path: str, data: bytes) -> str:
    """The code as the API takes it. Raises UnicodeDecodeError for bytes that are neither text nor an archive."""
    return base64.b64encode(data).decode() if path.endswith(_ARCHIVES) else data.decode()


def _archive(code: str) -> bytes | None:
    if not code.startswith("UEs"):
        return None
    try:
        data = base64.b64decode(code, validate=True)
    except (binascii.Error, ValueError):
        return None
    same = base64.b64encode(data).decode() == code
    return data if same and data.startswith((_ARCHIVE, _EMPTY_ARCHIVE)) else None


def _short(name: str) -> str:
    """A name that a file can have: long ones end in a digest."""
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
