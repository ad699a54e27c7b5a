"""Arrays in .npy and .npz files, looked at before they are loaded.

The header says shape and type. What it promises is held against the bytes that are there and the memory that is left,
so that a cut or lying file is refused before anything is allocated. Python objects are never loaded.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from whyfit.data.limits import memory_left
from whyfit.errors import SourceError

NPY, ZIP = b"\x93NUMPY", b"PK\x03\x04"
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def is_npz(path: Path) -> bool:
    """Whether the file is an archive of arrays and not any other zip archive."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return bool(names) and all(n.endswith(".npy") for n in names)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, or the one of an .npy file, named after the file.

    Raises SourceError if the file is cut, holds Python objects or is more than fits in memory.
    """
    arrays: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as file:
            start = file.read(len(NPY))
            if start == NPY:
                file.seek(0)
                return {path.stem: _array(file, path.stat().st_size, path.name, path.name)}
        if not start.startswith(ZIP):
            raise _damaged(path.name, ValueError("it begins like neither .npy nor .npz"))
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                with archive.open(entry) as member:
                    arrays[name] = _array(
                        member, entry.file_size, path.name, f"'{name}' in {path.name}"
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _damaged(path.name, error) from None
    except OSError as error:
        raise SourceError(f"cannot read '{path}': {(error.strerror or '').lower()}.") from None
    if not arrays:
        raise SourceError(f"{path.name} holds no array.")
    return arrays


def _array(file: IO[bytes], size: int, name: str, what: str) -> np.ndarray:
    try:
        version = np.lib.format.read_magic(file)  # type: ignore[arg-type]
        shape, _, dtype = _READERS[version](file)  # type: ignore[operator]
    except (ValueError, KeyError, TypeError, SyntaxError, UnicodeError, RecursionError) as error:
        raise _damaged(name, error) from None
    if dtype.hasobject:
        raise SourceError(
            f"{what} holds Python objects, which are not loaded; save numbers or text."
        )
    wanted, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if wanted > there:
        raise SourceError(
            f"{what} is cut short: its header promises {wanted:,} bytes and {there:,} are there; "
            "get a fresh copy."
        )
    if wanted > memory_left():
        raise SourceError(
            f"{what} needs {wanted >> 20:,} MB and {memory_left() >> 20:,} MB are left; "
            "load a part of it in Python and pass that."
        )
    file.seek(0)
    try:
        return np.lib.format.read_array(file, allow_pickle=False)
    except ValueError as error:
        raise _damaged(name, error) from None


def _damaged(name: str, error: Exception) -> SourceError:
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return SourceError(f"{name} is a truncated or damaged NumPy file ({reason}); get a fresh copy.")
