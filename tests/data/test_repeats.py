"""Equal rows: found as a set of tuples finds them, whatever the type of the cells, and held out together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulated import table_case
from whyfit.data.assignment import Assignment, same_folds
from whyfit.data.folds import fold_of
from whyfit.data.repeats import column_hashes, compared, groups_of, row_keys

few = st.lists(st.integers(0, 6), min_size=0, max_size=40)


@given(few)
def test_groups_are_those_of_a_dictionary(values):
    groups = groups_of(np.array(values, dtype=np.uint64))
    first: dict[int, int] = {}
    for i, v in enumerate(values):
        first.setdefault(v, i)
    repeated = [i for i, v in enumerate(values) if values.count(v) > 1]
    assert groups.places.tolist() == repeated
    assert groups.first.tolist() == [first[values[i]] for i in repeated]
    assert groups.surplus == len(values) - len(set(values))
    assert groups.pairs == sum(values[i] == values[j] for i in range(len(values)) for j in range(i))
    assert sorted(groups.sizes.tolist()) == sorted(
        values.count(v) for v in set(values) if values.count(v) > 1
    )


def frame(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    texts = np.array([f"{a} came late {b}" for a, b in rng.integers(0, 60, (n, 2))])
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 4, n) / 10),
            "flag": rng.random(n) < 0.5,
            "level": rng.choice(["a", "b", "c"], n),
            "day": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 3, n), "D"),
            "text": texts,
            "y": rng.integers(0, 5, n).astype(float),
        }
    )


def keys_of(case):
    return row_keys(case.table, case.design, compared(case.table, case.spec))


@pytest.mark.parametrize("drop", [[], ["text"], ["text", "x"], ["flag", "level", "day"]])
def test_equal_rows_are_those_pandas_finds(drop):
    df = pd.concat([frame(), frame().iloc[::7]], ignore_index=True)
    case = table_case(df, "y", roles={"text": "text"}, drop=tuple(drop))
    keys = keys_of(case)
    features = df.drop(columns=[*drop, "y"])
    assert groups_of(keys.features).surplus == features.duplicated().sum()
    assert groups_of(keys.whole).surplus == df.drop(columns=drop).duplicated().sum()


def test_zero_has_no_sign_and_columns_are_told_apart():
    case = table_case(
        {"a": [0.0, -0.0, 1.0, 2.0] * 5, "b": [2.0, 2.0, 2.0, 1.0] * 5, "y": range(20)}, "y"
    )
    keys = keys_of(case).features
    assert keys[0] == keys[1]
    assert keys[2] != keys[3]  # (1, 2) and (2, 1)


def test_a_key_is_the_sum_of_its_columns():
    df = frame()
    case = table_case(df, "y", roles={"text": "text"})
    columns = compared(case.table, case.spec)
    some = np.array([3, 17, 250])
    parts = column_hashes(case.table, columns, some)
    np.testing.assert_array_equal(parts.sum(axis=0, dtype=np.uint64), keys_of(case).features[some])


def test_copies_share_the_fold_of_the_first_and_others_stay():
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    x[100:150] = x[:50]
    data = {"x": x, "z": np.round(x, 1), "y": rng.normal(size=200)}
    plain, grouped = (table_case(data, "y", group_copies=g) for g in (False, True))
    folds = [np.concatenate([b.fold for b in c.rows.blocks()]) for c in (plain, grouped)]
    np.testing.assert_array_equal(folds[1][100:150], folds[1][:50])
    np.testing.assert_array_equal(folds[1][:100], folds[0][:100])
    np.testing.assert_array_equal(folds[1][150:], folds[0][150:])
    assert (folds[0][100:150] != folds[0][:50]).any()
    assert grouped.scores["r2"].shape == (grouped.k,)


def test_rows_left_out_do_not_shift_the_others():
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=50), 2)
    y = rng.normal(size=100)
    y[::5] = np.nan
    case = table_case({"x": x, "w": x**2, "y": y}, "y", group_copies=True)
    fold = {
        int(i): int(f) for b in case.rows.blocks() for i, f in zip(b.index, b.fold, strict=True)
    }
    assert set(fold) == set(np.flatnonzero(~np.isnan(y)))
    pairs = [(fold[i], fold[i + 1]) for i in range(0, 100, 2) if i in fold and i + 1 in fold]
    assert pairs
    assert all(a == b for a, b in pairs)


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_writing_folds_by_blocks_is_writing_them_at_once(seed, size):
    rng = np.random.default_rng(seed)
    index = np.sort(rng.choice(60, 30, replace=False))
    some = np.sort(rng.choice(60, 12, replace=False))
    together = Assignment(some, rng.integers(0, 5, 12))
    whole = fold_of(index, 5, 0)
    parts = [whole[i : i + size].copy() for i in range(0, 30, size)]
    together.write(index, whole)
    for i, part in enumerate(parts):
        together.write(index[i * size : (i + 1) * size], part)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    for i, f in zip(some, together.fold, strict=True):
        if i in index:
            assert whole[np.flatnonzero(index == i)[0]] == f


def test_same_folds():
    a = Assignment(np.array([1, 2]), np.array([0, 0]))
    assert same_folds(None, None)
    assert not same_folds(a, None)
    assert same_folds(a, Assignment(np.array([1, 2]), np.array([0, 0])))
    assert not same_folds(a, Assignment(np.array([1, 3]), np.array([0, 0])))


def test_a_trial_of_another_edit_keeps_the_grouping():
    rng = np.random.default_rng(3)
    x = np.repeat(rng.normal(size=60), 2)
    case = table_case({"x": x, "z": x**2, "y": rng.normal(size=120)}, "y", group_copies=True)
    ridge = case.rerun({"ridge": 1.0})
    assert ridge.given is not None
    assert same_folds(ridge.design.assignment, case.design.assignment)


def test_every_row_equal():
    case = table_case(
        {"x": [1.0, 2.0] * 10, "z": [3.0, 4.0] * 10, "y": np.arange(20.0)}, "y", group_copies=True
    )
    assert case.k == 2
    assert np.isfinite(case.fit.rss)
    assert len(case.scores["r2"]) == 2
