"""Blocks in memory or on disk read back the same, and leave nothing behind."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyfit.data.limits import address_limit, memory_left
from whyfit.data.store import BlockStore
from whyfit.data.table import BLOCK, read_table
from whyfit.errors import SourceError
from whyfit.spec import Spec


def blocks(k: int, m: int):
    rng = np.random.default_rng(k)
    return [
        (rng.normal(size=m), rng.integers(0, 9, m).astype(np.int32), rng.normal(size=(2, m)))
        for _ in range(k)
    ]


@given(st.integers(1, 6), st.integers(0, 50), st.integers(0, 3000))
def test_any_budget_gives_back_the_same_arrays(k, m, budget):
    store, given_ = BlockStore(budget), blocks(k, m)
    for block in given_:
        store.append(block)
    assert store.resident <= max(budget, 0)
    for i in (*range(k), *range(k)):
        for a, b in zip(store[i], given_[i], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
    store.close()


def test_files_go_on_close_and_with_the_last_reference(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = BlockStore(0)
    store.append(blocks(1, 10)[0])
    assert len(list(tmp_path.rglob("*.block"))) == 1
    store.close()
    assert list(tmp_path.iterdir()) == []
    store = BlockStore(0)
    store.append(blocks(1, 10)[0])
    del store
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_block_cut_short_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = BlockStore(0)
    store.append(blocks(1, 10)[0])
    path: Path = next(tmp_path.rglob("*.block"))
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(SourceError, match="cut short"):
        store[0]
    store.close()


def test_a_spilled_table_is_the_same_table(tmp_path, monkeypatch):
    n = 2 * BLOCK + 100
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "x": rng.normal(size=n),
            "w": rng.choice(["a", "b", "c"], n),
            "t": [f"some words {i % 70_000}" for i in range(n)],
            "y": rng.normal(size=n),
        }
    )
    kept = read_table(frame, Spec(target="y"))
    monkeypatch.setattr("whyfit.data.store.memory_left", lambda: 0)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with read_table(frame, Spec(target="y")) as spilled:
        assert len(list(tmp_path.rglob("*.block"))) == 3
        assert spilled.schema == kept.schema
        for a, b in zip(kept.blocks(), spilled.blocks(), strict=True):
            assert a.data.keys() == b.data.keys()
            for name in a.data:
                np.testing.assert_array_equal(a.data[name], b.data[name])
    assert list(tmp_path.iterdir()) == []


def test_memory_left_is_within_the_machine():
    assert 0 < memory_left() < 1 << 50
    limit = address_limit()
    assert limit is None or limit > 0
