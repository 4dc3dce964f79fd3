"""Runs an action in any language: starts its program, and passes each run on to it as ActionLoop has it (openwhisk-api §10.7).

Started by path with `-I -S` and the number of the socket; the standard library only. What is said to the hub is in `frames.py`. The
program gets each run as a line of JSON on its standard input, and answers with a line of JSON on descriptor 3; what it prints is its log.
"""

import json
import os
import select
import sys

sys.path.insert(0, os.path.dirname(__file__))
from frames import AGAIN, ARCHIVE, FAULT, FINE, INIT, LARGEST, NOT_A_DICTIONARY, PACKED, Door, Lines, Refused, keep, parsed, place, unpacked
from processes import NOT_STARTED, READABLE, Process, reap

del sys.path[0], sys.modules["frames"], sys.modules["processes"]

ARCHIVES = (b"PK", b"\x1f\x8b")
STARTABLE = (b"#!", b"\x7fELF")
LARGEST_ARGUMENT = 131_071
START_MS = 5
"""How long a program that says nothing may take to fail."""
WAITS = "__OW_WAIT_FOR_ACK"
NO_BINARY = "The action failed to generate or locate a binary. See logs for details."
NO_SCRIPT = "The action failed to locate a binary. See logs for details."
EXITED = "command exited"


class Program:
    """The `exec` that stays for all runs."""

    def __init__(self, command, environment):
        self.process = Process(command, environment, 3)

    def acknowledged(self, wanted):
        """Wait until it says that it is there; one that says nothing must not fail at once. Raises Refused."""
        if not wanted:
            waiting = select.poll()
            waiting.register(self.process.ends, select.POLLIN)
            if waiting.poll(START_MS):
                raise Refused(NOT_STARTED)
            return
        said = self.line(b"")
        answer = parsed(said) if said is not None else None
        if not isinstance(answer, dict) or not answer.get("ok"):
            if isinstance(answer, dict) and answer.get("error"):
                raise Refused("Initialization has failed due to: %s" % answer["error"])
            raise Refused(NOT_STARTED)

    def line(self, data):
        """What it answers to that; None when it has ended instead. A program that reads late does not keep us from hearing it."""
        process, parts, size = self.process, [], 0
        waiting = select.poll()
        waiting.register(process.answers, READABLE)
        waiting.register(process.ends, select.POLLIN)
        data = memoryview(data)
        if data:
            waiting.register(process.given, select.POLLOUT)
        while size <= LARGEST:
            for ready, _ in waiting.poll():
                if ready == process.given:
                    data = process.write(data)
                    if not data:
                        waiting.unregister(process.given)
                    continue
                part = process.read()
                if not part:
                    if part is not None or ready == process.ends:
                        return None
                    continue
                size += len(part)
                line, end, _ = part.partition(b"\n")
                parts.append(line)
                if end:
                    return b"".join(parts)
        return None

    def forget(self):
        """What it said unasked answers nothing."""
        while self.process.read():
            pass

    def run(self, value, context):
        """The answer, and whether it is one."""
        self.forget()
        line = json.dumps({"value": value, **context}, ensure_ascii=False, separators=(",", ":"))
        answer = self.line(line.encode() + b"\n")
        if answer is None:
            return EXITED, False
        if not isinstance(parsed(answer), (dict, list)):
            return NOT_A_DICTIONARY, False
        return answer.strip() + b"\n", True


class Script:
    """A program that is started for each run (openwhisk-api §10.8)."""

    def __init__(self, command, environment):
        self.command = command
        self.environment = environment

    def run(self, value, context):
        """The last line it prints; those before are its log."""
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        argument = text.encode()
        words = [text] if len(argument) <= LARGEST_ARGUMENT else []
        own = {"__OW_" + key.upper(): said for key, said in context.items()}
        try:
            process = Process([*self.command, *words], {**self.environment, **own}, 1)
        except Refused as error:
            return str(error), False
        lines = Lines()
        try:
            converse(process, argument, lines)
        finally:
            process.close()
        return lines.result()


