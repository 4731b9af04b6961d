"""How many connections the operating system lets a process have."""

from __future__ import annotations

# files, libraries, the store, pipes to other workers
_OTHERS = 128


def room_for(wanted: int) -> int:
    """As many of the wanted connections as there are descriptors for, after asking for as many as are allowed."""
    try:
        import resource
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHERS
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # where few are allowed, half of them is what the rest needs at least
    others = min(_OTHERS, soft // 2)
    return wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - others))
