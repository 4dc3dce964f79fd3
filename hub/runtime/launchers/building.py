"""Builds a layer, in a cell of its own: files and commands come over a socket, the folder that they filled goes back as a tar.gz.

Started by path with `-I -S` and the number of the socket; the standard library only. A frame is a length and an id (4 bytes each, big
endian), one byte that says what it is, and JSON. To us: 0 what to build. From us: 2 a part of the archive, as it is; then 0 fine, or 1
with the error. What the commands print is the log of the build.
"""

import gzip
import json
import os
import socket
import struct
import subprocess
import sys
import tarfile

HEAD = struct.Struct(">IIB")
FINE, FAULT, PART = 0, 1, 2
LARGEST_PART = 1 << 20
HOME = os.environ["HOME"]
OUT = "out"
UNIMPORTANT = 10
"""How far it stands back behind what serves requests."""


class Refused(Exception):
    """What cannot be built, in words for the developer."""


class Door:
    """The socket to the hub; written to as a file, it sends the parts of an archive."""

    def __init__(self, number):
        self.socket = socket.socket(fileno=number)
        os.set_inheritable(number, False)
        self.held = bytearray()

    def receive(self):
        length, _, _ = HEAD.unpack(self.exactly(HEAD.size))
        return json.loads(self.exactly(length))

    def exactly(self, count):
        data = bytearray()
        while len(data) < count:
            part = self.socket.recv(min(count - len(data), LARGEST_PART))
            if not part:
                os._exit(0)
            data += part
        return bytes(data)

    def send(self, what, body):
        self.socket.sendall(HEAD.pack(len(body), 0, what) + body)

    def write(self, data):
        self.held += data
        while len(self.held) >= LARGEST_PART:
            self.send(PART, bytes(self.held[:LARGEST_PART]))
            del self.held[:LARGEST_PART]
        return len(data)

    def end(self):
        if self.held:
            self.send(PART, bytes(self.held))


def lay_out(files):
    """The folder that the commands begin with."""
    os.mkdir(OUT)
    for name, text in files.items():
        path = os.path.join(OUT, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def build(value):
    """Run one command after the other. Raises Refused when one fails."""
    layers = {"LAYER_%d" % number: os.path.join(HOME, place) for number, place in enumerate(value["layers"])}
    environment = {**os.environ, **value["environment"], **layers}
    for command in value["commands"]:
        try:
            done = subprocess.run(command, env=environment, cwd=OUT, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - the hub's own commands
        except OSError as error:
            raise Refused("%s could not be started: %s" % (command[0], error.strerror)) from None
        if done.returncode:
            raise Refused("it ended with %d" % done.returncode)


def pack(door, remove):
    """Send what was made, without what it was made of."""
    for name in remove:
        if os.path.lexists(os.path.join(OUT, name)):
            os.unlink(os.path.join(OUT, name))
    with gzip.GzipFile(fileobj=door, mode="wb", compresslevel=1) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        for at, folders, names in os.walk(OUT):
            for name in sorted(folders + names):
                path = os.path.join(at, name)
                archive.inodes = {}  # a file with two names is two files
                archive.add(path, os.path.relpath(path, OUT), recursive=False)
    door.end()


def main():
    door = Door(int(sys.argv[1]))
    value = door.receive()
    os.nice(UNIMPORTANT)
    os.chdir(HOME)
    try:
        lay_out(value["files"])
        build(value)
        pack(door, value["remove"])
    except (Refused, OSError) as error:
        door.send(FAULT, json.dumps({"error": str(error)}).encode())
    else:
        door.send(FINE, b"{}")
    door.socket.shutdown(socket.SHUT_WR)
    door.socket.recv(1)  # until the hub has it all


main()
