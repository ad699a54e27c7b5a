"""The design against its naive twin, and every choice of the Spec."""

from __future__ import annotations

import json
import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyfit.data.design import Design
from whyfit.data.folds import fold_of
from whyfit.data.schema import Schema
from whyfit.data.table import BLOCK, Table, read_table
from whyfit.errors import InternalFault, SpecError
from whyfit.spec import Spec, Term

N = 120
RNG = np.random.default_rng(3)
FRAME = pl.DataFrame(
    {
        "age": [None if i % 10 == 0 else float(i % 37) for i in range(N)],
        "town": [None if i % 12 == 5 else "abcde"[min(i % 8, 4)] for i in range(N)],
        "flag": [i % 3 == 0 for i in range(N)],
        "size": RNG.normal(size=N) + 9,
        "when": [datetime(2021, 1 + i % 12, 1 + i % 28, i % 7) for i in range(N)],
        "note": [None if i == 7 else f"{'word ' * (i % 5)}number {i}" for i in range(N)],
        "empty": [None] * N,
        "y": RNG.normal(size=N),
    }
)  # fmt: skip


def made(frame: pl.DataFrame, **choices) -> tuple[Table, Design, np.ndarray, np.ndarray]:
    spec = Spec(**{"target": "y", **choices})
    table = read_table(frame, spec)
    design = Design.of(table, spec)
    rows = list(design.rows(table).blocks())
    X = np.vstack([r.X for r in rows])
    assert X.shape[1] == len(design.names) == len(design.origin) == len(design.kinds)
    return table, design, X, np.concatenate([r.y for r in rows])


def col(design: Design, X: np.ndarray, name: str) -> np.ndarray:
    return X[:, design.names.index(name)]


def test_every_kind_of_column_against_the_naive_twin():
    table, design, X, y = made(FRAME)
    assert design.names == (
        "age", "age missing",
        *(f"town={t}" for t in table.schema["town"].levels[1:]), "town=(missing)",
        "flag", "size",
        "when", *(n for n in design.names if n.startswith("when ")),
        "note characters", "note words", "note missing",
    )  # fmt: skip
    age = np.array([math.nan if v is None else v for v in FRAME["age"]])
    np.testing.assert_allclose(col(design, X, "age"), np.where(np.isnan(age), np.nanmean(age), age))
    np.testing.assert_array_equal(col(design, X, "age missing"), np.isnan(age))
    for level in "abcd":
        np.testing.assert_array_equal(
            col(design, X, f"town={level}"), [t == level for t in FRAME["town"]]
        )
    np.testing.assert_array_equal(
        col(design, X, "town=(missing)"), [t is None for t in FRAME["town"]]
    )
    np.testing.assert_array_equal(col(design, X, "flag"), FRAME["flag"])
    np.testing.assert_array_equal(col(design, X, "size"), FRAME["size"])
    when = FRAME["when"]
    np.testing.assert_allclose(
        col(design, X, "when"), when.dt.epoch("us").to_numpy() / 86_400e6, rtol=0, atol=1e-9
    )
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    for name in design.names:
        if name.startswith("when month="):
            month = months.index(name[-3:]) + 1
            np.testing.assert_array_equal(col(design, X, name), when.dt.month() == month)
        elif name.startswith("when weekday="):
            day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun").index(name[-3:]) + 1
            np.testing.assert_array_equal(col(design, X, name), when.dt.weekday() == day)
        elif name.startswith("when hour="):
            hour = int(name.partition("=")[2])
            np.testing.assert_array_equal(col(design, X, name), when.dt.hour() == hour)
    assert sum(n.startswith("when hour=") for n in design.names) == 6
    words = [None if t is None else len(t.split()) for t in FRAME["note"]]
    mean = np.mean([w for w in words if w is not None])
    np.testing.assert_allclose(
        col(design, X, "note words"), [mean if w is None else w for w in words]
    )
    np.testing.assert_array_equal(y, FRAME["y"])
    uses = {f.name: f for f in design.features}
    assert uses["empty"].columns == ()
    assert uses["empty"].reason == "every cell is missing"
    assert set(uses) == set(FRAME.columns) - {"y"}
    assert [c for f in design.features for c in f.columns] == list(design.names)
    kinds = dict(zip(design.names, design.kinds, strict=True))
    assert (kinds["age"], kinds["age missing"], kinds["town=a"]) == (
        "numeric",
        "indicator",
        "level",
    )
    assert (kinds["flag"], kinds["note words"], kinds["when month=Feb"]) == (
        "boolean", "text", "calendar",
    )  # fmt: skip


