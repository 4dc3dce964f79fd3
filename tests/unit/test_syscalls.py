"""The tables of system calls agree with each other and with what this machine knows of both architectures."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from pathlib import Path

import pytest

from hub.runtime.cells.syscalls import ABSENT, AUDIT_ARCHITECTURES, NUMBERS, REFUSED, UNCOUNTED_MEMORY

MACHINES = sorted(NUMBERS)
HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}
"""The kernel's own, as the C library's development files bring them."""
_NUMBER = re.compile(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", re.MULTILINE)
_UNKNOWN = -1


@pytest.mark.parametrize("machine", MACHINES)
def test_every_name_has_a_number_or_is_known_to_be_absent(machine: str) -> None:
    """What is refused on one machine is refused on the other."""
    wanted = {*REFUSED, *UNCOUNTED_MEMORY, *(name for table in NUMBERS.values() for name in table)}

    assert wanted - set(NUMBERS[machine]) == set(ABSENT[machine])


@pytest.mark.parametrize("machine", MACHINES)
def test_no_number_stands_twice(machine: str) -> None:
    """Each call has its own."""
    assert len(set(NUMBERS[machine].values())) == len(NUMBERS[machine])


def test_newer_calls_have_one_number_everywhere() -> None:
    """Since 424 the kernel gives every machine the same."""
    for name, number in NUMBERS["x86_64"].items():
        if number >= 424:
            assert NUMBERS["aarch64"][name] == number


@pytest.mark.parametrize("machine", MACHINES)
def test_the_kernels_headers_say_the_same(machine: str) -> None:
    """As far as they know the call: those of an older kernel know fewer."""
    header = next((path for path in map(Path, HEADERS[machine]) if path.exists()), None)
    if header is None:
        pytest.skip("the kernel's headers are not installed")
    known = {name: int(number) for name, number in _NUMBER.findall(header.read_text())}
    ours = {name: number for name, number in NUMBERS[machine].items() if name in known}

    assert len(ours) > len(NUMBERS[machine]) - 5
    assert ours == {name: known[name] for name in ours}
    assert not set(ABSENT[machine]) & set(known)


@pytest.mark.parametrize("machine", MACHINES)
def test_libseccomp_says_the_same(machine: str) -> None:
    """It knows every architecture, whichever this machine has."""
    found = ctypes.util.find_library("seccomp")
    if found is None:
        pytest.skip("libseccomp is not installed")
    resolve = ctypes.CDLL(found).seccomp_syscall_resolve_name_arch
    resolve.argtypes, resolve.restype = (ctypes.c_uint32, ctypes.c_char_p), ctypes.c_int
    known = {name: resolve(AUDIT_ARCHITECTURES[machine], name.encode()) for name in NUMBERS[machine]}
    wrong = {name: number for name, number in known.items() if number != _UNKNOWN and number != NUMBERS[machine][name]}

    assert wrong == {}
    assert sum(number != _UNKNOWN for number in known.values()) > len(known) - 5
    assert all(resolve(AUDIT_ARCHITECTURES[machine], name.encode()) < 0 for name in ABSENT[machine])
