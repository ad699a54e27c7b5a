"""Sources whose columns have types already: Parquet, Arrow, NDJSON, data frames and arrays.

Each gives names and batches of polars columns, like `text_source`; a string column is taken as
strings unless it came from mixed Python objects or JSON, where it may hold numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from whyfit.data.images import flat
from whyfit.data.limits import address_limit, memory_left
from whyfit.data.plan import Plan, plan_typed
from whyfit.data.stream import Chunk, TextStream, chunks, line_at
from whyfit.errors import SchemaError, ShapeError, SourceError

ROWS = 65_536
_JSON_CHUNK = 4 << 20
#: Room a large columnar file takes in addresses under a limit: threads' stacks and prefetched pages, measured.
_ROOM = 700 << 20
_SMALL = 16 << 20
_NAMES = {"parquet": "Parquet", "feather": "Arrow"}

Progress = Callable[[float], None]


class TypedSource:
    """Common to all typed sources: `make` gives frames, anew for every call."""

    def __init__(
        self,
        name: str,
        format: str,
        header: list[str],
        make: Callable[[], Iterator[pl.DataFrame]],
        *,
        height: int | None = None,
        loose: frozenset[int] = frozenset(),
        bytes: int | None = None,
        details: dict[str, object] | None = None,
    ) -> None:
        self.name, self.format, self.header = name, format, header
        self._make, self._height, self._loose, self._bytes = make, height, loose, bytes
        self.details: dict[str, object] = details or {}

    def size(self) -> int | None:
        return self._bytes

    def sample(self) -> list[pl.Series]:
        for frame in self._make():
            if frame.height:
                return frame.head(10_000).get_columns()
        return [pl.Series(str(i), [], pl.Null) for i in range(len(self.header))]

    def plans(self, sample: list[pl.Series], tokens: tuple[str, ...]) -> list[Plan]:
        return [plan_typed(c, tokens, loose=i in self._loose) for i, c in enumerate(sample)]

    def batches(self, plans: list[Plan], progress: Progress | None) -> Iterator[list[pl.Series]]:
        del plans
        rows = 0
        for frame in self._make():
            yield frame.get_columns()
            rows += frame.height
            if progress is not None and self._height:
                progress(min(1.0, rows / self._height))


def columnar_file(path: Path, format: str) -> TypedSource:
    """A Parquet file, or an Arrow IPC file or stream."""
    name = path.name
    _check_room(path, format)
    try:
        if format == "parquet":
            lazy = pl.scan_parquet(path, glob=False)
        elif _starts_with(path, b"ARROW1"):
            lazy = pl.scan_ipc(path, glob=False)
        else:
            lazy = pl.read_ipc_stream(path).lazy()
        header = lazy.collect_schema().names()
        height = int(lazy.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(name, format, error) from None

    def make() -> Iterator[pl.DataFrame]:
        try:
            yield from lazy.collect_batches(chunk_size=ROWS, maintain_order=True)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _damaged(name, format, error) from None

    return TypedSource(name, format, header, make, height=height, bytes=path.stat().st_size)


def _check_room(path: Path, format: str) -> None:
    """SourceError if an address-space limit leaves too little for polars' threads and buffers."""
    limit = address_limit()
    if limit is None or path.stat().st_size < _SMALL or memory_left() >= _ROOM:
        return
    enough = limit - memory_left() + _ROOM
    raise SourceError(
        f"the limit of {limit >> 20:,} MB of addresses is too little for the {_NAMES[format]} file "
        f"{path.name}; try `ulimit -v {enough >> 10}`, or write the table as CSV."
    )


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _damaged(name: str, format: str, error: Exception) -> SourceError:
    what = _NAMES[format]
    reason = re.sub(r"\s+", " ", str(error)).strip()[:120]
    return SourceError(
        f"{name} is a truncated or damaged {what} file ({reason}); get a fresh copy."
    )


def ndjson_file(path: Path) -> TypedSource:
    """One JSON object per line; a value's type may change from line to line."""
    header: dict[str, None] = {}
    loose_columns: set[str] = set()
    name = path.name

    def frames() -> Iterator[pl.DataFrame]:
        with TextStream(path, "utf-8") as stream:
            for chunk in chunks(stream, ",", "\0", _JSON_CHUNK):  # "\0": no quotes here
                data = b"\n".join(line for line in chunk.data.splitlines() if line.strip())
                if data:
                    yield _json_frame(data, path, chunk)

    height = 0
    for frame in frames():
        height += frame.height
        header.update(dict.fromkeys(frame.columns))
        loose_columns.update(c for c in frame.columns if frame[c].dtype == pl.String)
    order = list(header)

    def make() -> Iterator[pl.DataFrame]:
        for frame in frames():
            columns = []
            for i, c in enumerate(order):
                column = frame[c] if c in frame.columns else pl.Series(c, [None] * frame.height)
                if c in loose_columns and column.dtype != pl.String:
                    column = column.cast(pl.String, strict=False)
                columns.append(column.alias(str(i)))
            yield pl.DataFrame(columns)

    loose = frozenset(i for i, c in enumerate(order) if c in loose_columns)
    return TypedSource(
        name, "ndjson", order, make, height=height, loose=loose, bytes=path.stat().st_size
    )


