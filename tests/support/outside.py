"""Services that an action goes out to: plain and TLS web servers, mail, a WebSocket echo, S3. All on loopback, on free ports."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.certificates import self_signed
from tests.support.peers import absent


@dataclass
class Outside:
    """Where they are. `host` is a name that stands for loopback here; `mails` are what the mail server took."""

    host: str
    plain: str
    secure: str
    authority: str
    s3: str
    mail: int
    echo: int
    mails: list[str] = field(default_factory=list)

    @property
    def allowed(self) -> str:
        """What an operator writes to allow them all."""
        return f"127.0.0.1,{self.host}"


class _Web(BaseHTTPRequestHandler):
    """Says what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        told = json.dumps({"path": self.path, "host": self.headers["host"], "body": body.decode()}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        return


class _Mail(socketserver.StreamRequestHandler):
    """As much of a mail server (RFC 5321) as takes one message."""

    def handle(self) -> None:
        self.wfile.write(b"220 mail.example ESMTP\r\n")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (row := self.rfile.readline()) not in {b".\r\n", b""}:
                    lines.append(row.decode())
                self.server.mails.append("".join(lines))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 fine\r\n")
            if verb == b"QUIT":
                return


class _Threaded(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextmanager
def _serving(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _echo(address: str) -> Iterator[int]:
    from websockets.sync.server import serve

    def echo(connection: Any) -> None:
        for message in connection:
            connection.send(message)

    with serve(echo, address, 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
        thread.join()


@contextmanager
def _s3() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def named_here() -> tuple[str, str]:
    """The machine's own name, and the address it stands for."""
    name = socket.gethostname()
    try:
        return name, socket.gethostbyname(name)
    except OSError:
        absent(f"the name of this machine, {name}, stands for no address")


@contextmanager
def running(folder: Path) -> Iterator[Outside]:
    """All of them for the time of a block."""
    host, address = named_here()
    certificate, key = self_signed(folder)
    with ExitStack() as stack:
        plain = stack.enter_context(_serving(ThreadingHTTPServer(("127.0.0.1", 0), _Web)))
        secured = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        secured.socket = context.wrap_socket(secured.socket, server_side=True)
        secure = stack.enter_context(_serving(secured))
        mail = _Threaded((address, 0), _Mail)
        mails: list[str] = []
        mail.mails = mails  # type: ignore[attr-defined]
        yield Outside(
            host=host,
            plain=f"http://127.0.0.1:{plain}",
            secure=f"https://127.0.0.1:{secure}",
            authority=certificate.read_text(),
            s3=stack.enter_context(_s3()),
            mail=stack.enter_context(_serving(mail)),
            echo=stack.enter_context(_echo(address)),
            mails=mails,
        )
