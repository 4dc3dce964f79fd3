"""Runs one Python action: code comes over a socket, results go back over it, and what the action prints is its log.

Started by path with `-I -S` and the number of the socket; the standard library only. What is said is in `frames.py`. Runs of an
`async def` may overlap: they share one event loop, which lives as long as the process.
"""

import os
import sys
import traceback

sys.path.insert(0, os.path.dirname(__file__))
from frames import AGAIN, ARCHIVE, FAULT, FINE, INIT, NOT_A_DICTIONARY, Door, Refused, flush, keep, place, unpacked

# An action finds modules of its own under any name.
del sys.path[0], sys.modules["frames"]
sys.modules.pop("processes", None)

IS_COROUTINE = 0x80


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


def activate(folder):
    """Put a virtual environment of the zip in place, as its own script does; its modules are found whatever version it was made with."""
    home = os.path.join(folder, "virtualenv")
    if not os.path.isdir(home):
        return
    scripts = [os.path.join(home, name, "activate_this.py") for name in ("bin", "Scripts")]
    script = next(filter(os.path.isfile, scripts), None)
    lib = os.path.join(home, "lib")
    if script is None and not os.path.isdir(lib):
        raise Refused("Invalid virtualenv. Zip file does not include 'activate_this.py'.")
    own = "python%d.%d" % sys.version_info[:2]
    names = sorted(os.listdir(lib), key=lambda name: (name != own, name)) if os.path.isdir(lib) else []
    places = [os.path.join(lib, name, "site-packages") for name in names]
    sys.path[1:1] = [place for place in places if os.path.isdir(place)]
    if script is not None:
        with open(script, "rb") as source:
            exec(compile(source.read(), script, "exec"), {"__file__": script, "__name__": "activate_this"})


def load(value):
    """The action's function. Raises what its code raises."""
    folder = unpacked(value["archive"]) if "archive" in value else None
    # As in any environment, what was installed comes after the standard library; what all actions may use comes last.
    sys.path += [place(name) for name in (*value.get("layers", ()), *filter(None, (value.get("modules"),)))]
    os.environ.update(value.get("env") or {})
    name = value.get("main") or "main"
    module = type(sys)("main__")
    sys.modules["main__"] = module
    if folder:
        os.chdir(folder)
        sys.path.insert(0, folder)
        activate(folder)
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
            print(AGAIN, file=sys.stderr)
            door.send(number, FAULT, {"error": AGAIN})
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
