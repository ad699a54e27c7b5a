"""The reader for whatever the user hands over: a path, a data frame or arrays."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import numpy as np

from whyfit.data.array_files import archive_source, folder_source
from whyfit.data.images import Size
from whyfit.data.numpy_files import NPY, ZIP, is_npz
from whyfit.data.sniff import compression_of, format_of
from whyfit.data.stream import TextStream
from whyfit.data.text_source import TextSource
from whyfit.data.typed_source import (
    TypedSource,
    array_source,
    arrays_source,
    columnar_file,
    frame_source,
    is_frame,
    ndjson_file,
)
from whyfit.errors import SchemaError, SourceError

_HEAD = 1 << 20

Source = TextSource | TypedSource


def is_pair(source: Any) -> bool:
    return isinstance(source, (tuple, list)) and len(source) == 2 and not isinstance(source[0], str)


def open_source(source: Any, target: str = "y", image_size: Size | None = None) -> Source:
    """The reader for whatever `source` is; images are brought to `image_size`, if it is given."""
    if isinstance(source, (str, os.PathLike)):
        return _open_path(Path(source), target, image_size)
    if is_pair(source):
        return arrays_source(source[0], source[1], target)
    if type(source).__name__ == "Series":
        raise SourceError("a Series is one column; expected a data frame or arrays (X, y).")
    if is_frame(source):
        return frame_source(source)
    raise SourceError(
        f"a {type(source).__name__} is no table; expected a path, a data frame or arrays (X, y)."
    )


def open_new(source: Any, image_size: Size | None = None) -> Source:
    """The reader for new data: as for training, or an (n, p) array alone."""
    nested = isinstance(source, (list, tuple)) and source and isinstance(source[0], (list, tuple))
    if isinstance(source, np.ndarray) or nested:
        return array_source(source)
    return open_source(source, image_size=image_size)


def _open_path(path: Path, target: str, image_size: Size | None) -> Source:
    if not path.exists():
        near = []
        if path.parent.is_dir():
            near = difflib.get_close_matches(
                path.name, [p.name for p in path.parent.iterdir()], n=1, cutoff=0.6
            )
        hint = f"did you mean '{near[0]}'?" if near else "check the path."
        raise SourceError(f"there is no file '{path}'; {hint}")
    if path.is_dir():
        return folder_source(path, target, image_size)
    try:
        with TextStream(path) as stream:
            head = stream._read(_HEAD)
            whole = len(head) < _HEAD and not stream._read(1)
    except PermissionError:
        raise SourceError(
            f"'{path}' may not be read by this user; check its permissions."
        ) from None
    if not head.strip():
        raise SourceError(f"{path.name} is empty; expected a header line and rows of data.")
    if head.startswith(NPY) or (head.startswith(ZIP) and _names_arrays(path)):
        return archive_source(path, target, image_size)
    format = format_of(head, path.name)
    if format in ("parquet", "feather"):
        with path.open("rb") as file:
            compression = compression_of(file.read(8))
        if compression:
            raise SourceError(f"{path.name} is {compression} around {format}; decompress it first.")
        return columnar_file(path, format)
    if format == "ndjson":
        return ndjson_file(path)
    return TextSource(path, head, whole)


def _names_arrays(path: Path) -> bool:
    """A zip archive that is, or says it is, one of arrays: a cut one can no longer tell."""
    return path.suffix.lower() == ".npz" or is_npz(path)


def unique_names(header: list[str], target: str, source: str) -> tuple[list[str], list[str]]:
    """Names made present and different, with the reason for each change."""
    if header.count(target) > 1:
        raise SchemaError(
            f"{source} has {header.count(target)} columns named '{target}', the target."
        )
    taken, names, reasons = set(header), [], []
    seen: dict[str, int] = {}
    for i, name in enumerate(header):
        reason = ""
        if not name.strip():
            name, reason = f"column {i + 1}", "its name was empty"
            while name in taken:
                name += "'"
            taken.add(name)
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            copy = seen[name]
            while f"{name} ({copy})" in taken:
                copy += 1
            reason = f"the name '{name}' occurred before"
            name = f"{name} ({copy})"
            taken.add(name)
        names.append(name)
        reasons.append(reason)
    return names, reasons
