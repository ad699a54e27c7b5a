"""The same table from every kind of source."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.data.design import Design
from whyfit.data.folds import fold_of
from whyfit.data.table import BLOCK, Table, read_table
from whyfit.errors import SchemaError, ShapeError
from whyfit.spec import Spec

N = 60
FRAME = pl.DataFrame(
    {
        "x": [None if i == 4 else i * 0.25 for i in range(N)],
        "k": [i * i % 7 for i in range(N)],
        "w": [None if i == 9 else "abc"[i % 3] for i in range(N)],
        "b": [i % 4 == 0 for i in range(N)],
        "d": [date(2021, 1, 1) + timedelta(days=i * 3) for i in range(N)],
        "y": [i * 37 % 11 / 2 for i in range(N)],
    }
)


class Capsule:
    """An object that knows only the Arrow C stream."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def sources(folder):
    FRAME.write_parquet(folder / "a.parquet")
    FRAME.write_ipc(folder / "a.arrow")
    FRAME.write_ipc_stream(folder / "s.arrow")
    FRAME.write_csv(folder / "a.csv")
    FRAME.write_csv(folder / "a.tsv", separator="\t")
    FRAME.write_ndjson(folder / "a.jsonl")
    return {
        "polars": FRAME,
        "lazy": FRAME.lazy(),
        "pandas": FRAME.to_pandas(),
        "pandas objects": FRAME.to_pandas().astype(object),
        "pandas arrow": FRAME.to_pandas(use_pyarrow_extension_array=True),
        "pyarrow": FRAME.to_arrow(),
        "capsule": Capsule(FRAME.to_arrow()),
        "narwhals": nw.from_native(FRAME.to_arrow()),
        "narwhals lazy": nw.from_native(FRAME.lazy()),
        "parquet": folder / "a.parquet",
        "feather": str(folder / "a.arrow"),
        "stream": folder / "s.arrow",
        "csv": folder / "a.csv",
        "tsv": folder / "a.tsv",
        "ndjson": folder / "a.jsonl",
    }


KINDS = (
    "polars", "lazy", "pandas", "pandas objects", "pandas arrow", "pyarrow", "capsule", "narwhals",
    "narwhals lazy", "parquet", "feather", "stream", "csv", "tsv", "ndjson",
)  # fmt: skip


def data(table: Table) -> dict[str, np.ndarray]:
    blocks = list(table.blocks())
    return {name: np.concatenate([b.data[name] for b in blocks]) for name in blocks[0].data}


@pytest.mark.parametrize("kind", KINDS)
def test_every_source_gives_the_same_table(kind, tmp_path):
    table = read_table(sources(tmp_path)[kind], Spec(target="y"))
    roles = {c.name: c.role for c in table.schema.columns}
    assert roles == {
        "x": "numeric", "k": "numeric", "w": "categorical", "b": "boolean", "d": "datetime", "y": "numeric",
    }  # fmt: skip
    found, wanted = data(table), data(read_table(FRAME, Spec(target="y")))
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert table.schema["x"].n_missing == table.schema["w"].n_missing == 1
    formats = {"parquet": "parquet", "feather": "feather", "stream": "feather", "ndjson": "ndjson"}
    assert table.format == formats.get(kind, "csv" if kind in ("csv", "tsv") else "frame")
    assert (table.bytes is None) == (table.format == "frame")


def test_the_content_counts_not_the_suffix(tmp_path):
    FRAME.write_parquet(tmp_path / "wrong.csv")
    assert read_table(tmp_path / "wrong.csv", Spec(target="y")).format == "parquet"
    FRAME.write_csv(tmp_path / "wrong.txt")
    assert read_table(tmp_path / "wrong.txt", Spec(target="y")).format == "csv"


def test_pandas_with_repeated_and_odd_labels():
    frame = pd.DataFrame(np.arange(40.0).reshape(10, 4) ** 2, columns=["a", "a", 3, ("p", "q")])
    frame["y"] = np.arange(10) % 3 + 0.5
    table = read_table(frame, Spec(target="y"))
    assert table.schema.names == ("a", "a (2)", "3", "p q", "y")


def test_mixed_objects_are_read_as_a_file_would_be():
    x: list[object] = [i / 4 for i in range(100)]
    x[50], x[60], x[70] = "oops", None, float("nan")
    frame = pd.DataFrame({"x": x, "z": [2**70, *range(99)], "y": np.arange(100) % 7})
    c = read_table(frame, Spec(target="y")).schema["x"]
    assert (c.role, c.n_unreadable, c.n_missing) == ("numeric", 1, 3)
    assert [(e.row, e.text) for e in c.examples] == [(50, "oops")]


def test_strings_of_a_typed_frame_stay_strings():
    frame = pl.DataFrame({"zip": ["01", "02", "03"] * 20, "y": np.arange(60) % 7})
    c = read_table(frame, Spec(target="y")).schema["zip"]
    assert (c.role, c.levels) == ("categorical", ("01", "02", "03"))


