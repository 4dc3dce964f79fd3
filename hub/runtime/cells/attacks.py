"""The attacks of `promises`, as the code of an action: it runs inside a cell and answers what it got away with.

Each function raises OSError, or answers nothing, when it was held; else it answers in words what it did. All are bounded: in bytes,
files, processes and seconds. Standard library only, since it is sent to a cell as text.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import socket
import struct

ATTEMPT_SECONDS = 0.2
MOST_FORKS = 300
TOO_MANY_BYTES = 72 << 20
TOO_MANY_FILES = 5_000
TOO_MUCH_SHARED = 24 << 20
CHUNK = bytes(1 << 20)
DAEMON_SECONDS = 5

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.shmat.restype = ctypes.c_void_p


class Bait:
    """What the probe put up: paths, ports, keys, the hub's process, and the numbers of system calls."""

    def __init__(self, values):
        self.__dict__.update(values)

    def call(self, name, *words):
        """A system call by name. Raises OSError."""
        number = self.numbers.get(name)
        if number is None:
            raise OSError(errno.ENOSYS, name)
        found = libc.syscall(number, *(ctypes.c_ulong(word) if isinstance(word, int) else word for word in words))
        return checked(found)


def checked(found):
    """What the C library answered. Raises OSError when that is an error."""
    if found is None or found < 0 or found == ctypes.c_void_p(-1).value:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found


# Files


def secret_file(bait):
    return read(bait.secret)


def open_file(bait):
    return read(bait.readable)


def read(path):
    with open(path, "rb") as file:
        return "read %d bytes" % len(file.read())


def open_folder(bait):
    path = os.path.join(bait.folder, "written-by-a-cell")
    with open(path, "w"):
        pass
    os.unlink(path)
    return "wrote a file"


def interpreter(bait):
    for folder in (os.path.dirname(os.__file__), bait.launchers):
        path = os.path.join(folder, "written-by-a-cell")
        try:
            with open(path, "w"):
                pass
        except OSError:
            continue
        os.unlink(path)
        return "wrote into %s" % folder
    return None


def device_node(bait):
    os.mknod("device", 0o020666, os.makedev(1, 1))
    os.unlink("device")
    return "made a device"


def disk(bait):
    for path in bait.disks:
        try:
            os.close(os.open(path, os.O_RDONLY))
        except OSError:
            continue
        return "opened %s" % path
    return None


def privileges(bait):
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    held = [name for name in ("CapInh", "CapPrm", "CapEff", "CapAmb") if int(status[name], 16)]
    if held or int(status.get("NoNewPrivs", "0")) != 1:
        return "has %s" % (held or "no promise of no new privileges")
    return None


def mount(bait):
    os.makedirs("mounted", exist_ok=True)
    try:
        bait.call("mount", b"none", b"mounted", b"tmpfs", 0, None)
    except OSError:
        bait.call("fsopen", b"tmpfs", 0)
    return "mounted"


def chroot(bait):
    os.chroot(".")
    return "took another root"


def file_handle(bait):
    head = struct.pack("Ii", 128, 0) + bytes(128)
    held, number = ctypes.create_string_buffer(head, len(head)), ctypes.c_int()
    place = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        bait.call("name_to_handle_at", place, b"usr", held, ctypes.byref(number), 0)
        os.close(bait.call("open_by_handle_at", place, held, 0))
    finally:
        os.close(place)
    return "opened a file by its handle"