def test_columns_of_X_are_contiguous_and_blocks_cover_the_table():
    n = BLOCK + 50
    frame = pl.DataFrame(
        {"a": RNG.normal(size=n), "b": RNG.normal(size=n), "y": RNG.normal(size=n)}
    )
    table, design, X, _ = made(frame)
    rows = list(design.rows(table).blocks())
    assert [r.y.size for r in rows] == [BLOCK, 50]
    for r in rows:
        assert r.X.T.flags.c_contiguous
        np.testing.assert_array_equal(r.fold, fold_of(r.index, design.k, 0))
    np.testing.assert_array_equal(np.concatenate([r.index for r in rows]), np.arange(n))
    np.testing.assert_array_equal(X[:, 1], frame["b"])
    block = next(iter(table.blocks()))
    np.testing.assert_array_equal(design.matrix(block), rows[0].X)


def test_dropping_rows_counts_each_row_once():
    frame = FRAME.with_columns(y=pl.when(pl.col("flag")).then(None).otherwise(pl.col("y")))
    _, design, X, y = made(frame, missing="drop")
    keep = (
        frame["y"].is_not_null() & frame["age"].is_not_null()
        & frame["town"].is_not_null() & frame["note"].is_not_null()
    )  # fmt: skip
    np.testing.assert_array_equal(y, frame["y"].filter(keep))
    assert design.n_used == keep.sum() == y.size
    assert sum(design.dropped.values()) == N - y.size
    assert design.dropped["missing target"] == 40
    assert list(design.dropped)[1:] == [
        "missing cell in 'age'", "missing cell in 'town'", "missing cell in 'note'"
    ]  # fmt: skip
    assert not any("missing" in n for n in design.names)
    assert np.isfinite(X).all()
    _, narrow, _, y = made(frame, missing="drop", drop=("age", "note"))
    assert "missing cell in 'age'" not in narrow.dropped
    assert narrow.n_used == y.size > design.n_used


def test_imputing_alone_adds_no_column():
    _, design, X, _ = made(FRAME, missing="impute")
    assert not any("missing" in n for n in design.names)
    assert design.impute["age"] == pytest.approx(FRAME["age"].mean())
    most = FRAME["town"].drop_nulls().mode()[0]
    gap = FRAME["town"].is_null().to_numpy()
    assert design.names.count(f"town={most}") == 0  # the most frequent is the reference
    assert (X[gap][:, [n.startswith("town=") for n in design.names]] == 0).all()
    assert np.isfinite(X).all()


def test_reference_rare_and_most_levels():
    town = ["a"] * 40 + ["b"] * 30 + ["c"] * 20 + ["d"] * 9 + ["e"] * 5 + ["f"] * 1
    frame = pl.DataFrame({"town": town, "y": RNG.normal(size=len(town))})

    def names(**choices):
        _, design, X, _ = made(frame, **choices)
        assert ((X == 0) | (X == 1)).all()
        return design.names, X.sum(axis=0).tolist()

    assert names() == (("town=b", "town=c", "town=(rare)"), [30, 20, 15])
    assert names(rare_level=1)[0] == ("town=b", "town=c", "town=d", "town=e", "town=f")
    assert names(max_levels=2) == (("town=b", "town=(rare)"), [30, 35])
    assert names(reference={"town": "c"})[0] == ("town=a", "town=b", "town=(rare)")
    assert names(reference={"town": "f"}) == (
        ("town=a", "town=b", "town=c", "town=(rare)"), [40, 30, 20, 14],
    )  # fmt: skip
    assert names(rare_level=1000) == (("town=(rare)",), [65])


