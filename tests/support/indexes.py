"""Package indexes of a test, on loopback: a simple repository of wheels, and an npm registry. What is asked for is counted; both can wait."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Index:
    """One server. `files` are its paths; `asked` the paths that were asked for; nothing is answered while `open` is not set."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.address = f"http://{self.host}"
        self.files: dict[str, tuple[str, bytes]] = {}
        self.asked: list[str] = []
        self.password = ""
        self.open = threading.Event()
        self.open.set()

    def add_wheel(self, name: str, version: str, source: str, *, requires: str = "", files_at: str = "") -> None:
        """A wheel of one module; `files_at` is another server that keeps it."""
        file = f"{name}-{version}-py3-none-any.whl"
        wheel = _wheel(name, version, source, requires)
        digest = hashlib.sha256(wheel).hexdigest()
        self.files[f"/files/{file}"] = ("application/octet-stream", wheel)
        link = f'<a href="{files_at}/files/{file}#sha256={digest}">{file}</a>'
        self.files[f"/simple/{name}/"] = ("text/html", f"<!DOCTYPE html><html><body>{link}</body></html>".encode())

    def add_source(self, name: str, version: str) -> None:
        """A package without wheels, whose set-up would run code."""
        packed = _tarball(
            {f"{name}-{version}/setup.py": "raise SystemExit('the code of a stranger ran')", f"{name}-{version}/PKG-INFO": "x"}
        )
        self.files[f"/files/{name}-{version}.tar.gz"] = ("application/gzip", packed)
        link = f'<a href="/files/{name}-{version}.tar.gz">{name}-{version}.tar.gz</a>'
        self.files[f"/simple/{name}/"] = ("text/html", f"<!DOCTYPE html><html><body>{link}</body></html>".encode())

    def add_package(self, name: str, version: str, source: str, **more: object) -> str:
        """An npm package of one module; its integrity."""
        manifest = {"name": name, "version": version, "main": "index.js", **more}
        packed = _tarball({"package/package.json": json.dumps(manifest), "package/index.js": source})
        integrity = f"sha512-{base64.b64encode(hashlib.sha512(packed).digest()).decode()}"
        dist = {"tarball": f"{self.address}/npm/{name}/-/{name}-{version}.tgz", "integrity": integrity}
        packument = {"name": name, "dist-tags": {"latest": version}, "versions": {version: {**manifest, "dist": dist}}}
        self.files[f"/npm/{name}"] = ("application/json", json.dumps(packument).encode())
        self.files[f"/npm/{name}/-/{name}-{version}.tgz"] = ("application/octet-stream", packed)
        return integrity


def _wheel(name: str, version: str, source: str, requires: str) -> bytes:
    info = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{name}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text.encode())}"
        for path, text in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    return zipped(files)


def zipped(files: dict[str, str]) -> bytes:
    """A zip of text files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return packed.getvalue()


def _tarball(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text.encode())
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue())


class _Handler(BaseHTTPRequestHandler):
    index: Index

    def do_GET(self) -> None:
        self.index.asked.append(self.path)
        self.index.open.wait(60)
        wanted = f"Basic {base64.b64encode(self.index.password.encode()).decode()}"
        if self.index.password and self.headers.get("authorization") != wanted:
            self.send_response(401)
            self.send_header("www-authenticate", 'Basic realm="index"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        kind, body = self.index.files.get(self.path, ("text/plain", b""))
        self.send_response(200 if body else 404)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        return


@contextlib.contextmanager
def running() -> Iterator[Index]:
    """An empty index for the time of a block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    index = Index(server.server_address[1])
    server.RequestHandlerClass = type("Handler", (_Handler,), {"index": index})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        index.open.set()
        server.shutdown()
        server.server_close()
        thread.join()