def full_disk(bait):
    made, written = [], 0
    try:
        for number in range(1, 1 + TOO_MANY_BYTES // (8 << 20)):
            made.append("big-%d" % number)
            with open(made[-1], "wb", buffering=0) as file:
                for _ in range(8):
                    written += file.write(CHUNK)
    except OSError:
        pass
    for path in made:
        os.unlink(path)
    if written >= TOO_MANY_BYTES:
        return "wrote %d bytes" % written
    os.makedirs("many", exist_ok=True)
    count = 0
    try:
        while count < TOO_MANY_FILES:
            open("many/%d" % count, "w").close()
            count += 1
    except OSError:
        pass
    for number in range(count):
        os.unlink("many/%d" % number)
    return "made %d files" % count if count >= TOO_MANY_FILES else None


def full_memory(bait):
    path, written = "/dev/shm/written-by-a-cell-%d" % os.getpid(), 0
    try:
        with open(path, "wb", buffering=0) as file:
            while written < TOO_MUCH_SHARED:
                written += file.write(CHUNK)
    except OSError:
        pass
    try:
        os.unlink(path)
    except OSError:
        pass
    return "wrote %d bytes" % written if written >= TOO_MUCH_SHARED else None


def shared_memory(bait):
    return read(bait.shared)


# Namespaces


def user_namespace(bait):
    flags = 0x10000000
    newest = struct.pack("11Q", flags, 0, 0, 0, signal.SIGCHLD, *(0,) * 6)
    for attempt in (lambda: bait.call("clone", flags | signal.SIGCHLD, 0, 0, 0, 0), lambda: bait.call("clone3", newest, len(newest))):
        try:
            child = attempt()
        except OSError:
            continue
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return "forked into a user namespace"
    child = os.fork()
    if child == 0:
        try:
            bait.call("unshare", flags)
        except OSError:
            os._exit(0)
        os._exit(1)
    return "made a user namespace" if os.waitpid(child, 0)[1] else None


def join_namespace(bait):
    for name in ("net", "mnt", "ipc", "uts"):
        try:
            place = os.open("/proc/%d/ns/%s" % (bait.hub, name), os.O_RDONLY)
        except OSError:
            continue
        os.close(place)
        return "opened a namespace of the hub"
    bait.call("setns", bait.call("pidfd_open", bait.hub, 0), 0x40000000)
    return "joined a namespace of the hub"


# Processes


def processes(bait):
    try:
        if str(bait.hub) in os.listdir("/proc"):
            return "lists processes"
    except OSError:
        pass
    with open("/proc/%d/comm" % bait.hub) as file:
        found = file.read().strip()
    return None if found != bait.name else "knows the hub's name"


def signal_hub(bait):
    os.kill(bait.hub, 0)
    return "may send signals"


def trace(bait):
    seize, detach = 0x4206, 17
    bait.call("ptrace", seize, bait.hub, 0, 0)
    bait.call("ptrace", detach, bait.hub, 0, 0)
    return "traced the hub"


def memory(bait):
    held = ctypes.create_string_buffer(8)
    ours, theirs = struct.pack("QQ", ctypes.addressof(held), 8), struct.pack("QQ", bait.address, 8)
    try:
        bait.call("process_vm_readv", bait.hub, ours, 1, theirs, 1, 0)
    except OSError:
        with open("/proc/%d/mem" % bait.hub, "rb") as file:
            file.seek(bait.address)
            held.raw = file.read(8)
    return "read the hub's memory"


def environment(bait):
    with open("/proc/%d/environ" % bait.hub, "rb") as file:
        return "read %d bytes" % len(file.read())


def descriptor(bait):
    place = bait.call("pidfd_open", bait.hub, 0)
    try:
        os.close(bait.call("pidfd_getfd", place, 0, 0))
    finally:
        os.close(place)
    return "took a descriptor"


def forks(bait):
    children = []
    try:
        while len(children) < MOST_FORKS:
            child = os.fork()
            if child == 0:
                signal.pause()
                os._exit(0)
            children.append(child)
    except OSError:
        pass
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return "forked %d times" % len(children) if len(children) >= MOST_FORKS else None


def daemon(bait):
    """The probe sees whether it is still there: it holds what the cell prints to."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    keeper = bait.keeper
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.alarm(DAEMON_SECONDS)
    import time

    time.sleep(ATTEMPT_SECONDS / 2)
    try:
        os.kill(keeper, signal.SIGKILL)
    except OSError:
        pass
    signal.pause()
    os._exit(0)


def priority(bait):
    for attempt in (lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)), lambda: os.nice(-5)):
        try:
            attempt()
        except OSError:
            continue
        return "runs before others"
    return None


def raise_limits(bait):
    import resource

    if resource.getrlimit(resource.RLIMIT_CORE) != (0, 0):
        return "leaves core files"
    for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
        most = resource.getrlimit(what)[1]
        if most == resource.RLIM_INFINITY:
            return "has no limit %d" % what
        try:
            resource.setrlimit(what, (most + 1, most + 1))
        except (OSError, ValueError):
            continue
        return "raised limit %d" % what
    return None


def keys(bait):
    bait.call("add_key", b"user", b"written-by-a-cell", b"x", 1, ctypes.c_long(-2))
    return "kept a key"


# The network


def loopback(bait):
    with socket.create_connection(("127.0.0.1", bait.port), ATTEMPT_SECONDS):
        return "connected to the machine's loopback"


def datagram(bait):
    """The probe sees whether it arrived."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.sendto(bait.canary.encode(), ("127.0.0.1", bait.datagrams))


def metadata(bait):
    try:
        with socket.create_connection(("169.254.169.254", 80), ATTEMPT_SECONDS):
            return "connected"
    except OSError as error:
        if error.errno in (errno.ENETUNREACH, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT, errno.EHOSTUNREACH):
            raise
        return "a packet left: %s" % error


def abstract_socket(bait):
    return unix("\0" + bait.abstract)


def unix_socket(bait):
    return unix(bait.unix)


def unix(address):
    with socket.socket(socket.AF_UNIX) as way:
        way.settimeout(ATTEMPT_SECONDS)
        way.connect(address)
        return "connected"


def vsock(bait):
    with socket.socket(getattr(socket, "AF_VSOCK", 40), socket.SOCK_STREAM):
        return "made a socket to the host"


def raw_packets(bait):
    for family, kind in ((socket.AF_PACKET, socket.SOCK_RAW), (socket.AF_INET, socket.SOCK_RAW)):
        try:
            socket.socket(family, kind, socket.IPPROTO_ICMP if family == socket.AF_INET else 0).close()
        except OSError:
            continue
        return "made a raw socket"
    return None


def connections(bait):
    with open("/proc/self/net/tcp") as file:
        return "sees connections of others" if ":%04X " % bait.port in file.read() else None


# Communication


def system_v_memory(bait):
    checked(libc.shmat(checked(libc.shmget(bait.memory_key, 0, 0)), None, 0o10000))
    return "attached"


def message_queue(bait):
    checked(libc.msgget(bait.queue_key, 0))
    return "found the queue"


# The kernel


def bpf(bait):
    attributes = struct.pack("IIII", 2, 4, 4, 1) + bytes(112)
    os.close(bait.call("bpf", 0, attributes, len(attributes)))
    return "made a map in the kernel"


def io_uring(bait):
    os.close(bait.call("io_uring_setup", 1, bytes(120)))
    return "opened io_uring"


def watching(bait):
    try:
        os.close(bait.call("userfaultfd", 1))
    except OSError:
        attributes = struct.pack("IIQ", 1, 112, 0) + bytes(96)
        os.close(bait.call("perf_event_open", attributes, 0, ctypes.c_long(-1), ctypes.c_long(-1), 0))
    return "watches the kernel"


def module(bait):
    import time

    for attempt in (
        lambda: bait.call("init_module", b"", 0, b""),
        lambda: bait.call("sethostname", b"cell", 4),
        lambda: time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME)),
    ):
        try:
            attempt()
        except OSError as error:
            if error.errno in (errno.EPERM, errno.ENOSYS):
                continue
            return "was heard: %s" % error
        return "changed the machine"
    return None


