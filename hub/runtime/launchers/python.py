"""Runs one Python action: code comes over a socket, results go back over it, and what the action prints is its log.

Started by path with `-I -S` and the number of the socket; the standard library only. A frame is a length and an id (4 bytes each, big
endian), one byte that says what it is, and JSON. To us: 0 init, 1 run. From us: 0 fine, 1 the action is at fault.
"""

import json
import os
import signal
import socket
import struct
import sys
import threading
import traceback

HEAD = struct.Struct(">IIB")
INIT, RUN = 0, 1
FINE, FAULT = 0, 1
NOT_A_DICTIONARY = "The action did not return a dictionary or array."


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
            body = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            print(shown(error), file=sys.stderr)
            what, body = FAULT, json.dumps({"error": NOT_A_DICTIONARY}).encode()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                pass
        self.socket.sendall(HEAD.pack(len(body), number, what) + body)


def watch(number):
    """End with the hub, whatever the action is doing."""
    import select

    poller = select.poll()
    poller.register(number, select.POLLHUP | select.POLLERR | 0x2000)
    poller.poll()
    os.killpg(0, signal.SIGKILL)


def shown(error):
    """The traceback as far as it is the action's own."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


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
        for place in ("virtualenv/lib/python%d.%d/site-packages" % sys.version_info[:2],):
            if os.path.isdir(os.path.join(folder, place)):
                sys.path.insert(1, os.path.join(folder, place))
        for file in ("__main__.py", "main__.py", "exec"):
            if os.path.isfile(os.path.join(folder, file)):
                break
        else:
            raise LookupError("Zip file does not include main__")
        with open(os.path.join(folder, file), encoding="utf-8") as source:
            code = source.read()
        module.__file__ = os.path.join(folder, file)
    else:
        code = value.get("code") or ""
        module.__file__ = "main__.py"
    exec(compile(code, module.__file__, "exec"), module.__dict__)
    function = module.__dict__.get(name)
    if not callable(function):
        raise LookupError("Action entrypoint '%s' is not a function." % name)
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
    threading.Thread(target=watch, args=(number,), daemon=True).start()
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
                    raise LookupError("Missing main/no code to execute.")
                function = load(value)
            except SystemExit:
                sys.stdout.flush()
                os._exit(1)
            except LookupError as error:
                print(error.args[0] if error.args else error, file=sys.stderr)
                door.send(number, FAULT, {"error": str(error.args[0] if error.args else error)})
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
        except SystemExit:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(1)
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
