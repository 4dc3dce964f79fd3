"""The programs that a launcher starts: with pipes that are read and written without waiting, and nothing of ours among what they get."""

import fcntl
import os
import select
import signal
import sys

from frames import Refused

CHUNK = 1 << 16
ABOVE_STANDARD = 10
"""Descriptors of ours start here, so that none is in the way of those that a program gets."""
READABLE = select.POLLIN | select.POLLHUP | select.POLLERR
NOT_STARTED = "Cannot start action. Check logs for details."


class Process:
    """One that was started with pipes: `given` is its standard input, `answers` what is read of the descriptor `result`."""

    def __init__(self, command, environment, result):
        given_inside, self.given = pipe()
        self.answers, result_inside = pipe()
        actions = [(os.POSIX_SPAWN_DUP2, given_inside, 0), (os.POSIX_SPAWN_DUP2, result_inside, result)]
        try:
            # Python ignores a broken pipe; what it starts does not.
            self.pid = os.posix_spawn(command[0], command, environment, file_actions=actions, setsigdef=[signal.SIGPIPE])
        except OSError as error:
            print("%s: %s" % (command[0], error.strerror), file=sys.stderr)
            raise Refused(NOT_STARTED) from None
        finally:
            os.close(given_inside)
            os.close(result_inside)
        self.ends = os.pidfd_open(self.pid)
        os.set_blocking(self.given, False)
        os.set_blocking(self.answers, False)

    def close(self):
        """Give everything back, and what has ended to the system."""
        for number in (self.given, self.answers, self.ends):
            if number is not None:
                os.close(number)
        reap()

    def write(self, data):
        """Some of `data`; what is left of it."""
        try:
            return data[os.write(self.given, data) :]
        except BlockingIOError:
            return data
        except BrokenPipeError:
            return data[:0]

    def read(self):
        """Some of what it answers: None when there is nothing now, empty when there will be nothing more."""
        try:
            return os.read(self.answers, CHUNK)
        except BlockingIOError:
            return None


def pipe():
    """Two descriptors that no program inherits, and that are in nobody's way."""
    ends = []
    for number in os.pipe():
        ends.append(fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, ABOVE_STANDARD))
        os.close(number)
    return ends


def reap():
    """We are the first process of the cell: what others leave behind is ours."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