def _json_frame(data: bytes, path: Path, chunk: Chunk) -> pl.DataFrame:
    try:
        return pl.read_ndjson(data, infer_schema_length=None)
    except (pl.exceptions.PolarsError, OverflowError, ValueError):
        pass
    import json

    rows = []
    for i, text in enumerate(chunk.data.splitlines()):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise SourceError(
                f"{path.name}: {_where(path, chunk.start, i)} is not JSON ({error})."
            ) from None
        if not isinstance(row, dict):
            raise SourceError(
                f"{path.name}: {_where(path, chunk.start, i)} is no JSON object; expected {{...}}."
            )
        rows.append(
            {k: v if v is None or isinstance(v, str) else json.dumps(v) for k, v in row.items()}
        )
    keys = dict.fromkeys(k for row in rows for k in row)
    return pl.DataFrame([pl.Series(k, [row.get(k) for row in rows], pl.String) for k in keys])


def _where(path: Path, start: int, i: int) -> str:
    with TextStream(path) as stream:
        return f"line {line_at(stream, start) + i}"


def is_frame(source: Any) -> bool:
    """Whether `source` is a data frame: polars, pandas, narwhals or Arrow-capable."""
    if isinstance(source, (pl.DataFrame, pl.LazyFrame)) or hasattr(source, "__arrow_c_stream__"):
        return True
    import narwhals as nw

    try:
        nw.from_native(source)
    except TypeError:
        return False
    return True


def frame_source(source: Any, name: str = "data frame") -> TypedSource:
    """Any data frame. Nothing is imported that the caller has not."""
    if isinstance(source, pl.LazyFrame):
        lazy = source
        header = lazy.collect_schema().names()

        def make() -> Iterator[pl.DataFrame]:
            yield from lazy.collect_batches(chunk_size=ROWS, maintain_order=True)

        return TypedSource(name, "frame", header, make)
    columns, header, loose = _columns_of(source)
    heights = {len(c) for c in columns}
    if len(heights) > 1:
        raise ShapeError(f"the columns of the {name} have different lengths: {sorted(heights)}.")
    return _sliced_source(name, columns, header, loose)


def _columns_of(source: Any) -> tuple[list[pl.Series], list[str], frozenset[int]]:
    if isinstance(source, pl.DataFrame):
        return source.get_columns(), source.columns, frozenset()
    import narwhals as nw

    if type(source).__module__.split(".")[0] == "pandas":
        return _from_pandas(source)
    try:
        frame = nw.from_native(source)
    except TypeError:
        if not hasattr(source, "__arrow_c_stream__"):
            raise
        table = pl.DataFrame(source)
        return table.get_columns(), table.columns, frozenset()
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    native = frame.to_native()
    if hasattr(native, "__arrow_c_stream__"):
        table = pl.DataFrame(native)
        return table.get_columns(), table.columns, frozenset()
    columns = [_from_objects(frame[c].to_list(), c) for c in frame.columns]
    loose = frozenset(i for i, (_, mixed) in enumerate(columns) if mixed)
    return [c for c, _ in columns], list(frame.columns), loose


def _from_pandas(frame: Any) -> tuple[list[pl.Series], list[str], frozenset[int]]:
    """Column by column and by position, so that names may repeat and pyarrow may be absent."""
    columns, header, loose = [], [], set()
    for i, label in enumerate(frame.columns):
        name = " ".join(map(str, label)) if isinstance(label, tuple) else str(label)
        column = frame.iloc[:, i]
        kind = getattr(column.dtype, "kind", "O")
        if kind in "iufb" and isinstance(column.dtype, np.dtype):
            values = pl.Series(name, np.ascontiguousarray(column.to_numpy()))
        elif kind in "Mm":
            unit = "datetime64[us]" if kind == "M" else "timedelta64[us]"
            if getattr(column.dtype, "tz", None) is not None:
                column = column.dt.tz_convert("UTC").dt.tz_localize(None)
            values = pl.Series(name, column.to_numpy().astype(unit))
        else:
            missing = column.isna().to_numpy()
            cells = [None if m else v for v, m in zip(column.tolist(), missing, strict=True)]
            values, mixed = _from_objects(cells, name)
            if mixed:
                loose.add(i)
        columns.append(values)
        header.append(name)
    return columns, header, frozenset(loose)