def converse(process, argument, lines):
    """Hand over the argument, and hear what is printed, until the program has ended."""
    waiting = select.poll()
    waiting.register(process.answers, READABLE)
    waiting.register(process.given, select.POLLOUT)
    waiting.register(process.ends, select.POLLIN)
    argument = memoryview(argument)
    while True:
        ready = {number for number, _ in waiting.poll()}
        if process.given in ready:
            argument = process.write(argument)
            if not argument:
                waiting.unregister(process.given)
                os.close(process.given)
                process.given = None
        part = process.read()
        if part:
            lines.add(part)
        elif part is not None or process.ends in ready:
            return


def unpack(value, words):
    """The folder of the code, however it came."""
    folder = place("action")
    if "archive" in value:
        with open(place(PACKED), "rb") as packed:
            if packed.read(2) in ARCHIVES:
                return unpacked(value["archive"])
        os.mkdir(folder)
        os.rename(place(PACKED), os.path.join(folder, "exec"))
        return folder
    text = value["code"].encode()
    if not words["source"] and not text.startswith(STARTABLE):
        raise Refused(NO_BINARY)
    os.mkdir(folder)
    with open(os.path.join(folder, (words["source"] or ["exec"])[0]), "wb") as file:
        file.write(text)
    return folder


def startable(path):
    """Whether a file is a program, or a script that names one; then it may be started, however the archive had it."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        if not file.read(len(STARTABLE[1])).startswith(STARTABLE):
            return False
    os.chmod(path, 0o700)
    return True


def command_of(folder, main, words):
    """What to start, and whether it is ours: an `exec` that was brought along, or what runs this language's source. Raises Refused."""
    if startable("exec"):
        return [os.path.join(folder, "exec")], False
    # Languages tell where something is wrong by the path they were given.
    found = [os.path.join(".", name) for name in words["source"] if os.path.isfile(name)]
    if words["each"] and found and startable(found[0]):
        return [os.path.join(folder, found[0])], False
    if not words["command"] or not found:
        raise Refused(NO_SCRIPT if words["each"] else NO_BINARY)
    known = {
        **words["words"],
        "launchers": os.path.dirname(__file__),
        "folder": folder,
        "main": main,
        "source": found[0],
    }
    return [word.format_map(known) for word in words["command"]], True


class Action:
    """What runs here, once it was started."""

    def __init__(self, door):
        self.door = door
        self.runs = None

    def init(self, number, value):
        """Start it, and say whether that went well."""
        if self.runs is not None:
            print(AGAIN, file=sys.stderr)
            return self.door.send(number, FAULT, {"error": AGAIN})
        try:
            if not (value.get("code") or value.get("archive")):
                raise Refused("Missing main/no code to execute.")
            self.runs = self.start(value, value["exec"])
        except Refused as error:
            print(error, file=sys.stderr)
            return self.door.send(number, FAULT, {"error": str(error)})
        return self.door.send(number, FINE, {"ok": True})

    def start(self, value, words):
        """What answers the runs. Raises Refused."""
        folder = unpack(value, words)
        os.chdir(folder)
        environment = {**os.environ, **(value.get("env") or {})}
        command, ours = command_of(folder, value.get("main") or "main", words)
        if words["each"]:
            return Script(command, environment)
        if ours:
            environment[WAITS] = "1"
        program = Program(command, environment)
        program.acknowledged(bool(environment.get(WAITS)))
        return program

    def run(self, number, value):
        """Pass it on, and the answer back."""
        reap()
        answer, fine = self.runs.run(value["value"], value["context"])
        if fine:
            self.door.pass_on(number, FINE, answer)
        else:
            print(answer, file=sys.stderr)
            self.door.send(number, FAULT, {"error": answer})


def serve(action, door):
    """One run after the other. A program that ends by itself ends us, so that another is started before the next run."""
    waiting = select.poll()
    waiting.register(door.socket, READABLE)
    watched = False
    while True:
        frame = door.frame()
        if frame is None:
            ready = [number for number, _ in waiting.poll()]
            if door.socket.fileno() not in ready:
                os._exit(0)
            door.fill()
            continue
        number, what, value = frame
        if what == ARCHIVE:
            keep(value)
        elif what == INIT:
            action.init(number, value)
        else:
            action.run(number, value)
        if not watched and isinstance(action.runs, Program):
            waiting.register(action.runs.process.ends, select.POLLIN)
            watched = True


def main():
    door = Door(int(sys.argv[1]))
    sys.argv = ["action"]
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    serve(Action(door), door)


main()
