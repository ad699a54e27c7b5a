"""Tables from .npy and .npz files and from folders of images.

Every array of an archive that has as many entries as the target gives columns: an array of one value per row is
a column of its own name, a matrix (n, p) gives x1 … xp and images (n, h, w[, c]) their pixels. Whole numbers
0 … C − 1 beside images are names of classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from whyfit.data import images
from whyfit.data.numpy_files import read_arrays
from whyfit.data.target import MOST_CLASSES
from whyfit.data.typed_source import ROWS, TypedSource, array_column
from whyfit.errors import ShapeError, SourceError, TargetError


def archive_source(path: Path, target: str, size: images.Size | None = None) -> TypedSource:
    """The table in an .npy or .npz file; `target` may name one of its arrays."""
    arrays = {name: a for name, a in read_arrays(path).items() if a.ndim}
    for name, a in arrays.items():
        if a.dtype.kind not in "fiubUSMm":
            raise SourceError(
                f"'{name}' in {path.name} holds values of type {a.dtype}; expected numbers or text."
            )
    if not arrays:
        raise SourceError(f"{path.name} holds single numbers only; expected arrays of n rows.")
    main = arrays[target] if target in arrays else max(arrays.values(), key=lambda a: a.size)
    n = len(main)
    used = {name: a for name, a in arrays.items() if len(a) == n}
    wide = [name for name, a in used.items() if a.ndim > 1 and name != target]
    if target in used and used[target].ndim > 1 and used[target].size == n:
        used[target] = used[target].reshape(n)
    if target in used and used[target].ndim > 1:
        raise TargetError(
            f"the target '{target}' in {path.name} has shape {used[target].shape}; expected one value a row."
        )
    pictured = any(used[name].ndim > 2 for name in wide)
    header: list[str] = []
    columns: list[pl.Series] = []
    for name, a in used.items():
        if name in wide:
            before = f"{name} " if len(wide) > 1 else ""
            made, names = _matrix(a, size)
            header.extend(before + each for each in names)
            columns.extend(made)
        else:
            header.append(name)
            columns.append(_labels(a, name) if pictured else array_column(_text(a), name)[0])
    left_out = [name for name in arrays if name not in used]
    details: dict[str, object] = {"arrays": len(used)}
    if left_out:
        details["arrays left out"] = ", ".join(left_out)
    return _source(path, columns, header, details)


def folder_source(path: Path, target: str, size: images.Size | None = None) -> TypedSource:
    """The images of a folder; the subfolder each is in is the column `target`, if there are subfolders."""
    found = images.image_files(path)
    pixels, names = images.flat(images.read_images([file for file, _ in found], size))
    columns, header = _columns(pixels), list(names)
    if any(of for _, of in found):
        columns.append(pl.Series(target, [of or None for _, of in found], pl.String))
        header.append(target)
    return _source(path, columns, header, {"images": len(found)})


def _matrix(a: np.ndarray, size: images.Size | None) -> tuple[list[pl.Series], tuple[str, ...]]:
    if a.ndim == 2:
        return _columns(a), tuple(f"x{j + 1}" for j in range(a.shape[1]))
    if a.dtype.kind not in "fiub":
        raise ShapeError(f"an array of shape {a.shape} holds text; expected one text a row.")
    pixels, names = images.flat(images.resized(a, size) if a.ndim in (3, 4) else a)
    return _columns(pixels), names


def _columns(a: np.ndarray) -> list[pl.Series]:
    turned = np.ascontiguousarray(_text(a).T)  # so that no column is copied again
    return [array_column(turned[j], str(j))[0] for j in range(len(turned))]


def _text(a: np.ndarray) -> np.ndarray:
    """Bytes as text."""
    return np.char.decode(a, "utf-8", "replace") if a.dtype.kind == "S" else a


def _labels(a: np.ndarray, name: str) -> pl.Series:
    """What is written beside images: numbers of classes as their names, anything else as it is."""
    if a.dtype.kind in "iu" and a.size:
        values = np.unique(a)
        if values.size <= MOST_CLASSES and np.array_equal(values, np.arange(values.size)):
            return pl.Series(name, [str(v) for v in a.tolist()], pl.String)
    return array_column(_text(a), name)[0]


def _source(
    path: Path, columns: list[pl.Series], header: list[str], details: dict[str, object]
) -> TypedSource:
    height = len(columns[0]) if columns else 0

    def sliced() -> Iterator[pl.DataFrame]:
        for start in range(0, max(height, 1), ROWS):
            yield pl.DataFrame([c.slice(start, ROWS).alias(str(i)) for i, c in enumerate(columns)])

    format = "images" if path.is_dir() else path.suffix.lstrip(".").lower() or "npz"
    size = None if path.is_dir() else path.stat().st_size
    return TypedSource(
        path.name, format, header, sliced, height=height, bytes=size, details=details
    )
