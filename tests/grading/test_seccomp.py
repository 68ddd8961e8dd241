"""The filter's tables and decisions, for both machines, without installing it."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from coursekit.grading.sandbox import seccomp


def decide(machine: str, number: int, first: int = 0, architecture: int | None = None) -> int:
    """What the filter answers, worked out as Linux does."""
    own = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[machine]
    memory = {0: number, 4: own if architecture is None else architecture, 16: first}
    program = list(struct.iter_unpack("HBBI", seccomp.filter_program(machine)))
    tests = {0x15: int.__eq__, 0x35: int.__ge__, 0x45: lambda a, b: a & b != 0}
    loaded = at = 0
    while True:
        code, if_so, if_not, value = program[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            loaded = memory[value]
        else:
            at += if_so if tests[code](loaded, value) else if_not


ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
MACHINES = ["x86_64", "aarch64"]


@pytest.mark.parametrize("machine", MACHINES)
def test_filter_answers_by_call_and_argument(machine):
    column = MACHINES.index(machine)
    read, thread, process = (0, 63)[column], 0x3D0F00, 17
    clone, prctl, pair = seccomp.CLONE[column], seccomp.PRCTL[column], seccomp.SOCKETPAIR[column]
    assert decide(machine, read) == ALLOW
    assert decide(machine, read, architecture=0x40000003) == KILL
    assert decide(machine, seccomp.NEWEST_KNOWN) == ALLOW
    assert decide(machine, seccomp.NEWEST_KNOWN + 1) == FAIL | errno.ENOSYS
    assert [decide(machine, clone, flags) for flags in (thread, process)] == [ALLOW, FAIL | errno.EPERM]
    assert [decide(machine, prctl, option) for option in (1, 15)] == [FAIL | errno.EPERM, ALLOW]
    assert [decide(machine, pair, family) for family in (1, 30)] == [ALLOW, FAIL | errno.EACCES]


@pytest.mark.parametrize("machine", MACHINES)
def test_filter_refuses_every_call_of_its_tables(machine):
    column = MACHINES.index(machine)
    tables = seccomp.PROCESSES | seccomp.NAMESPACES | seccomp.KERNEL | seccomp.UNCOUNTED_MEMORY
    for numbers in tables.values():
        assert numbers[column] is None or decide(machine, numbers[column]) == FAIL | errno.EPERM
    for numbers in seccomp.NETWORK.values():
        assert decide(machine, numbers[column]) == FAIL | errno.EACCES


HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}


@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_those_of_the_kernels_headers(machine):
    header = Path("/usr/include", HEADERS[machine])
    if not header.is_file():
        pytest.skip(f"needs {header}")
    written = {name: int(number) for name, number in re.findall(r"__NR_(\w+)\s+(\d+)", header.read_text())}
    singles = {"clone": seccomp.CLONE, "clone3": seccomp.CLONE3, "prctl": seccomp.PRCTL}
    tables = [
        seccomp.PROCESSES,
        seccomp.NAMESPACES,
        seccomp.KERNEL,
        seccomp.UNCOUNTED_MEMORY,
        seccomp.NETWORK,
    ]
    column = MACHINES.index(machine)
    for name, numbers in {k: v for table in [singles, *tables] for k, v in table.items()}.items():
        assert (name, numbers[column]) == (name, written.get(name))
