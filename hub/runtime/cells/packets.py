"""Packets between hub, warden and zygotes: JSON and descriptors on a socket that keeps packets whole."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

LARGEST = 1 << 16
MOST_DESCRIPTORS = 8


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a way for packets."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(way: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one; the receiver gets descriptors of its own. Raises OSError when nobody is there any more."""
    socket.send_fds(way, [json.dumps(message).encode()], descriptors)


def receive(way: socket.socket, flags: int = 0) -> tuple[dict[str, Any], list[int]]:
    """The next one with its descriptors, which are the caller's and close on exec.

    Raises EOFError when the other end is closed, BlockingIOError when the socket does not wait and there is none.
    """
    try:
        data, descriptors, _, _ = socket.recv_fds(way, LARGEST, MOST_DESCRIPTORS, flags | socket.MSG_CMSG_CLOEXEC)
    except ConnectionResetError:
        data, descriptors = b"", []
    if not data:
        raise EOFError("the other end is closed")
    return json.loads(data), descriptors
