"""A word with Linux's scheduler: short turns for the thread that answers.

Who asks for short turns gets the processor sooner when it wakes, and no more of it: a large request's process, which
computes for long beside it, is not starved. The system's default is a millisecond or more, which is what a small
request otherwise waits. Python has no such call, and the C libraries of today neither.

Source: sched_setattr(2); a task's own slice is kept from Linux 6.12 on.
"""

from __future__ import annotations

import ctypes
import platform
import sys

TURN_NS = 100_000
"""The shortest that the kernel takes."""

# by machine: sched_setattr, sched_getattr
_CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}
# what the thread starts has the default again, such as the process of large requests
_RESET_ON_FORK = 1
_SCHED_OTHER = 0


class _Attributes(ctypes.Structure):
    """struct sched_attr, as it was at first."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def ask_for_short_turns() -> bool:
    """Ask for the thread that calls; whether they are granted. Where the system knows none, nothing changes."""
    found = _read()
    if found is None or found.policy != _SCHED_OTHER:
        return False
    found.runtime = TURN_NS
    found.flags |= _RESET_ON_FORK
    if _call(0, ctypes.byref(found), 0) != 0:
        return False
    # an older kernel takes the call and forgets the turn
    return turn_ns() == TURN_NS


def turn_ns() -> int | None:
    """How long a turn of the thread that calls is, in nanoseconds; None where the system does not say."""
    found = _read()
    return None if found is None or not found.runtime else int(found.runtime)


def _read() -> _Attributes | None:
    found = _Attributes(size=ctypes.sizeof(_Attributes))
    return found if _call(1, ctypes.byref(found), found.size, 0) == 0 else None


def _call(which: int, *arguments: object) -> int:
    calls = _CALLS.get(platform.machine()) if sys.platform == "linux" else None
    if calls is None:
        return -1
    # 0: the thread that calls
    return int(ctypes.CDLL(None, use_errno=True).syscall(calls[which], 0, *arguments))