def test_types_that_are_no_numbers():
    frame = pl.DataFrame(
        {
            "list": [[i] for i in range(N)],
            "cat": pl.Series(["a", "b"] * 30, dtype=pl.Categorical),
            "enum": pl.Series(["a", "b"] * 30, dtype=pl.Enum(["b", "a"])),
            "dec": pl.Series([i / 4 for i in range(N)]).cast(pl.Decimal(10, 2)),
            "span": [timedelta(hours=6 * i) for i in range(N)],
            "time": [datetime(2020, 1, 1, i % 3).time() for i in range(N)],
            "zone": pl.Series(
                [datetime(2020, 1, 1 + i % 9, 12) for i in range(N)]
            ).dt.replace_time_zone("Europe/Berlin"),
            "null": [None] * N,
            "huge": pl.Series([2**63 + i for i in range(N)], dtype=pl.UInt64),
            "y": np.arange(N) % 7,
        }
    )
    schema = read_table(frame, Spec(target="y")).schema
    roles = {c.name: c.role for c in schema.columns}
    assert roles == {
        "list": "skip", "cat": "categorical", "enum": "categorical", "dec": "numeric",
        "span": "numeric", "time": "categorical", "zone": "datetime", "null": "constant",
        "huge": "constant", "y": "numeric",
    }  # fmt: skip
    assert schema["list"].reason.startswith("values of type List")
    assert schema["span"].maximum == (N - 1) / 4
    assert schema["zone"].minimum == 18262 + 11 / 24
    assert schema["huge"].n_inexact == N - 1
    assert schema["dec"].maximum == (N - 1) / 4


def test_ndjson_with_gaps_and_changing_types(tmp_path):
    lines = [f'{{"a": {i}, "w": "l{i % 3}", "y": {i % 5}}}' for i in range(30)]
    lines[3] = '{"w": "l1", "y": 1, "late": 5}'
    lines[4] = '{"a": "7", "w": null, "y": 2}'
    lines.insert(10, "")
    (tmp_path / "t.json").write_text("\n".join(lines))
    schema = read_table(tmp_path / "t.json", Spec(target="y")).schema
    assert schema.names == ("a", "w", "y", "late")
    assert (schema["a"].role, schema["a"].n_missing) == ("numeric", 1)
    assert schema["w"].n_missing == 1
    assert schema["late"].n_missing == 29


def test_arrays():
    X, y = np.random.default_rng(0).normal(size=(N, 2)), np.arange(N) % 2
    table = read_table((X, y), Spec())
    assert table.schema.names == ("x1", "x2", "y")
    assert (table.format, table.name) == ("arrays", "arrays")
    spec = Spec(target="price")
    design = Design.of(read_table((FRAME.select("x", "w"), FRAME["y"]), spec), spec)
    assert design.names == ("x", "x missing", "w=c", "w=a", "w=(missing)")
    assert design.target.name == "price"
    labels = np.array(["no", "yes"])[y]
    assert Design.of(read_table((X, labels), Spec()), Spec(target="y")).classes == ("no", "yes")
    assert read_table((X, pd.Series(y)), Spec()).n == N
    assert read_table((X.tolist(), y[:, None]), Spec()).n == N
    mixed = np.array([[1, "a"], [2, "b"], [3, "a"]] * 10, dtype=object)
    roles = [c.role for c in read_table((mixed, np.arange(30.0)), Spec()).schema.columns]
    assert roles == ["numeric", "categorical", "numeric"]
    with pytest.raises(SchemaError, match="'y' already"):
        read_table((FRAME, np.arange(N)), Spec())


def test_array_rows_are_views():
    n = BLOCK + 7
    X, y = np.random.default_rng(0).normal(size=(n, 2)), np.zeros(n)
    rows = ArrayRows(X, y, k=5, seed=3)
    blocks = list(rows.blocks())
    assert rows.names == ("x1", "x2")
    assert [b.y.size for b in blocks] == [BLOCK, 7]
    assert all(np.shares_memory(b.X, X) and np.shares_memory(b.y, y) for b in blocks)
    index = np.concatenate([b.index for b in blocks])
    np.testing.assert_array_equal(index, np.arange(n))
    np.testing.assert_array_equal(np.concatenate([b.fold for b in blocks]), fold_of(index, 5, 3))
    with pytest.raises(ShapeError, match="2 columns and there are 1 names"):
        ArrayRows(X, y, k=5, names=("a",))
    with pytest.raises(ShapeError, match="expected"):
        ArrayRows(X, y[:-1], k=5)


def test_user_libraries_are_not_imported():
    code = (
        "import sys, polars as pl\n"
        "from whyfit.data.table import read_table\n"
        "from whyfit.spec import Spec\n"
        "read_table(pl.DataFrame({'a': [1, 2, 5], 'y': [1.5, 2, 4]}), Spec(target='y'))\n"
        "bad = {'pandas', 'pyarrow', 'torch', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
