"""New data are read as the model expects them, whatever they look like alone."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from whyfit.data.design import Design
from whyfit.data.table import read_table
from whyfit.errors import SchemaError
from whyfit.spec import Spec, Term

N = 90
TRAIN = (
    "age,town,ok,when,note,y\n"
    + "".join(
        f"{i % 30 + 0.5},{'abc'[i % 3]},{'True' if i % 2 else 'False'},"
        f"2021-0{1 + i % 9}-11,some words {i},{i % 17}\n"
        for i in range(N)
    )
)  # fmt: skip


@pytest.fixture
def design(tmp_path) -> Design:
    (tmp_path / "train.csv").write_text(TRAIN)
    spec = Spec(target="y", terms=(Term("log", ("age",)),))
    fitted = Design.of(read_table(tmp_path / "train.csv", spec), spec)
    return Design.from_dict(json.loads(json.dumps(fitted.to_dict())))


def X_of(rows) -> np.ndarray:
    return np.vstack([X for _, X in rows])


def test_one_row_one_level_and_another_order(design, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("extra;ok;note;town;age;when\nz;True;a b;b;3,5;2021-02-11\n")
    rows = design.read_new(path)
    row = dict(zip(design.names, X_of(rows)[0], strict=True))
    assert rows.n == 1
    assert (row["age"], row["ok"], row["town=b"], row["note words"]) == (3.5, 1.0, 1.0, 2.0)
    assert row["log(age)"] == pytest.approx(np.log(3.5))
    assert row["when month=Feb"] == 1.0
    assert (rows.unseen, rows.unreadable, rows.missing) == ({}, {}, {})


def test_a_typed_frame_gives_the_same_row(design):
    frame = pl.DataFrame(
        {
            "age": [3],
            "town": ["b"],
            "ok": [True],
            "when": [datetime(2021, 2, 11)],
            "note": ["a b"],
        }
    )
    row = dict(zip(design.names, X_of(design.read_new(frame))[0], strict=True))
    assert (row["age"], row["ok"], row["town=b"], row["when month=Feb"]) == (3.0, 1.0, 1.0, 1.0)


def test_odd_cells_are_counted_and_filled(design, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text(
        "age,town,ok,when,note\n"
        "old,zzz,maybe,someday,x\n,,,,\n-4,a,false,2021-03-11,y z\n12,zzz,1,2021-03-11,y\n"
    )
    rows = design.read_new(path)
    X = X_of(rows)
    assert rows.unseen == {"town": 2}
    assert rows.unreadable == {"age": 1, "ok": 1, "when": 1}
    assert rows.missing == {"age": 2, "town": 1, "ok": 1, "when": 2, "note": 1}
    mean = np.mean([i % 30 + 0.5 for i in range(N)])
    np.testing.assert_allclose(X[:, design.names.index("age")], [mean, mean, -4, 12])
    np.testing.assert_array_equal(X[:2, design.names.index("ok")], [0.5, 0.5])
    levels = [n.startswith("town=") for n in design.names]
    assert (X[0][levels] == 0).all()  # never seen: the reference
    assert np.isnan(X[2, design.names.index("log(age)")])
    again = X_of(rows)
    np.testing.assert_array_equal(again, X)
    assert rows.unseen == {"town": 2}


def test_a_missing_column_is_named(design, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("age,ok\n1,True\n")
    with pytest.raises(
        SchemaError, match=r"lacks 3 columns the model needs: 'town', 'when', 'note'"
    ):
        design.read_new(path)


def test_dropped_sources_need_not_be_there(tmp_path):
    (tmp_path / "train.csv").write_text(TRAIN)
    spec = Spec(target="y", drop=("town", "when", "note"), terms=(Term("square", ("age",)),))
    table = read_table(tmp_path / "train.csv", spec)
    design = Design.of(table, spec)
    assert design.sources == ("age", "ok")
    X = X_of(design.read_new(pl.DataFrame({"age": [2.0], "ok": [False]})))
    np.testing.assert_array_equal(X, [[2.0, 0.0, 4.0]])


def test_rows_with_gaps_are_nan_where_training_dropped_them(tmp_path):
    text = TRAIN.replace("0.5,a", ",a", 1)
    (tmp_path / "train.csv").write_text(text)
    spec = Spec(target="y", missing="drop")
    design = Design.of(read_table(tmp_path / "train.csv", spec), spec)
    frame = pl.DataFrame(
        {"age": [None, 2.0], "town": ["a", None], "ok": [True, True], "when": ["2021-02-11"] * 2,
         "note": ["a b"] * 2}
    )  # fmt: skip
    X = X_of(design.read_new(frame))
    assert np.isnan(X).any(axis=1).tolist() == [True, True]
    assert np.isnan(X[0]).sum() == 1


def test_levels_written_as_numbers(tmp_path):
    frame = pl.DataFrame({"zip": ([1, 2, 3] * 30), "y": np.arange(90) % 7})
    spec = Spec(target="y", roles={"zip": "categorical"})
    design = Design.of(read_table(frame, spec), spec)
    assert design.names == ("zip=2", "zip=3")
    expected = [[1, 0], [0, 1], [0, 0]]
    for cells in ([2, 3, 1], [2.0, 3.0, 1.0], ["2", "3", "1"]):
        rows = design.read_new(pl.DataFrame({"zip": cells}))
        np.testing.assert_array_equal(X_of(rows), expected)
        assert rows.unseen == {}
    path = tmp_path / "n.csv"
    path.write_text("zip,b\n2,0\n3,0\n1,0\n")
    np.testing.assert_array_equal(X_of(design.read_new(path)), expected)


def test_arrays_without_names():
    X, y = np.random.default_rng(0).normal(size=(70_000, 3)), np.arange(70_000.0)
    spec = Spec(target="y")
    design = Design.of(read_table((X, y), spec), spec)
    parts = list(design.read_new(X))
    assert [start for start, _ in parts] == [0, 65_536]
    np.testing.assert_array_equal(np.vstack([x for _, x in parts]), X)
