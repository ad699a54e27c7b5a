"""Sparse columns of a design against the dense ones they stand for."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from whyfit.data import coding
from whyfit.data.design import Design
from whyfit.data.layout import BLOCK_BYTES, cuts
from whyfit.data.table import read_table
from whyfit.spec import Spec, Term

N = 400
RNG = np.random.default_rng(5)
CODES = RNG.integers(0, 9, N)
FRAME = pl.DataFrame(
    {
        "size": RNG.normal(size=N),
        "town": [None if c == 8 else f"t{c}" for c in CODES],
        "more": RNG.normal(size=N) + 4,
        "sort": [f"s{c}" for c in RNG.integers(0, 7, N)],
        "flag": RNG.integers(0, 2, N).astype(bool),
        "y": RNG.normal(size=N),
    }
)
CHOICES = {
    "plain": {},
    "imputed": {"missing": "impute"},
    "rows left out": {"missing": "drop"},
    "levels dropped": {
        "drop": ("town=t4", "town=(missing)", "sort=s1"),
        "reference": {"town": "t0", "sort": "s0"},
    },
    "all levels of one dropped": {"drop": ("sort",)},
    "reference": {"reference": {"town": "t5"}},
    "terms on levels": {
        "terms": (Term("product", ("size", "town=t2")), Term("square", ("more",))),
        "drop": ("town=t2",),
    },
    "product of two levels": {"terms": (Term("product", ("town=t1", "sort=s2")),)},
}


def made(choices, monkeypatch, limit):
    monkeypatch.setattr(coding, "SPARSE_LEVELS", limit)
    spec = Spec(target="y", **choices)
    table = read_table(FRAME, spec)
    return table, Design.of(table, spec)


@pytest.fixture(params=CHOICES, name="both")
def _both(request, monkeypatch):
    """A design coded sparsely and its dense twin, each with its table."""
    choices = CHOICES[request.param]
    return made(choices, monkeypatch, 3), made(choices, monkeypatch, 10**6)


def rows_of(table, design):
    return list(design.rows(table).blocks())


def test_same_columns_same_values_sparse_ones_last(both):
    (table, design), (same, dense) = both
    assert sorted(design.names) == sorted(dense.names)
    assert [f.columns for f in design.features] == [f.columns for f in dense.features]
    at = [dense.names.index(name) for name in design.names]
    assert design.origin == tuple(dense.origin[i] for i in at)
    assert design.kinds == tuple(dense.kinds[i] for i in at)
    (a,), (b,) = rows_of(table, design), rows_of(same, dense)
    assert b.sparse is None
    assert dense.n_dense == len(dense.names)
    assert a.sparse is not None
    assert a.dense.shape[1] == design.n_dense
    np.testing.assert_array_equal(a.X, b.X[:, at])
    np.testing.assert_array_equal(a.index, b.index)
    assert all(kind == "level" for kind in design.kinds[design.n_dense :])


def test_rows_that_cannot_be_used_are_nan_in_the_matrix(both):
    (table, design), (same, dense) = both
    at = [dense.names.index(name) for name in design.names]
    (block,), (other,) = table.blocks(), same.blocks()
    np.testing.assert_array_equal(design.matrix(block), dense.matrix(other)[:, at])


def test_survives_json_and_reads_new_data(both, monkeypatch):
    (_, design), (_, dense) = both
    monkeypatch.setattr(coding, "SPARSE_LEVELS", 50)  # a model file says which columns are sparse
    plain = json.loads(json.dumps(design.to_dict()))
    again = Design.from_dict(plain)
    new = (
        FRAME.drop("y")
        .head(50)
        .with_columns(
            pl.when(pl.int_range(50) == 3)
            .then(pl.lit("never seen"))
            .otherwise("town")
            .alias("town")
        )
    )
    at = [dense.names.index(name) for name in design.names]
    expected = np.vstack([X for _, X in dense.read_new(new)])[:, at]
    read = again.read_new(new)
    np.testing.assert_array_equal(np.vstack([X for _, X in read]), expected)
    assert read.unseen == {"town": 1}


def test_a_file_written_before_there_were_sparse_columns(monkeypatch):
    _, dense = made({}, monkeypatch, 10**6)
    plain = json.loads(json.dumps(dense.to_dict()))
    for c in plain["codings"]:
        c.pop("sparse", None)
    assert Design.from_dict(plain).names == dense.names


def test_take_and_select_keep_both_parts(monkeypatch):
    table, design = made({}, monkeypatch, 3)
    (block,) = rows_of(table, design)
    few = np.array([1, 3, 5, 8])
    keep = np.array([0, design.n_dense, design.n_dense + 2])
    part = block.take(few).select(keep)
    np.testing.assert_array_equal(part.X, block.X[np.ix_(few, keep)])
    assert part.sparse is not None
    assert part.p == 3
    assert block.select(np.array([0, 1])).sparse is None


def test_blocks_of_many_columns_are_short_and_cover_the_table(monkeypatch):
    monkeypatch.setattr("whyfit.data.layout.BLOCK_BYTES", 8 * 20 * 64)
    table, design = made({}, monkeypatch, 3)
    blocks = rows_of(table, design)
    assert len(blocks) > 1
    assert all(b.X.nbytes <= 8 * 20 * 64 for b in blocks)
    np.testing.assert_array_equal(np.concatenate([b.index for b in blocks]), np.arange(N))
    monkeypatch.setattr("whyfit.data.layout.BLOCK_BYTES", BLOCK_BYTES)
    (whole,) = rows_of(table, design)
    np.testing.assert_array_equal(np.vstack([b.X for b in blocks]), whole.X)
    np.testing.assert_array_equal(np.concatenate([b.fold for b in blocks]), whole.fold)


@pytest.mark.parametrize("m", [0, 1, 7, 65_536])
@pytest.mark.parametrize("p", [0, 1, 128, 4_500, 10**8])
def test_cuts_cover_every_row_once(m, p):
    at = np.concatenate([np.arange(c.start, c.stop) for c in cuts(m, p)] or [np.zeros(0, int)])
    np.testing.assert_array_equal(at, np.arange(m))
    assert all(
        (c.stop - c.start) * 8 * p <= BLOCK_BYTES or c.stop - c.start == 1 for c in cuts(m, p)
    )
