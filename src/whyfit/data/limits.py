"""What this process may use, and how to live within an address-space limit (`ulimit -v`).

glibc reserves 64 MB of addresses for every thread that allocates, and polars starts a dozen: together
1.1 GB that are never touched but count against the limit. One arena for all threads costs a little
speed and is chosen only where a limit is set.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
#: Memory taken for granted where the system tells nothing.
_UNKNOWN = 2 << 30
_M_ARENA_MAX = -8  # <malloc.h>


def address_limit() -> int | None:
    """Bytes of address space this process is limited to, None if it is not."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if soft == resource.RLIM_INFINITY else soft


def live_within_limit() -> None:
    """Where an address-space limit is set: one malloc arena, one thread of polars and of BLAS."""
    if address_limit() is None:
        return
    if "polars" not in sys.modules:
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
    if "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        import ctypes

        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    except (ImportError, OSError, AttributeError):  # not glibc
        pass


def memory_left() -> int:
    """Bytes this process may still allocate before some limit stops it."""
    left: list[int] = []
    if (available := _kilobytes("/proc/meminfo", "MemAvailable:")) is not None:
        left.append(available)
    for limit_file, usage_file in _CGROUP_FILES:
        limit, usage = _number(limit_file), _number(usage_file)
        if limit is not None and usage is not None:
            left.append(limit - usage)
    if (limit := address_limit()) is not None:
        left.append(limit - (_kilobytes("/proc/self/status", "VmSize:") or 0))
    return max(0, min(left, default=_UNKNOWN))


def _kilobytes(path: str, key: str) -> int | None:
    try:
        with open(path, encoding="ascii") as lines:
            for line in lines:
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text(encoding="ascii"))
    except (OSError, ValueError):  # absent, or "max"
        return None
