"""What the launchers that are written in Python have in common: the frames that they speak to the hub in, and the code as it comes.

A frame is a length and an id (4 bytes each, big endian), one byte that says what it is, and JSON. To us: 0 init, 1 run, 2 a part of an
archive, as it is, before its init. From us: 0 fine, 1 the action is at fault.
"""

import json
import os
import socket
import struct
import sys

HEAD = struct.Struct(">IIB")
INIT, RUN, ARCHIVE = 0, 1, 2
FINE, FAULT = 0, 1
PACKED = ".archive"
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
NOT_A_DICTIONARY = "The action did not return a dictionary or array."
LARGEST = 48 << 20
"""Bytes of an answer; the hub's own limit comes first, in words."""
AGAIN = "Cannot initialize the action more than once."


class Refused(Exception):
    """What cannot be run, in words for the developer."""


class Door:
    """The socket to the hub."""

    def __init__(self, number):
        self.socket = socket.socket(fileno=number)
        os.set_inheritable(number, False)
        self.buffer = bytearray()

    def receive(self):
        """The next frame; what came with it too early is kept for later."""
        while True:
            frame = self.frame()
            if frame is not None:
                return frame
            self.fill()

    def frame(self):
        """A frame that has come whole, or None."""
        buffer = self.buffer
        if len(buffer) < HEAD.size:
            return None
        length, number, what = HEAD.unpack_from(buffer)
        end = HEAD.size + length
        if len(buffer) < end:
            return None
        body = bytes(buffer[HEAD.size : end])
        del buffer[:end]
        return number, what, body if what == ARCHIVE else json.loads(body)

    def fill(self):
        """Read some of what is there; waits when there is nothing, ends when the hub is gone."""
        part = self.socket.recv(65536 if len(self.buffer) < HEAD.size else 1 << 20)
        if not part:
            os._exit(0)
        self.buffer += part

    def send(self, number, what, value):
        """Say it as JSON; what cannot be said so is the action's fault."""
        try:
            body = b"%s\n" % encode(value).encode()  # as upstream writes it, for its size is shown
        except (TypeError, ValueError, RecursionError) as error:
            print("The result cannot be written as JSON: %s" % error, file=sys.stderr)
            what, body = FAULT, json.dumps({"error": NOT_A_DICTIONARY}).encode()
        self.pass_on(number, what, body)

    def pass_on(self, number, what, body):
        """Say what is JSON already."""
        flush()
        self.socket.sendall(HEAD.pack(len(body), number, what) + body)


def flush():
    """What was printed is in the pipes before a result is told, so that it belongs to this run."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def place(name):
    """A path in the folder that is the action's own."""
    return os.path.join(os.environ["HOME"], name)


def keep(part):
    """One more part of the archive."""
    with open(place(PACKED), "ab") as file:
        file.write(part)


def unpacked(archive):
    """The folder of what was in the archive."""
    program = os.path.join(os.path.dirname(__file__), "unpack.py")
    unpacker = {"__name__": "unpack"}
    with open(program, "rb") as source:
        exec(compile(source.read(), program, "exec"), unpacker)
    packed, folder = place(PACKED), place("action")
    try:
        unpacker["unpack"](packed, folder, archive["largest"])
    except unpacker["BadArchive"] as error:
        raise Refused("Initialization has failed due to: %s" % error) from None
    os.unlink(packed)
    return folder


class Lines:
    """What a program prints whose last line is its result; the lines before are its log (openwhisk-api §10.8)."""

    def __init__(self):
        self.held = b""

    def add(self, part):
        """Log what is no result, since another line follows or for what it is; what is held back may be one."""
        text = self.held + part
        rest = text.rstrip(b"\n")
        begin = rest.rfind(b"\n") + 1
        whole = rest != text
        if len(rest) - begin > LARGEST or (whole and rest[begin : begin + 1] not in (b"{", b"[")):
            begin = len(text)
        log(text[:begin])
        self.held = text[begin:]

    def result(self):
        """The last line and whether it is one; what is none is logged."""
        last = self.held.strip()
        if isinstance(parsed(last), (dict, list)):
            return last + b"\n", True
        log(last + b"\n" if last else b"")
        return NOT_A_DICTIONARY, False


def log(text):
    """On our own standard output, which is the action's log."""
    while text:
        text = text[os.write(1, text) :]


def parsed(line):
    """The value of a line; None when it is none."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
