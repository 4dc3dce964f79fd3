"""Capabilities: none is left, and none can be gained (reliability §5.2)."""

from __future__ import annotations

import ctypes
import struct

from .kernel import PR_SET_NO_NEW_PRIVS, StepRefused, libc, prctl, syscall

_LAST = "/proc/sys/kernel/cap_last_cap"
_LAST_IF_UNKNOWN = 40
_PR_CAPBSET_DROP = 24
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_VERSION_3 = 0x20080522
_NO_CAPABILITIES = bytes(24)


class CapabilitiesRefused(StepRefused):
    """The capabilities could not be dropped."""

    step = "capabilities"


def drop() -> None:
    """Empty every set, the bounding set included. Raises CapabilitiesRefused."""
    for capability in range(_last() + 1):
        # Who has no right to drop one from the bounding set has none to gain it from there: no-new-privs comes with it.
        libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), *(ctypes.c_ulong(0),) * 3)
    libc.prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_PR_CAP_AMBIENT_CLEAR_ALL), *(ctypes.c_ulong(0),) * 3)
    head = struct.pack("Ii", _VERSION_3, 0)
    syscall("capset", head, _NO_CAPABILITIES, error=CapabilitiesRefused, doing="dropping capabilities")


def gain_none() -> None:
    """No program that is started from here on gives more rights. Raises CapabilitiesRefused."""
    prctl(PR_SET_NO_NEW_PRIVS, 1, error=CapabilitiesRefused, doing="asking for no new privileges")


def _last() -> int:
    try:
        with open(_LAST) as file:
            return int(file.read())
    except (OSError, ValueError):
        return _LAST_IF_UNKNOWN
