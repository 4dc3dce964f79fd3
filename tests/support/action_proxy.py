"""What stands in a container image: a server of the container protocol around a real Python or Node.js (openwhisk-api §10.2-10.8).

Started as `python -I -S action_proxy.py HOST PORT KIND PROGRAM LAUNCHER…` in an empty folder, with the standard library alone. KIND is
`launcher` for a launcher that is spoken to over a socket, or `skeleton` for an executable that is called with its argument, as upstream's
`dockerskeleton` does it. What the action prints is on stdout and stderr; each run ends with a border on both.
"""

import base64
import http.server
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

HEAD = struct.Struct(">IIB")
INIT, RUN, ARCHIVE = 0, 1, 2
FINE, FAULT = 0, 1
SENTINEL = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"
PART = 1 << 20
ENDING = 75
"""An executable that ends with this number stands for a container that is about to end, and takes no more runs."""
AGAIN = "Cannot initialize the action more than once."


def borders():
    """The end of a run, or of an init that failed."""
    for stream in (1, 2):
        os.write(stream, SENTINEL)


class Launched:
    """A launcher of the hub's behind the protocol; it ends this program when it ends."""

    def __init__(self, command):
        self.ours, theirs = socket.socketpair()
        environment = {**os.environ, "HOME": os.getcwd(), "TMPDIR": os.getcwd()}
        self.child = subprocess.Popen(
            [*command, str(theirs.fileno())], pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, env=environment
        )
        theirs.close()
        self.lock = threading.Lock()
        self.number = 0
        self.waiting = {}
        self.initialized = False
        threading.Thread(target=self.receive, daemon=True).start()
        threading.Thread(target=self.outlive, daemon=True).start()

    def outlive(self):
        self.child.wait()
        os._exit(1)

    def receive(self):
        reader = self.ours.makefile("rb")
        while True:
            head = reader.read(HEAD.size)
            if len(head) < HEAD.size:
                return
            length, number, what = HEAD.unpack(head)
            answer = (what, reader.read(length))
            waiter = self.waiting.pop(number)
            waiter.append(answer)
            waiter[0].set()

    def ask(self, what, value):
        waiter = [threading.Event()]
        with self.lock:
            self.number += 1
            self.waiting[self.number] = waiter
            body = json.dumps(value).encode()
            self.ours.sendall(HEAD.pack(len(body), self.number, what) + body)
        waiter[0].wait()
        return waiter[1]

    def init(self, value):
        if self.initialized:
            os.write(2, AGAIN.encode() + b"\n")
            return 403, json.dumps({"error": AGAIN}).encode()
        words = {"main": value.get("main"), "env": value.get("env")}
        code = value.get("code") or ""
        data = base64.b64decode(code) if value.get("binary") else code.encode()
        if data[:4] == b"PK\x03\x04" or data[:2] == b"\x1f\x8b":
            with self.lock:
                for first in range(0, len(data), PART):
                    part = data[first : first + PART]
                    self.ours.sendall(HEAD.pack(len(part), 0, ARCHIVE) + part)
            words["archive"] = {"python": sys.executable, "largest": 1 << 28}
        else:
            words["code"] = data.decode(errors="replace")
        what, body = self.ask(INIT, words)
        self.initialized = what == FINE
        if what != FINE:
            borders()
        return (200 if what == FINE else 502), body

    def run(self, message):
        context = {key: text for key, text in message.items() if key != "value"}
        what, body = self.ask(RUN, {"value": message.get("value"), "context": context})
        borders()
        return (200 if what == FINE else 502), body


class Skeleton:
    """An executable: the argument is its first word and its standard input, the last line that it prints is the result."""

    def __init__(self, command):
        self.file = os.path.join(os.getcwd(), "exec")
        self.env = {}
        if command:
            with open(self.file, "w") as stub:
                stub.write('#!/bin/sh\necho \'{"error": "This is a stub action. Replace it with custom logic."}\'\n')
            os.chmod(self.file, 0o700)

    def init(self, value):
        self.env = value.get("env") or {}
        if value.get("code"):
            data = base64.b64decode(value["code"]) if value.get("binary") else value["code"].encode()
            with open(self.file, "wb") as file:
                file.write(data)
            os.chmod(self.file, 0o700)
        if not os.path.exists(self.file):
            borders()
            return 502, json.dumps({"error": "The action failed to generate or locate a binary. See logs for details."}).encode()
        return 200, b"OK"

    def run(self, message):
        argument = json.dumps(message.get("value"))
        context = {"__OW_" + key.upper(): str(text) for key, text in message.items() if key != "value"}
        done = subprocess.run(
            [self.file, argument], input=argument.encode(), capture_output=True, env={**os.environ, **self.env, **context}, check=False
        )
        if done.returncode == ENDING:
            return 503, b""
        *lines, last = (done.stdout.rstrip(b"\n")).split(b"\n")
        os.write(1, b"".join(line + b"\n" for line in lines))
        os.write(2, done.stderr)
        try:
            fine = isinstance(json.loads(last), (dict, list))
        except ValueError:
            fine = False
        if not fine:
            os.write(1, last + b"\n")
            last = json.dumps({"error": "The action did not return a dictionary or array."}).encode()
        borders()
        return (200 if fine else 502), last


class Handler(http.server.BaseHTTPRequestHandler):
    """`POST /init` and `POST /run`."""

    protocol_version = "HTTP/1.1"
    action = None
    disable_nagle_algorithm = True

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/init":
            status, body = self.action.init(message["value"])
        else:
            status, body = self.action.run(message)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words):
        """Nothing but the action is in the log."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        """Without asking for the name of the machine."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.server_address


def end_with_engine():
    """Whoever started this holds the other end of its input; a container would be ended by its engine."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def main():
    if "LIFELINE" in os.environ:
        threading.Thread(target=end_with_engine, daemon=True).start()
    host, port, kind, *command = sys.argv[1:]
    Handler.action = {"launcher": Launched, "skeleton": Skeleton}[kind](command)
    Server((host, int(port)), Handler).serve_forever()


main()
