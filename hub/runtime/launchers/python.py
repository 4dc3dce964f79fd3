"""Runs one Python action: code comes over a socket, results go back over it, and what the action prints is its log.

Started by path with `-I -S` and the number of the socket; the standard library only. A frame is a length and an id (4 bytes each, big
endian), one byte that says what it is, and JSON. To us: 0 init, 1 run, 2 a part of an archive, as it is, before its init. From us: 0 fine,
1 the action is at fault. Runs of an `async def` may overlap: they share one event loop, which lives as long as the process.
"""

import json
import os
import socket
import struct
import sys
import traceback

HEAD = struct.Struct(">IIB")
INIT, RUN, ARCHIVE = 0, 1, 2
FINE, FAULT = 0, 1
IS_COROUTINE = 0x80
HOME = os.environ["HOME"]
PACKED = ".archive"
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
NOT_A_DICTIONARY = "The action did not return a dictionary or array."


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
        try:
            body = b"%s\n" % encode(value).encode()  # as upstream writes it, for its size is shown
        except (TypeError, ValueError, RecursionError) as error:
            print("The result cannot be written as JSON: %s" % error, file=sys.stderr)
            what, body = FAULT, json.dumps({"error": NOT_A_DICTIONARY}).encode()
        flush()
        self.socket.sendall(HEAD.pack(len(body), number, what) + body)


def flush():
    """What was printed is in the pipes before a result is told, so that it belongs to this run."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


def leave(request):
    """End as `sys.exit` would, its words included."""
    if not (request.code is None or isinstance(request.code, int)):
        print(request.code, file=sys.stderr)
    flush()
    os._exit(1)


def shown(error):
    """The traceback as far as it is the action's own."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


def virtualenv(folder):
    """Where a virtual environment in the zip keeps its modules, the one of this very version first."""
    if os.path.isdir(os.path.join(folder, "virtualenv")) and not os.path.isdir(os.path.join(folder, "virtualenv", "lib")):
        raise Refused("Invalid virtualenv. Zip file does not include 'activate_this.py'.")
    lib = os.path.join(folder, "virtualenv", "lib")
    own = "python%d.%d" % sys.version_info[:2]
    names = sorted(os.listdir(lib), key=lambda name: (name != own, name)) if os.path.isdir(lib) else []
    places = [os.path.join(lib, name, "site-packages") for name in names]
    return [place for place in places if os.path.isdir(place)]


def keep(part):
    """One more part of the archive."""
    with open(os.path.join(HOME, PACKED), "ab") as file:
        file.write(part)


def unpacked(archive):
    """The folder of what was in the archive."""
    program = os.path.join(os.path.dirname(__file__), "unpack.py")
    unpacker = {"__name__": "unpack"}
    with open(program, "rb") as source:
        exec(compile(source.read(), program, "exec"), unpacker)
    packed, folder = os.path.join(HOME, PACKED), os.path.join(HOME, "action")
    try:
        unpacker["unpack"](packed, folder, archive["largest"])
    except unpacker["BadArchive"] as error:
        raise Refused("Initialization has failed due to: %s" % error) from None
    os.unlink(packed)
    return folder


def load(value):
    """The action's function. Raises what its code raises."""
    folder = unpacked(value["archive"]) if "archive" in value else None
    os.environ.update(value.get("env") or {})
    name = value.get("main") or "main"
    module = type(sys)("main__")
    sys.modules["main__"] = module
    if folder:
        os.chdir(folder)
        sys.path.insert(0, folder)
        sys.path[1:1] = virtualenv(folder)
        for file in ("__main__.py", "main__.py", "exec"):
            if os.path.isfile(os.path.join(folder, file)):
                break
        else:
            raise Refused("Zip file does not include main__")
        with open(os.path.join(folder, file), "rb") as source:
            code = source.read()
        module.__file__ = os.path.join(folder, file)
    else:
        code = value.get("code") or ""
        module.__file__ = "main__.py"
    exec(compile(code, module.__file__, "exec"), module.__dict__)
    function = module.__dict__.get(name)
    if not callable(function):
        raise Refused("Action entrypoint '%s' is not a function." % name)
    return function


def is_async(function):
    return bool(getattr(getattr(function, "__code__", None), "co_flags", 0) & IS_COROUTINE)


class Action:
    """What runs here, once it was loaded."""

    def __init__(self, door):
        self.door = door
        self.function = None
        self.known = {}

    def init(self, number, value):
        door = self.door
        if self.function is not None:
            print("Cannot initialize the action more than once.", file=sys.stderr)
            door.send(number, FAULT, {"error": "Cannot initialize the action more than once."})
            return
        try:
            if not (value.get("code") or value.get("archive")):
                raise Refused("Missing main/no code to execute.")
            self.function = load(value)
        except SystemExit as request:
            leave(request)
        except Refused as error:
            print(error, file=sys.stderr)
            door.send(number, FAULT, {"error": str(error)})
        except BaseException as error:
            text = shown(error)
            print(text, file=sys.stderr)
            door.send(number, FAULT, {"error": "Initialization has failed due to: " + text.splitlines()[-1]})
        else:
            door.send(number, FINE, {"ok": True, "concurrent": is_async(self.function)})

    def prepare(self, context):
        """The environment is the whole process's: the run that began last has its say."""
        for key, text in context.items():
            if self.known.get(key) != text:
                self.known[key] = text
                os.environ["__OW_" + key.upper()] = text

    def run(self, number, value):
        self.prepare(value["context"])
        try:
            result = self.function(value["value"])
            if hasattr(result, "__await__"):
                import asyncio

                result = asyncio.run(awaited(result))
        except SystemExit as request:
            leave(request)
        except BaseException as error:
            self.failed(number, error)
        else:
            self.ended(number, result)

    async def run_async(self, number, value):
        self.prepare(value["context"])
        try:
            result = await self.function(value["value"])
        except SystemExit as request:
            leave(request)
        except BaseException as error:
            self.failed(number, error)
        else:
            self.ended(number, result)

    def failed(self, number, error):
        print(shown(error), file=sys.stderr)
        self.door.send(number, FINE, {"error": str(error)})

    def ended(self, number, result):
        if isinstance(result, (dict, list, tuple)):
            self.door.send(number, FINE, result)
        else:
            print("Result must be a dictionary or a list but has type %s: %r" % (type(result).__name__, result), file=sys.stderr)
            self.door.send(number, FAULT, {"error": NOT_A_DICTIONARY})


async def awaited(result):
    return await result


def serve(action, door):
    """One run after the other, unless it turns out that they may overlap."""
    while True:
        number, what, value = door.receive()
        if what == ARCHIVE:
            keep(value)
            continue
        if what != INIT:
            action.run(number, value)
            continue
        action.init(number, value)
        if is_async(action.function):
            return


async def serve_async(action, door):
    """Each run is a task of the one loop."""
    import asyncio

    loop = asyncio.get_running_loop()
    running = set()

    def readable():
        door.fill()
        while True:
            frame = door.frame()
            if frame is None:
                return
            number, what, value = frame
            if what == INIT:
                action.init(number, value)
                continue
            task = loop.create_task(action.run_async(number, value))
            running.add(task)
            task.add_done_callback(running.discard)

    loop.add_reader(door.socket.fileno(), readable)
    await loop.create_future()


def main():
    door = Door(int(sys.argv[1]))
    sys.argv = ["action"]
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    action = Action(door)
    serve(action, door)
    import asyncio

    asyncio.run(serve_async(action, door))


main()