def _from_objects(cells: list[Any], name: str) -> tuple[pl.Series, bool]:
    """Python objects as a series, and whether they had to be written out as text."""
    kinds = {type(v) for v in cells if v is not None}
    if kinds <= {str}:
        return pl.Series(name, cells, pl.String), False
    if kinds <= {bool, np.bool_}:
        return pl.Series(name, cells, pl.Boolean), False
    try:
        series = pl.Series(name, cells, strict=True)
        if series.dtype != pl.Object:
            return series, False
    except (TypeError, pl.exceptions.PolarsError, OverflowError):
        pass
    texts = [None if v is None or v != v else str(v) for v in cells]
    return pl.Series(name, texts, pl.String), True


def array_source(X: Any) -> TypedSource:
    """An (n, p) array or frame alone, without a target."""
    columns, header, loose = _features(X)
    return _sliced_source("array", columns, header, loose)


def _features(X: Any) -> tuple[list[pl.Series], list[str], frozenset[int]]:
    if is_frame(X) and not isinstance(X, np.ndarray):
        return _columns_of(X.collect() if isinstance(X, pl.LazyFrame) else X)
    if hasattr(X, "toarray"):
        raise ShapeError("X is a sparse matrix; pass X.toarray() if it fits in memory.")
    A = _unmasked(X)
    if A.ndim in (3, 4):  # images
        A, names = flat(A)
    elif A.ndim != 2:
        raise ShapeError(
            f"X has {A.ndim} dimension{'s' * (A.ndim != 1)}; expected (rows, columns), or images "
            "(rows, height, width[, channels])."
        )
    else:
        names = tuple(f"x{j + 1}" for j in range(A.shape[1]))
    made = [array_column(A[:, j], str(j)) for j in range(A.shape[1])]
    loose = frozenset(j for j, (_, mixed) in enumerate(made) if mixed)
    return [c for c, _ in made], list(names), loose


def _sliced_source(
    name: str, columns: list[pl.Series], header: list[str], loose: frozenset[int]
) -> TypedSource:
    height = len(columns[0]) if columns else 0

    def sliced() -> Iterator[pl.DataFrame]:
        for start in range(0, max(height, 1), ROWS):
            yield pl.DataFrame([c.slice(start, ROWS).alias(str(i)) for i, c in enumerate(columns)])

    format = "frame" if name == "data frame" else "arrays"
    return TypedSource(name, format, header, sliced, height=height, loose=loose)


def arrays_source(X: Any, y: Any, target: str) -> TypedSource:
    """(X, y): X an (n, p) array or frame, y of length n."""
    columns, header, loose = _features(X)
    height = len(columns[0]) if columns else 0
    target_column, mixed_y = _target(y, target)
    if len(target_column) != height:
        raise ShapeError(
            f"X has {height:,} rows and y has {len(target_column):,}; expected as many."
        )
    if target in header:
        raise SchemaError(f"X has a column '{target}' already; give the target another name.")
    columns = [*columns, target_column]
    header = [*header, target]
    if mixed_y:
        loose = loose | {len(columns) - 1}

    return _sliced_source("arrays", columns, header, loose)


def _target(y: Any, name: str) -> tuple[pl.Series, bool]:
    """y, whatever holds it, as one column, and whether its cells were mixed objects."""
    if isinstance(y, pl.Series):
        return y, False
    if type(y).__module__.split(".")[0] == "pandas" and not hasattr(y, "columns"):
        y = y.to_frame()
    if is_frame(y) and not isinstance(y, np.ndarray):
        columns, _, loose = _columns_of(y.collect() if isinstance(y, pl.LazyFrame) else y)
        if len(columns) != 1:
            raise ShapeError(f"y has {len(columns)} columns; expected one.")
        return columns[0], bool(loose)
    b = _unmasked(y)
    if b.ndim == 2 and b.shape[1] == 1:
        b = b[:, 0]
    if b.ndim != 1:
        raise ShapeError(f"y has shape {b.shape}; expected one number or label per row.")
    return array_column(b, name)


def _unmasked(a: Any) -> np.ndarray:
    """An array; masked numbers are NaN, other masked cells None."""
    if not isinstance(a, np.ma.MaskedArray):
        return np.asarray(a)
    if a.dtype.kind in "fiub":
        return np.ma.filled(a.astype(np.result_type(a.dtype, np.float64)), np.nan)
    return np.ma.filled(a.astype(object), None)


def array_column(a: np.ndarray, name: str) -> tuple[pl.Series, bool]:
    """One column of an array, and whether its cells were mixed objects."""
    if a.dtype.kind in "fiub":
        if a.dtype.kind == "f" and a.dtype.itemsize not in (4, 8):
            a = a.astype(float)
        return pl.Series(name, np.ascontiguousarray(a)), False
    if a.dtype.kind in "Mm":
        return pl.Series(name, a.astype(f"{a.dtype.name.split('[')[0]}[us]")), False
    if a.dtype.kind == "c":
        raise ShapeError("an array holds complex numbers; expected real ones.")
    return _from_objects(a.tolist(), name)