def architecture(bait):
    child = os.fork()
    if child == 0:
        x32 = 0x40000000
        os._exit(1 if libc.syscall(ctypes.c_long(x32 + bait.numbers["getpid"])) > 0 else 0)
    _, status = os.waitpid(child, 0)
    return "was answered" if os.waitstatus_to_exitcode(status) == 1 else None


def terminal(bait):
    """Without a terminal the request fails either way; which error says who refused it."""
    import fcntl

    try:
        fcntl.ioctl(0, 0x5412, b"x")
    except OSError as error:
        if error.errno == errno.EPERM:
            raise
    return "the request reached the kernel"


# What it was born with


def inherited(bait):
    found, sockets = [], []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + name)
        except OSError:
            continue
        if target.startswith("/") and target != "/dev/null" and not target.startswith("/proc/"):
            found.append(target)
        if target.startswith("socket:"):
            sockets.append(target)
    found += sockets[1:]  # one is its own: the way to the hub
    return "has %s" % found if found else None


def secrets(bait):
    known = " ".join("%s=%s" % pair for pair in os.environ.items())
    for path in ("/proc/self/environ", "/proc/1/environ", "/proc/%d/environ" % os.getppid()):
        try:
            with open(path) as file:
                known += file.read()
        except OSError:
            continue
    return "knows the hub's secret" if bait.canary in known else None


NAMES = {"signal": signal_hub, "limits": raise_limits}


def main(args):
    """Try those that are named; answer for each what it did, or nothing when it was held."""
    bait = Bait(args["bait"])
    found = {}
    for name in args["attacks"]:
        try:
            found[name] = (NAMES.get(name) or globals()[name])(bait)
        except OSError:
            found[name] = None
    return found
