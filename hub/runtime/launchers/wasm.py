"""Runs one WASI program in this very process, a fresh instance of it for each run: the argument is its standard input, its last line the result.

Started by path with `-I -S` and the number of the socket; the standard library, and the module `wasmtime`, which is loaded before there is
anything to do. What is said is in `frames.py`.
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from frames import AGAIN, ARCHIVE, FAULT, FINE, INIT, PACKED, Door, Lines, Refused, keep, place, unpacked

sys.path[0] = os.path.dirname(os.environ.pop("__HUB_MODULE"))
import wasmtime

del sys.path[0], sys.modules["frames"]

MAGIC = b"\0asm"
MAIN = "_start"
GIVEN = ".given"
MB = 1 << 20


def engine():
    """One that works where memory files are refused, too."""
    config = wasmtime.Config()
    config.memory_init_cow = False
    return wasmtime.Engine(config)


def read(value, words):
    """The program's bytes, and the folder that it sees."""
    folder = place("action")
    if "archive" not in value:
        os.mkdir(folder)
        return value["code"], folder
    with open(place(PACKED), "rb") as packed:
        code = packed.read(len(MAGIC))
        if code == MAGIC:
            os.mkdir(folder)
            return code + packed.read(), folder
    unpacked(value["archive"])
    for name in words["source"]:
        if os.path.isfile(os.path.join(folder, name)):
            with open(os.path.join(folder, name), "rb") as file:
                return file.read(), folder
    raise Refused("The action failed to generate or locate a binary. See logs for details.")


class Program:
    """What runs here, compiled. `built` is a file that holds it compiled already. Raises Refused."""

    def __init__(self, engine, value):
        words = value["exec"]
        code, self.folder = read(value, words)
        self.engine = engine
        self.memory = int(words["words"]["memory"]) * MB
        self.environment = value.get("env") or {}
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        try:
            built = words.get("built")
            module = wasmtime.Module.deserialize_file(engine, built) if built else wasmtime.Module(engine, code)
            self.prepared = linker.instantiate_pre(module)
            if MAIN not in [export.name for export in module.exports]:
                raise Refused("Action entrypoint '%s' is not a function." % MAIN)
        except (wasmtime.WasmtimeError, UnicodeDecodeError) as error:
            raise Refused("Initialization has failed due to: %s" % error) from None

    def run(self, value, context):
        """The last line that it prints, and whether it is a result."""
        with open(place(GIVEN), "w", encoding="utf-8") as given:
            json.dump(value, given, ensure_ascii=False, separators=(",", ":"))
        lines = Lines()
        store = wasmtime.Store(self.engine)
        store.set_limits(memory_size=self.memory)
        store.set_wasi(self.world(context, lines))
        try:
            self.prepared.instantiate(store).exports(store)[MAIN](store)
        except wasmtime.ExitTrap as end:
            if end.code:
                print("The program ended with the code %d." % end.code, file=sys.stderr)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            print(error, file=sys.stderr)
            return "command exited", False
        return lines.result()

    def world(self, context, lines):
        """What the program sees."""
        world = wasmtime.WasiConfig()
        own = {"__OW_" + key.upper(): said for key, said in context.items()}
        world.argv = ["action"]
        world.env = {**os.environ, **self.environment, **own}.items()
        world.stdin_file = place(GIVEN)
        world.stdout_custom = lines.add
        world.inherit_stderr()
        world.preopen_dir(self.folder, "/")
        return world


def main():
    door = Door(int(sys.argv[1]))
    sys.argv = ["action"]
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    made, program = engine(), None
    while True:
        number, what, value = door.receive()
        if what == ARCHIVE:
            keep(value)
        elif what != INIT:
            answer, fine = program.run(value["value"], value["context"])
            if fine:
                door.pass_on(number, FINE, answer)
            else:
                print(answer, file=sys.stderr)
                door.send(number, FAULT, {"error": answer})
        elif program is not None:
            print(AGAIN, file=sys.stderr)
            door.send(number, FAULT, {"error": AGAIN})
        else:
            try:
                if not (value.get("code") or value.get("archive")):
                    raise Refused("Missing main/no code to execute.")
                program = Program(made, value)
                door.send(number, FINE, {"ok": True})
            except Refused as error:
                print(error, file=sys.stderr)
                door.send(number, FAULT, {"error": str(error)})


main()
