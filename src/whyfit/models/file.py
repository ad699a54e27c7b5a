"""`.whyfit` files: a model as data. A JSON header and raw arrays; nothing in it is ever executed.

    offset  bytes  content
    0       8      89 57 48 59 46 49 54 0A  "\\x89WHYFIT\\n"
    8       4      format version                little-endian, as all numbers of the file
    12      4      length h of the header
    16      8      length a of the arrays
    24      32     SHA-256 of everything else: bytes 0–23, header, arrays
    56      h      header: JSON of `Header`
    56+h    a      the arrays in the order of the header, C order, without gaps

Reading checks magic, version, lengths against the size of the file, checksum, fields, dtypes and shapes
against the lengths, in this order, and allocates no more than the file's own size before they fit.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from whyfit import __version__
from whyfit.errors import InputError, ModelFileError
from whyfit.report.files import write_whole

if TYPE_CHECKING:
    from whyfit.models.table_model import TableModel

MAGIC = b"\x89WHYFIT\n"
VERSION = 1
SUFFIX = ".whyfit"
#: A header names levels of categories: 50 levels, and 10,000 merged ones, of a hundred columns fit.
MOST_HEADER = 1 << 26
_PRELUDE = struct.Struct("<8sIIQ")
_DIGEST = hashlib.sha256().digest_size
_START = _PRELUDE.size + _DIGEST
DTYPES = {"<f8": 8, "<i8": 8}


class ArrayHeader(msgspec.Struct, forbid_unknown_fields=True):
    """One array: its name, dtype (of DTYPES) and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """whyfit: version that wrote the file; model: which class; fields: its plain values."""

    whyfit: str
    model: str
    fields: dict[str, Any]
    arrays: tuple[ArrayHeader, ...]


def encode(model: str, fields: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """The bytes of a file."""
    listed, parts = [], []
    for name, array in arrays.items():
        dtype = "<i8" if np.issubdtype(array.dtype, np.integer) else "<f8"
        listed.append(ArrayHeader(name, dtype, array.shape))
        parts.append(np.asarray(array, dtype=dtype, order="C").tobytes())
    header = msgspec.json.encode(Header(__version__, model, fields, tuple(listed)))
    payload = b"".join(parts)
    prelude = _PRELUDE.pack(MAGIC, VERSION, len(header), len(payload))
    digest = hashlib.sha256(prelude + header + payload).digest()
    return b"".join((prelude, digest, header, payload))


def decode(data: bytes, name: str) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and arrays of the bytes `encode` made; ModelFileError, naming `name`, for any other."""
    header_size, payload_size = _lengths(data[:_START], len(data), name)
    if (
        hashlib.sha256(data[: _PRELUDE.size] + data[_START:]).digest()
        != (data[_PRELUDE.size : _START])
    ):
        raise ModelFileError(f"{name} is damaged: its checksum does not fit; get a fresh copy.")
    header = _header(data[_START : _START + header_size], name)
    wanted = 0
    for array in header.arrays:
        if array.dtype not in DTYPES or min(array.shape, default=0) < 0 or len(array.shape) > 2:
            raise ModelFileError(
                f"{name} holds an array '{array.name}' of type '{array.dtype}' and shape "
                f"{array.shape}; expected float64 or int64 in at most two dimensions."
            )
        wanted += DTYPES[array.dtype] * math.prod(array.shape)
    if wanted != payload_size or len({a.name for a in header.arrays}) != len(header.arrays):
        raise ModelFileError(
            f"{name} holds {payload_size:,} bytes of arrays where its header lists {wanted:,}; "
            "it is no model file of whyfit."
        )
    arrays, at = {}, _START + header_size
    for array in header.arrays:
        count = math.prod(array.shape)
        raw = np.frombuffer(data, array.dtype, count, at)
        arrays[array.name] = raw.astype(raw.dtype.newbyteorder("=")).reshape(array.shape)
        at += DTYPES[array.dtype] * count
    return header, arrays


def _lengths(start: bytes, size: int, name: str) -> tuple[int, int]:
    """Lengths of header and arrays, once they fit the size of the file."""
    if not start.startswith(MAGIC[: len(start)] or MAGIC):
        raise ModelFileError(f"{name} is no whyfit model; expected a file written by `--save`.")
    if len(start) < _START:
        raise ModelFileError(f"{name} is cut short after {size} bytes; get a fresh copy.")
    _, version, header_size, payload_size = _PRELUDE.unpack_from(start)
    if version != VERSION:
        raise ModelFileError(
            f"{name} has format version {version}; this whyfit {__version__} reads version "
            f"{VERSION}. Save the model again, or update whyfit."
        )
    if header_size > MOST_HEADER:
        raise ModelFileError(
            f"{name} announces a header of {header_size:,} bytes; at most {MOST_HEADER:,} are read."
        )
    if size != _START + header_size + payload_size:
        raise ModelFileError(
            f"{name} has {size:,} bytes where {_START + header_size + payload_size:,} were "
            "written; it was cut short or added to. Get a fresh copy."
        )
    return header_size, payload_size


def _header(raw: bytes, name: str) -> Header:
    try:
        return msgspec.json.decode(raw, type=Header)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{name} has a header that cannot be read: {error}.") from None


def read(path: str | os.PathLike[str]) -> tuple[Header, dict[str, np.ndarray]]:
    """Header and arrays of a file.

    Raises ModelFileError if there is no such file, it cannot be read, or it is no model file.
    """
    path = Path(path)
    name = path.name
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ModelFileError(f"'{path}' is no regular file; expected a {SUFFIX} file.")
            start = file.read(_START)
            _lengths(start, status.st_size, name)
            data = start + file.read(status.st_size - len(start))
    except FileNotFoundError:
        raise ModelFileError(
            f"there is no file '{path}'; `whyfit fit … --save NAME{SUFFIX}` writes one."
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise ModelFileError(f"cannot read '{path}': {reason}.") from None
    return decode(data, name)


def save_model(model: TableModel, path: str | os.PathLike[str]) -> None:
    """Write `model` to `path`, whole or not at all.

    Raises
    ------
    ModelFileError : `model` is no TableModel. InputError : the file cannot be written.
    """
    from whyfit.models import parts
    from whyfit.models.table_model import TableModel

    if not isinstance(model, TableModel):
        raise ModelFileError(
            f"a {type(model).__name__} cannot be saved; expected the model of whyfit.fit(...)."
        )
    write_whole(path, encode(TableModel.__name__, *parts.to_parts(model)))


def load_model(path: str | os.PathLike[str]) -> TableModel:
    """The model that `save_model` wrote; its predictions are bitwise the same.

    Raises
    ------
    ModelFileError : the file is missing, damaged, of another version, or no model file.
    """
    from whyfit.models import parts  # which imports TableModel, which offers load_model itself
    from whyfit.models.table_model import TableModel

    header, arrays = read(path)
    name = Path(path).name
    if header.model != TableModel.__name__:
        raise ModelFileError(
            f"{name} holds a '{header.model}'; this whyfit {__version__} knows "
            f"'{TableModel.__name__}'. Update whyfit."
        )
    return parts.from_parts(header.fields, arrays, name)
