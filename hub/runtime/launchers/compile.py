"""Compiles the code of one action, in a cell of its own: code comes over a socket, what was made of it goes back.

Started by path with `-I -S` and the number of the socket; the standard library, and for wasm the module `wasmtime`. What is said is in
`frames.py`: the answer to the init is the program, or a zip of it, as it is. What the compiler prints is told when it fails.
"""

import io
import os
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.dirname(__file__))
from frames import ARCHIVE, FAULT, FINE, HEAD, PACKED, Door, Refused, keep, place, unpacked

del sys.path[0], sys.modules["frames"]
sys.modules.pop("processes", None)

ARCHIVES = (b"PK", b"\x1f\x8b")
LONGEST_WORDS = 65_536


def lay_out(value):
    """The folder of the sources, however they came."""
    entry = value["entries"][0]
    if "archive" not in value:
        data = value["code"].encode()
    else:
        with open(place(PACKED), "rb") as packed:
            if packed.read(2) in ARCHIVES:
                return unpacked(value["archive"])
            packed.seek(0)
            data = packed.read()
    folder = place("action")
    os.mkdir(folder)
    with open(os.path.join(folder, entry), "wb") as file:
        file.write(data)
    return folder


def made_by(script, value):
    """What a script made in the folder `made`."""
    out = place("made")
    os.mkdir(out)
    known = {"OUT": out, "LAUNCHERS": os.path.dirname(__file__), "ENTRY": value["entries"][0]}
    command = ["/bin/sh", os.path.join(os.path.dirname(__file__), script)]
    environment = {**os.environ, **value["environment"], **known}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # noqa: S603 - our own script
    if done.returncode:
        words = done.stdout.decode(errors="replace").replace(place(""), "").strip()
        raise Refused(words[-LONGEST_WORDS:] or "The action failed to generate or locate a binary. See logs for details.")
    if os.path.isfile(os.path.join(out, "exec")):
        with open(os.path.join(out, "exec"), "rb") as file:
            return file.read()
    return zipped(out)


def zipped(folder):
    """All that is in a folder, empty folders as well."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for at, folders, names in os.walk(folder):
            for name in (*folders, *names):
                path = os.path.join(at, name)
                archive.write(path, os.path.relpath(path, folder))
    return packed.getvalue()


def made_of_wasm(entries):
    """What the launcher of wasm would make at each start."""
    sys.path.insert(0, os.path.dirname(os.environ["__HUB_MODULE"]))
    import wasmtime

    found = [name for name in entries if os.path.isfile(name)]
    if not found:
        raise Refused("The action failed to generate or locate a binary. See logs for details.")
    config = wasmtime.Config()
    config.memory_init_cow = False
    with open(found[0], "rb") as file:
        code = file.read()
    try:
        module = wasmtime.Module(wasmtime.Engine(config), code if code.startswith(b"\0asm") else code.decode())
        if "_start" not in [export.name for export in module.exports]:
            raise Refused("Action entrypoint '_start' is not a function.")
        return bytes(module.serialize())
    except (wasmtime.WasmtimeError, UnicodeDecodeError) as error:
        raise Refused(str(error)) from None


def compiled(value):
    """The bytes of what was made; none when the code brings a program of its own. Raises Refused."""
    os.chdir(lay_out(value))
    if os.path.isfile("exec"):
        return b""
    return made_by(value["script"], value) if value["script"] else made_of_wasm(value["entries"])


def main():
    door = Door(int(sys.argv[1]))
    while True:
        number, what, value = door.receive()
        if what == ARCHIVE:
            keep(value)
            continue
        try:
            made = compiled(value)
        except Refused as error:
            door.send(number, FAULT, {"error": str(error)})
        else:
            door.socket.sendall(HEAD.pack(len(made), number, FINE) + made)


main()
