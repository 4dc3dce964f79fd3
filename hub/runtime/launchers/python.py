"""Runs one Python action: code comes over a socket, results go back over it, and what the action prints is its log.

Started by path with `-I -S` and the number of the socket; the standard library only. A frame is a length and an id (4 bytes each, big
endian), one byte that says what it is, and JSON. To us: 0 init, 1 run. From us: 0 fine, 1 the action is at fault.
"""

import json
import os
import socket
import struct
import sys
import traceback

HEAD = struct.Struct(">IIB")
INIT, RUN = 0, 1
FINE, FAULT = 0, 1
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
        buffer = self.buffer
        while len(buffer) < HEAD.size:
            buffer += self.more(65536)
        length, number, what = HEAD.unpack_from(buffer)
        end = HEAD.size + length
        while len(buffer) < end:
            buffer += self.more(1 << 20)
        body = bytes(buffer[HEAD.size : end])
        del buffer[:end]
        return number, what, json.loads(body)

    def more(self, count):
        part = self.socket.recv(count)
        if not part:
            os._exit(0)
        return part

    def send(self, number, what, value):
        try:
            body = b"%s\n" % json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # as upstream writes it, for its size is shown
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
    lib = os.path.join(folder, "virtualenv", "lib")
    own = "python%d.%d" % sys.version_info[:2]
    names = sorted(os.listdir(lib), key=lambda name: (name != own, name)) if os.path.isdir(lib) else []
    places = [os.path.join(lib, name, "site-packages") for name in names]
    return [place for place in places if os.path.isdir(place)]


def load(value):
    """The action's function. Raises what its code raises."""
    os.environ.update(value.get("env") or {})
    name = value.get("main") or "main"
    module = type(sys)("main__")
    sys.modules["main__"] = module
    folder = value.get("folder")
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


def call(function, value):
    """One run; an `async def` is awaited."""
    result = function(value)
    if hasattr(result, "__await__"):
        import asyncio

        async def awaited():
            return await result

        result = asyncio.run(awaited())
    return result


def main():
    number = int(sys.argv[1])
    door = Door(number)
    sys.argv = ["action"]
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    function = None
    known = {}
    while True:
        number, what, value = door.receive()
        if what == INIT:
            if function is not None:
                print("Cannot initialize the action more than once.", file=sys.stderr)
                door.send(number, FAULT, {"error": "Cannot initialize the action more than once."})
                continue
            try:
                if not (value.get("code") or value.get("folder")):
                    raise Refused("Missing main/no code to execute.")
                function = load(value)
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
                door.send(number, FINE, {"ok": True})
            continue
        for key, text in value["context"].items():
            if known.get(key) != text:
                known[key] = text
                os.environ["__OW_" + key.upper()] = text
        try:
            result = call(function, value["value"])
        except SystemExit as request:
            leave(request)
        except BaseException as error:
            print(shown(error), file=sys.stderr)
            door.send(number, FINE, {"error": str(error)})
            continue
        if isinstance(result, (dict, list, tuple)):
            door.send(number, FINE, result)
        else:
            print("Result must be a dictionary or a list but has type %s: %r" % (type(result).__name__, result), file=sys.stderr)
            door.send(number, FAULT, {"error": NOT_A_DICTIONARY})


main()
