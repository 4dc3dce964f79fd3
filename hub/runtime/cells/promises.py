"""What each level must hold, as data: 44 attacks, and the level from which each comes to nothing (reliability §5).

`probe` tries them in a cell, `attacks` carries them out. `hub/docs/isolation.md` shows this table, and the suite checks both.
"""

from __future__ import annotations

from typing import NamedTuple

from .ladder import CELL, FENCE, LIMITS


class Promise(NamedTuple):
    """One attack in words, and the lowest level that holds it when the hub runs as an ordinary user, and when as root.

    A quick one is tried at every start; the others take time or room.
    """

    says: str
    user: int
    root: int
    quick: bool = True

    def holds_at(self, level: int, *, root: bool) -> bool:
        """Whether a level must hold it."""
        return level >= (self.root if root else self.user)


PROMISES = {
    # files
    "secret_file": Promise("reads a file that is the hub's alone", FENCE, LIMITS),
    "open_file": Promise("reads a file of others that everybody may read", FENCE, FENCE),
    "open_folder": Promise("writes into a folder of others that everybody may write to", FENCE, FENCE),
    "interpreter": Promise("changes the interpreter or the launcher", FENCE, LIMITS),
    "device_node": Promise("makes a device", LIMITS, LIMITS),
    "disk": Promise("opens a disk or the machine's memory", LIMITS, LIMITS),
    "privileges": Promise("has capabilities, or gains some by a setuid program", LIMITS, LIMITS),
    "mount": Promise("mounts something, the old way or the new", LIMITS, LIMITS),
    "chroot": Promise("takes another root", LIMITS, LIMITS),
    "file_handle": Promise("opens a file by its handle", LIMITS, LIMITS),
    "full_disk": Promise("fills the disk with bytes or with files", CELL, CELL, quick=False),
    "full_memory": Promise("fills the machine's shared memory", FENCE, FENCE, quick=False),
    "shared_memory": Promise("reads what others put into shared memory", FENCE, FENCE),
    # namespaces
    "user_namespace": Promise("becomes root in a user namespace of its own", FENCE, FENCE),
    "join_namespace": Promise("joins a namespace of the hub", FENCE, LIMITS),
    # processes
    "processes": Promise("learns which processes there are", CELL, CELL),
    "signal": Promise("sends the hub a signal", CELL, LIMITS),
    "trace": Promise("traces the hub", FENCE, LIMITS),
    "memory": Promise("reads the hub's memory", FENCE, LIMITS),
    "environment": Promise("reads the hub's environment", FENCE, LIMITS),
    "descriptor": Promise("takes a descriptor out of the hub", FENCE, LIMITS),
    "forks": Promise("forks without end", LIMITS, LIMITS, quick=False),
    "daemon": Promise("outlives its cell as a daemon that ends its keeper", CELL, CELL, quick=False),
    "priority": Promise("runs before others", LIMITS, LIMITS),
    "limits": Promise("raises its own limits, or leaves core files", LIMITS, LIMITS),
    "keys": Promise("keeps something in a keyring of the kernel", FENCE, FENCE),
    # the network
    "loopback": Promise("connects to a service on the machine's loopback", FENCE, FENCE),
    "datagram": Promise("sends a datagram to it", FENCE, FENCE),
    "metadata": Promise("reaches for the cloud's metadata address", FENCE, FENCE),
    "abstract_socket": Promise("speaks to an abstract unix socket", FENCE, FENCE),
    "unix_socket": Promise("speaks to a unix socket in a folder", FENCE, FENCE),
    "vsock": Promise("speaks to the host of the virtual machine", FENCE, FENCE),
    "raw_packets": Promise("reads and writes raw packets", LIMITS, LIMITS),
    "connections": Promise("learns which connections the machine has", CELL, CELL),
    # communication
    "system_v_memory": Promise("attaches shared memory of others by its key", FENCE, FENCE),
    "message_queue": Promise("reads a message queue of others by its key", CELL, CELL),
    # the kernel
    "bpf": Promise("loads a program into the kernel", FENCE, FENCE),
    "io_uring": Promise("opens io_uring", FENCE, FENCE),
    "watching": Promise("watches the kernel: performance events, page faults", FENCE, FENCE),
    "module": Promise("loads a module, restarts the machine or sets its clock", LIMITS, LIMITS),
    "architecture": Promise("calls the kernel as another architecture", FENCE, FENCE, quick=False),
    "terminal": Promise("types into the hub's terminal", FENCE, FENCE),
    # what it was born with
    "inherited": Promise("finds descriptors that are not its own", LIMITS, LIMITS),
    "secrets": Promise("finds secrets of the hub in its environment", LIMITS, LIMITS),
}
