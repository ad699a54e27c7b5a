"""Blocks kept in memory while they fit, on disk from then on.

The budget is half of what the process may still allocate: the least of the address-space limit, the
control group's limit and the machine's available memory. Spilled blocks are raw arrays behind a short
header, read back with plain reads: a memory map would count against an address-space limit.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from whyfit.errors import SourceError

_CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)
#: Budget where the system tells nothing (neither /proc nor resource limits).
_UNKNOWN = 1 << 30


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


def memory_left() -> int:
    """Bytes this process may still allocate before some limit stops it."""
    left: list[int] = []
    if (available := _kilobytes("/proc/meminfo", "MemAvailable:")) is not None:
        left.append(available)
    for limit_file, usage_file in _CGROUP_FILES:
        limit, usage = _number(limit_file), _number(usage_file)
        if limit is not None and usage is not None:
            left.append(limit - usage)
    try:
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            left.append(soft - (_kilobytes("/proc/self/status", "VmSize:") or 0))
    except ImportError:  # Windows
        pass
    return max(0, min(left, default=2 * _UNKNOWN))


class BlockStore:
    """An append-only list of blocks, each a sequence of arrays, with a budget of resident bytes."""

    def __init__(self, budget: int | None = None) -> None:
        self.budget = memory_left() // 2 if budget is None else budget
        self.resident = 0
        self.spilled = 0
        self._blocks: list[tuple[np.ndarray, ...] | list[tuple[str, tuple[int, ...]]]] = []
        self._folder: Path | None = None
        self._finalizer: weakref.finalize | None = None

    def __len__(self) -> int:
        return len(self._blocks)

    def append(self, arrays: Sequence[np.ndarray]) -> None:
        size = sum(a.nbytes for a in arrays)
        if self.resident + size <= self.budget:
            self.resident += size
            self._blocks.append(tuple(arrays))
            return
        path = self._path(len(self._blocks))
        try:
            with path.open("wb") as file:
                for a in arrays:
                    file.write(np.ascontiguousarray(a).data)
        except OSError as error:
            raise SourceError(
                f"the table does not fit in memory and {path.parent} cannot take it "
                f"({error.strerror}); free some space or point TMPDIR elsewhere."
            ) from None
        self.spilled += size
        self._blocks.append([(a.dtype.str, a.shape) for a in arrays])

    def __getitem__(self, i: int) -> tuple[np.ndarray, ...]:
        block = self._blocks[i]
        if isinstance(block, tuple):
            return block
        arrays = []
        with self._path(i).open("rb") as file:
            for dtype, shape in block:
                a = np.empty(shape, dtype)
                if file.readinto(memoryview(a).cast("B") if a.size else b"") != a.nbytes:
                    raise SourceError(f"a temporary block of {self._folder} was cut short.")
                arrays.append(a)
        return tuple(arrays)

    def _path(self, i: int) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="whyfit-"))
            self._finalizer = weakref.finalize(
                self, shutil.rmtree, os.fspath(self._folder), ignore_errors=True
            )
        return self._folder / f"{i}.block"

    def close(self) -> None:
        """Forget all blocks and delete the temporary folder."""
        self._blocks, self.resident, self.spilled = [], 0, 0
        if self._finalizer is not None:
            self._finalizer()
        self._folder = None