@pytest.mark.parametrize(
    ("values", "choices", "task", "classes"),
    [
        ([0, 1], {}, "binary", ("0", "1")),
        ([1, 2], {}, "binary", ("1", "2")),
        ([-0.5, 2.25], {}, "binary", ("-0.5", "2.25")),
        ([True, False], {}, "binary", ("False", "True")),
        (["yes", "no"], {}, "binary", ("no", "yes")),
        (["Y", "Z"], {}, "binary", ("Y", "Z")),
        (["true", "false"], {}, "binary", ("false", "true")),
        (["good", "bad"], {}, "binary", ("bad", "good")),
        (["c", "a", "b"], {}, "multiclass", ("a", "b", "c")),
        ([0, 1], {"task": "regression"}, "regression", ()),
        ([3.0, 1.0, 2.5], {"task": "multiclass"}, "multiclass", ("1", "2.5", "3")),
        ([3, 1, 2], {}, "regression", ()),
        ([2, 1], {"roles": {"y": "categorical"}}, "binary", ("1", "2")),
        ([3, 2, 1], {"roles": {"y": "categorical"}}, "multiclass", ("1", "2", "3")),
    ],
)
def test_tasks_and_classes(values, choices, task, classes):
    cells = [values[i % len(values)] for i in range(60)]
    _, design, _, y = made(pl.DataFrame({"x": RNG.normal(size=60), "y": cells}), **choices)
    assert (design.task, design.classes) == (task, classes)
    if classes:
        said = [str(c) if not isinstance(c, float) or c % 1 else f"{c:.0f}" for c in cells]
        assert [classes[int(v)] for v in y] == said
    else:
        np.testing.assert_array_equal(y, cells)


def test_log_of_the_target():
    frame = pl.DataFrame({"x": RNG.normal(size=60), "y": np.exp(RNG.normal(size=60))})
    _, _, _, y = made(frame, target_transform="log")
    np.testing.assert_allclose(y, np.log(frame["y"]))


def test_terms_are_computed_on_raw_values_and_may_outlive_their_inputs():
    terms = (
        Term("square", ("size",)),
        Term("log", ("size",)),
        Term("hinge", ("size",), knot=9.0),
        Term("product", ("size", "town=b", "flag")),
        Term("square", ("size²",)),
    )
    _, design, X, _ = made(FRAME, terms=terms, drop=("size", "(size − 9)₊"))
    size = FRAME["size"].to_numpy()
    assert "size" not in design.names
    assert design.names[-4:] == ("size²", "log(size)", "size × town=b × flag", "(size²)²")
    assert design.kinds[-4:] == ("term",) * 4
    assert design.origin[-1] == "size"
    np.testing.assert_allclose(col(design, X, "size²"), size**2)
    np.testing.assert_allclose(col(design, X, "log(size)"), np.log(size))
    product = size * (FRAME["town"] == "b").fill_null(False).to_numpy() * FRAME["flag"].to_numpy()
    np.testing.assert_allclose(col(design, X, "size × town=b × flag"), product)
    np.testing.assert_allclose(col(design, X, "(size²)²"), size**4)
    use = {f.name: f for f in design.features}["size"]
    assert (use.columns, use.reason) == ((), "dropped by the spec")
    _, design, X, _ = made(FRAME, terms=terms)
    np.testing.assert_allclose(col(design, X, "(size − 9)₊"), np.maximum(0, size - 9))


