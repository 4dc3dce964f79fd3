"""One program in each language that does what it is told, for the suite of kinds: `tests/support/kinds/FAMILY.*`.

`do` is hello, error, fail, array, text, exit, sleep, logs, env, say; anything else is an echo.
"""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

FOLDER = Path(__file__).with_name("kinds")
BAD = {
    "python": "def main(args)\n    return {}",
    "nodejs": "function main( {",
    "php": "<?php\nfunction main(array $args) { return [;",
    "ruby": "def main(args\n  {}",
    "perl": "sub main { my ($args = @_;",
    "native": "not a program",
    "go": "package main\n\nfunc Main(args map[string]interface{}) map[string]interface{} {\n\treturn nothing\n}\n",
    "rust": "use serde_json::{Error, Value};\npub fn main(args: Value) -> Result<Value, Error> { nothing }\n",
    "java": "public class Example { public static int main() { return nothing; } }",
    "wasm": "(module (func (export",
}
"""Code that cannot be made to run."""
TYPED = {"go", "java"}
"""Where a function of the usual form can return nothing but an object."""
MAINS = {"java": "Example"}


def source(family: str, do: str) -> str:
    """The code whose calls with that `do` do it."""
    if family == "wasm":
        return wasm(do)
    return next(FOLDER.glob(f"{family}.*")).read_text()


def zipped(**files: bytes | str) -> str:
    """A zip as the API takes it; dots of names are written `__`. Nothing in it is marked executable."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return base64.b64encode(packed.getvalue()).decode()


PRINTED = {"hello": '{"greeting": "Hello Ada"}', "error": '{"error": "no", "more": 1}', "array": "[1, 2]", "text": "text"}
_ECHO = """(loop $more
    (call $say (i32.const 1) (i32.const 65536) (local.tee $size (call $hear)))
    (br_if $more (local.get $size)))"""
_ENVIRONMENT = """(drop (call $environ_get (i32.const 1024) (i32.const 65536)))
  (call $say (i32.const 2) (i32.const 65536) (i32.const 4096))
  (call $say (i32.const 1) (i32.const 512) (i32.const 2))"""


def wasm(do: str) -> str:
    """A WASI program as text; each does one thing."""
    texts: list[str] = []
    calls: list[str] = []

    def say(stream: int, text: str) -> None:
        place = 256 + sum(map(len, texts))
        texts.append(text)
        calls.append(f"(call $say (i32.const {stream}) (i32.const {place}) (i32.const {len(text)}))")

    if do == "logs":
        for stream, text in ((1, "one\ntwo\n"), (2, "three\n"), (1, "four\n"), (1, "{}")):
            say(stream, text)
    elif do in PRINTED:
        say(1, PRINTED[do])
    elif do == "env":
        calls.append(_ENVIRONMENT)
    else:
        ends = {"exit": "(call $exit (i32.const 3))", "sleep": "(loop $ever (br $ever))", "fail": "(unreachable)"}
        calls.append(ends.get(do, _ECHO))
    data = "".join(texts).replace('"', '\\"').replace("\n", "\\n")
    return f"""(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 4)
  (data (i32.const 256) "{data}")
  (data (i32.const 512) "{{}}")
  (func $hear (result i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (i32.load (i32.const 8)))
  (func $say (param $stream i32) (param $text i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $text))
    (i32.store (i32.const 4) (local.get $size))
    (drop (call $fd_write (local.get $stream) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start") (local $size i32)
    {" ".join(calls)}))
"""
