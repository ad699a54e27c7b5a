"""Blocks kept in memory while they fit, on disk from then on.

The budget is half of what the process may still allocate beyond RESERVE: the least of the address-space limit, the
control group's limit and the machine's available memory. Spilled blocks are raw arrays behind a short
header, read back with plain reads: a memory map would count against an address-space limit.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whyfit.data.bags import Ragged
from whyfit.data.limits import memory_left
from whyfit.errors import SourceError

#: Left to everything else before blocks get their half: parser, BLAS, the fit itself.
RESERVE = 128 << 20

_Header = tuple[str, tuple[int, ...]]  # dtype and shape of an array


class BlockStore:
    """An append-only list of blocks, each a sequence of arrays, with a budget of resident bytes.

    One of them may be Ragged, which is stored as the arrays it consists of.
    """

    def __init__(self, budget: int | None = None) -> None:
        self.budget = max(0, memory_left() - RESERVE) // 2 if budget is None else budget
        self.resident = 0
        self.spilled = 0
        self._blocks: list[tuple[np.ndarray | Ragged, ...] | list[list[_Header]]] = []
        self._folder: Path | None = None
        self._finalizer: weakref.finalize | None = None

    def __len__(self) -> int:
        return len(self._blocks)

    def append(self, arrays: Sequence[np.ndarray | Ragged]) -> None:
        parts = [a.arrays if isinstance(a, Ragged) else (a,) for a in arrays]
        size = sum(a.nbytes for part in parts for a in part)
        if self.resident + size <= self.budget:
            self.resident += size
            self._blocks.append(tuple(arrays))
            return
        path = self._path(len(self._blocks))
        try:
            with path.open("wb") as file:
                for part in parts:
                    for a in part:
                        np.ascontiguousarray(a).tofile(file)
        except OSError as error:
            raise SourceError(
                f"the table does not fit in memory and {path.parent} cannot take it "
                f"({error.strerror}); free some space or point TMPDIR elsewhere."
            ) from None
        self.spilled += size
        self._blocks.append([[(a.dtype.str, a.shape) for a in part] for part in parts])

    def __getitem__(self, i: int) -> tuple[Any, ...]:
        block = self._blocks[i]
        if isinstance(block, tuple):
            return block
        with self._path(i).open("rb") as file:
            parts = [[self._array(file, header) for header in part] for part in block]
        return tuple(p[0] if len(p) == 1 else Ragged.of_arrays(p) for p in parts)

    def _array(self, file: Any, header: _Header) -> np.ndarray:
        dtype, shape = header
        a = np.fromfile(file, dtype, math.prod(shape))
        if a.size != math.prod(shape):
            raise SourceError(f"a temporary block in {self._folder} was cut short.")
        return a.reshape(shape)

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