@pytest.mark.parametrize(
    ("term", "part"),
    [
        (Term("square", ("sise",)), "did you mean 'size'?"),
        (Term("log", ("age",)), "its least value is 0"),
        (Term("hinge", ("size",)), "needs a finite knot"),
        (Term("product", ("size",)), "takes two or more columns; it was given 1"),
        (Term("square", ("size", "age")), "a square takes 1 column; it was given 2"),
        (Term("power", ("size",)), "a whole degree from 2 to 30; it was given None"),
        (Term("power", ("size",), degree=1), "a whole degree from 2 to 30; it was given 1"),
        (Term("power", ("size",), degree=31), "a whole degree from 2 to 30; it was given 31"),
    ],
)
def test_terms_that_cannot_be(term, part):
    with pytest.raises(SpecError) as caught:
        made(FRAME, terms=(term,))
    assert part in str(caught.value)


def test_dropping_a_source_or_one_of_its_columns():
    _, design, _, _ = made(FRAME, drop=("when", "town=b", "age missing"))
    assert not any(n.startswith("when") for n in design.names)
    assert "town=b" not in design.names
    assert "town=c" in design.names
    assert "age" in design.names
    assert "age missing" not in design.names


def test_a_constant_with_gaps_leaves_its_indicator():
    frame = pl.DataFrame(
        {
            "pool": ["yes" if i % 3 else None for i in range(60)],
            "five": [5.0 if i % 2 else None for i in range(60)],
            "y": RNG.normal(size=60),
        }
    )
    _, design, X, _ = made(frame)
    assert design.names == ("pool missing", "five missing")
    np.testing.assert_array_equal(X[:, 0], [i % 3 == 0 for i in range(60)])
    assert {f.name: f.reason for f in design.features}["pool"] == "every present cell is 'yes'"


def test_names_that_would_coincide_stay_apart():
    frame = pl.DataFrame(
        {
            "a=b": RNG.normal(size=60),
            "a": ["b", "c", "c"] * 20,
            "y": RNG.normal(size=60),
        }
    )
    _, design, X, _ = made(frame)
    assert design.names == ("a=b", "a=b'")
    np.testing.assert_array_equal(X[:, 1], frame["a"] == "b")


def test_excluded_rows_are_flagged_and_kept():
    spec = Spec(target="y", exclude_rows=(3, 5))
    table = read_table(FRAME, spec)
    rows = Design.of(table, spec).rows(table)
    assert rows.excluded == {3, 5}
    assert next(iter(rows.blocks())).index.size == N


def test_a_design_survives_as_plain_data():
    spec = Spec(target="y", terms=(Term("product", ("size", "town=b")),), drop=("flag",))
    table = read_table(FRAME, spec)
    design = Design.of(table, spec)
    again = Design.from_dict(json.loads(json.dumps(design.to_dict())))
    assert again.to_dict() == design.to_dict()
    assert (again.names, again.kinds, again.task) == (design.names, design.kinds, design.task)
    block = next(iter(table.blocks()))
    np.testing.assert_array_equal(again.matrix(block, table.schema), design.matrix(block))
    with pytest.raises(InternalFault):
        again.matrix(block)
    assert isinstance(design.schema, Schema)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["indicator", "impute", "drop"]), st.integers(1, 30))
def test_any_block_size_gives_the_same_design(seed, missing, block):
    rng = np.random.default_rng(seed)
    n = 90
    frame = pl.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, None, rng.normal(size=n)),
            "w": rng.choice(np.array(["a", "b", "c", None], dtype=object), n).tolist(),
            "y": rng.normal(size=n),
        },
        strict=False,
    )
    whole = made(frame, missing=missing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("whyfit.data.table.BLOCK", block)
        patch.setattr("whyfit.data.typed_source.ROWS", max(1, block // 2))
        parts = made(frame, missing=missing)
    assert parts[1].to_dict()["names"] == whole[1].to_dict()["names"]
    assert parts[1].dropped == whole[1].dropped
    np.testing.assert_allclose(parts[2], whole[2], rtol=1e-12)
    np.testing.assert_array_equal(parts[3], whole[3])
