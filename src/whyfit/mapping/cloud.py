"""Cloud: vectors, what they are called and how they are coloured, from whatever the user hands over."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.data.images import image_files, pixel_names, read_images, size_of
from whyfit.data.numpy_files import read_arrays
from whyfit.data.vectors import read_word_vectors
from whyfit.diagnosis.cloud import Kind, Vectors
from whyfit.diagnosis.words import plural
from whyfit.errors import NotFiniteError, SchemaError, ShapeError, SourceError
from whyfit.mapping.choices import MapSpec

#: Fewer points make no picture.
FEWEST_POINTS = 3
#: Squares of larger numbers overflow once they are added up; those of numbers all below 1 / LARGEST vanish.
LARGEST = 1e140
_VECTOR_FILES = (".npy", ".npz")
_WORD_FILES = (".txt", ".vec", ".glove", ".w2v")
_SPARSE = {"data", "indices", "indptr", "shape", "format"}


@dataclass(frozen=True)
class Colour:
    """What points are coloured by: words, or numbers (NaN where unknown)."""

    name: str
    words: tuple[str, ...] = ()
    numbers: Float[np.ndarray, " n"] | None = None

    @classmethod
    def of(cls, name: str, values: Any) -> Colour:
        """Numbers with more than a few values stay numbers; everything else is words."""
        a = np.asarray(values)
        if a.dtype.kind in "fiu" and np.unique(a).size > MOST_WORDS:
            return cls(name, numbers=a.astype(np.float64))
        if a.dtype.kind == "f" and np.all((a == np.floor(a)) | np.isnan(a)):
            return cls(name, tuple("" if v != v else f"{v:.0f}" for v in a.tolist()))
        return cls(name, tuple("" if v is None or v != v else str(v) for v in a.tolist()))


#: Colours a reader can still tell apart.
MOST_WORDS = 10


@dataclass(frozen=True)
class Cloud:
    """n vectors of p coordinates.

    Attributes
    ----------
    named : whether the labels were given; otherwise they say "row 17", counted from 1.
    standardised : whether the columns were given unit variance.
    left_out : reason -> columns that are no coordinates.
    size : of the file in bytes.
    """

    name: str
    format: str
    kind: Kind
    X: Vectors
    labels: tuple[str, ...]
    named: bool
    axes: tuple[str, ...]
    colour: Colour | None = None
    standardised: bool = False
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    size: int | None = None
    texts: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return self.X.shape[0]

    @property
    def p(self) -> int:
        return self.X.shape[1]


def read_cloud(source: Any, spec: MapSpec) -> Cloud:
    """The cloud in `source`.

    Parameters
    ----------
    source : path of an .npy or .npz file, of a text file of word vectors, of a folder of pictures, or of a table
        (CSV, TSV, Parquet, Arrow, NDJSON); an (n, p) array, images (n, h, w[, c]), or a data frame.

    Raises
    ------
    SourceError, SchemaError, ShapeError, NotFiniteError : what is wrong with the source, in one line.
    """
    if isinstance(source, str | os.PathLike):
        cloud = _of_path(Path(source), spec)
    elif isinstance(source, np.ndarray) or (isinstance(source, list) and source):
        cloud = of_arrays({"array": np.asarray(source)}, "array", "arrays", spec)
    else:
        cloud = _of_table(source, spec)
    return _checked(_named(cloud))


def _named(cloud: Cloud) -> Cloud:
    """Points with an empty label are called by their rows."""
    if all(label.strip() for label in cloud.labels):
        return cloud
    labels = zip(cloud.labels, row_names(cloud.n), strict=True)
    return dataclasses.replace(cloud, labels=tuple(a if a.strip() else b for a, b in labels))


def _of_path(path: Path, spec: MapSpec) -> Cloud:
    suffix = path.suffix.lower()
    if path.is_dir():
        return _of_folder(path, spec)
    if path.is_file() and suffix in _VECTOR_FILES:
        size = path.stat().st_size
        return of_arrays(read_arrays(path), path.name, suffix[1:], spec, size)
    words = path.name.lower().removesuffix(".gz").endswith(_WORD_FILES)
    if path.is_file() and words and spec.text is None:
        found = read_word_vectors(path)
        if found is not None:
            _no_columns(path.name, spec)
            labels, X = found
            named = _given_labels(spec, len(X)) or tuple(labels)
            return Cloud(path.name, "word vectors", "vectors", X, named, True, _axes(X.shape[1]),
                         size=path.stat().st_size)  # fmt: skip
    return _of_table(path, spec)


def _no_columns(name: str, spec: MapSpec) -> None:
    """SchemaError if a column is asked for of a source that has none."""
    for option, column in (("label", spec.label), ("colour", spec.colour)):
        if column is not None:
            raise SchemaError(f"{name} has no columns, so no '{column}'; leave --{option} out.")


def _of_folder(path: Path, spec: MapSpec) -> Cloud:
    """A folder of pictures: called by their file names, coloured by the subfolders they are in."""
    _no_columns(path.name, spec)
    files = image_files(path)
    images = read_images(
        [f for f, _ in files], size_of(spec.image_size) if spec.image_size else None
    )
    X = np.ascontiguousarray(images.reshape(len(images), -1), dtype=np.float64)
    labels = _given_labels(spec, len(X)) or tuple(f.stem for f, _ in files)
    classes = tuple(c for _, c in files)
    colour = Colour("folder", classes) if any(classes) else None
    return Cloud(
        path.name, "images", "images", X, labels, True, pixel_names(images.shape[1:]), colour
    )


def _of_table(source: Any, spec: MapSpec) -> Cloud:
    from whyfit.mapping import tables  # polars: only for a table

    read = tables.numbers if spec.text is None else tables.documents
    cloud = read(source, spec)
    given = _given_labels(spec, cloud.n)
    if given is None:
        return cloud
    return dataclasses.replace(cloud, labels=given, named=True)


def of_arrays(
    arrays: dict[str, np.ndarray], name: str, format: str, spec: MapSpec, size: int | None = None
) -> Cloud:
    """The cloud in one array, or in the largest of several; arrays of one value per point label and colour it."""
    if spec.text is not None:
        raise SchemaError(f"{name} holds arrays and no text columns; leave --text out.")
    if arrays.keys() >= _SPARSE:
        return _of_sparse(arrays, name, spec, size)
    numeric = {k: a for k, a in arrays.items() if a.ndim >= 2 and a.dtype.kind in "fiub"}
    if not numeric:
        shapes = ", ".join(f"{k} {a.shape}" for k, a in arrays.items())
        raise ShapeError(f"{name} holds {shapes}; expected an array (n, p) of numbers, or images.")
    chosen = max(numeric, key=lambda k: numeric[k].size)
    A = numeric[chosen]
    n = A.shape[0]
    images = A.ndim >= 3
    X = np.ascontiguousarray(A.reshape(n, math.prod(A.shape[1:])), dtype=np.float64)
    beside = {k: a for k, a in arrays.items() if k != chosen and a.shape == (n,)}
    labels = _given_labels(spec, n)
    if spec.label is not None:
        labels = tuple(map(str, _pick(beside, spec.label, name).tolist()))
    colour = None
    if spec.colour is not None:
        colour = Colour.of(spec.colour, _pick(beside, spec.colour, name))
    elif len(beside) == 1 and spec.label is None:
        (key, values), *_ = beside.items()
        colour = Colour.of(key, values)
    axes = pixel_names(A.shape[1:]) if images else _axes(X.shape[1])
    return Cloud(
        name, format, "images" if images else "vectors", X, labels or row_names(n),
        labels is not None, axes, colour, size=size,
    )  # fmt: skip


def _of_sparse(arrays: dict[str, np.ndarray], name: str, spec: MapSpec, size: int | None) -> Cloud:
    """The parts of a sparse matrix, as scipy.sparse.save_npz writes them."""
    _no_columns(name, spec)
    from scipy.sparse import csr_array

    parts = tuple(arrays[k] for k in ("data", "indices", "indptr"))
    form = arrays["format"].item()
    try:
        X: Any = csr_array(parts, shape=tuple(arrays["shape"].tolist()))
        X.check_format()
    except (ValueError, TypeError, IndexError):
        X = None
    if X is None or form not in (b"csr", "csr"):
        raise SourceError(f"{name} is no sparse matrix by rows; save it with .tocsr() first.")
    X = X.astype(np.float64)
    labels = _given_labels(spec, X.shape[0])
    return Cloud(
        name, "sparse npz", "vectors", X, labels or row_names(X.shape[0]), labels is not None,
        _axes(X.shape[1]), size=size,
    )  # fmt: skip


def _pick(beside: dict[str, np.ndarray], wanted: str, name: str) -> np.ndarray:
    if wanted not in beside:
        there = f"; one value per point have: {', '.join(beside)}" if beside else ""
        raise SchemaError(f"{name} has no array '{wanted}' with one value per point{there}.")
    return beside[wanted]


def _axes(p: int) -> tuple[str, ...]:
    return tuple(f"x{j + 1}" for j in range(p))


def row_names(n: int) -> tuple[str, ...]:
    return tuple(f"row {i + 1}" for i in range(n))


def _given_labels(spec: MapSpec, n: int) -> tuple[str, ...] | None:
    """Labels given as a file or a list; None if there are none. ShapeError unless there are n."""
    if spec.labels is None:
        return None
    if isinstance(spec.labels, Path):
        found: Sequence[str] = _lines(spec.labels)
        where = spec.labels.name
    else:
        found, where = spec.labels, "labels"
    if len(found) != n:
        raise ShapeError(f"{where} has {len(found):,} labels for {n:,} points; expected as many.")
    return tuple(found)


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = []
        if path.parent.is_dir():
            near = difflib.get_close_matches(path.name, os.listdir(path.parent), 1, 0.6)
        hint = f"did you mean '{near[0]}'?" if near else "check the path."
        raise SourceError(f"there is no file '{path}'; {hint}") from None
    except UnicodeDecodeError:
        raise SourceError(f"{path.name} is not UTF-8 text; expected one label per line.") from None
    except OSError as error:
        raise SourceError(f"cannot read '{path}': {(error.strerror or '').lower()}.") from None
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.rstrip("\r") for line in lines]


def _checked(cloud: Cloud) -> Cloud:
    if cloud.n < FEWEST_POINTS:
        raise ShapeError(
            f"{cloud.name} has {plural(cloud.n, 'point')}; expected at least {FEWEST_POINTS} to make a map."
        )
    if cloud.p < 1:
        raise SchemaError(f"{cloud.name} has no numeric column; name one, or a --text column.")
    sparse = not isinstance(cloud.X, np.ndarray)
    numbers = cloud.X.data if sparse else cloud.X
    if not np.isfinite(numbers).all():
        where = ""
        if not sparse:
            finite = np.isfinite(cloud.X).all(axis=1)
            bad = int(np.flatnonzero(~finite)[0])
            many = plural(int(np.count_nonzero(~finite)), "vector")
            where = f" in {many}, first in {cloud.labels[bad]}"
        raise NotFiniteError(f"{cloud.name} holds NaN or infinity{where}; leave them out.")
    largest = float(np.abs(numbers).max(initial=0.0))
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        raise NotFiniteError(
            f"the largest number in {cloud.name} is {largest:.3g}, whose square leaves double precision; rescale "
            "the vectors."
        )
    return cloud
