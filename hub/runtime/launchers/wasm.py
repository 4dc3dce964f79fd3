"""Runs one WASI program in this very process, anew for each run: the argument is its standard input, its last line the result.

Started by path with `-I -S` and the number of the socket; the standard library, and the module `wasmtime`, which is loaded before there is
anything to do. What is said is in `frames.py`.
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from frames import AGAIN, ARCHIVE, FAULT, FINE, INIT, PACKED, Door, Lines, Refused, keep, place, unpacked

sys.path[0] = os.path.dirname(os.environ.pop("__HUB_MODULE"))
import wasmtime  # noqa: E402 - it is found only now

del sys.path[0], sys.modules["frames"]
sys.modules.pop("processes", None)

MAGIC, COMPILED = b"\0asm", b"\x7fELF"
MAIN = "_start"
GIVEN = ".given"
MB = 1 << 20
REHEARSED = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\02\\00\\00\\00")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
"""Reads two bytes and writes them."""


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
        code = packed.read()
    if code.startswith((MAGIC, COMPILED)):
        os.mkdir(folder)
        os.unlink(place(PACKED))
        return code, folder
    unpacked(value["archive"])
    for name in words["source"]:
        if os.path.isfile(os.path.join(folder, name)):
            with open(os.path.join(folder, name), "rb") as file:
                return file.read(), folder
    raise Refused("The action failed to generate or locate a binary. See logs for details.")


class Compiler:
    """Makes programs of code; what they all need is made once."""

    def __init__(self):
        self.engine = engine()
        self.linker = wasmtime.Linker(self.engine)
        self.linker.define_wasi()

    def program(self, value):
        """What an init asks for. Raises Refused."""
        words = value["exec"]
        code, folder = read(value, words)
        memory = int(words["words"]["memory"]) * MB
        try:
            if code[: len(COMPILED)] == COMPILED:
                module = wasmtime.Module.deserialize(self.engine, code)
            else:
                module = wasmtime.Module(self.engine, code)
            return Program(self.engine, self.linker.instantiate_pre(module), folder, value.get("env") or {}, memory)
        except (wasmtime.WasmtimeError, UnicodeDecodeError) as error:
            raise Refused("Initialization has failed due to: %s" % error) from None

    def rehearse(self):
        """Run something once, before there is anything to do: whatever is made at the first run is there then."""
        module = wasmtime.Module.deserialize(self.engine, wasmtime.Module(self.engine, REHEARSED).serialize())
        Program(self.engine, self.linker.instantiate_pre(module), os.environ["HOME"], {}, MB).run({}, {})


class Program:
    """What runs here: a compiled program, the folder that it sees, its environment, and the memory (bytes) it may have."""

    def __init__(self, engine, prepared, folder, environment, memory):
        self.engine, self.prepared, self.folder, self.environment, self.memory = engine, prepared, folder, environment, memory

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
    compiler, program = Compiler(), None
    compiler.rehearse()
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
                program = compiler.program(value)
                door.send(number, FINE, {"ok": True})
            except Refused as error:
                print(error, file=sys.stderr)
                door.send(number, FAULT, {"error": str(error)})


main()
