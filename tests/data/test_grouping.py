"""Rows held out by group and by block: every group whole, folds of even size, whatever the column's type."""

from __future__ import annotations

import datetime
import heapq

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import whyfit
from simulated import case_of, file_case, table_case
from whyfit.data.assignment import folds_of_blocks, folds_of_groups, same_folds
from whyfit.data.grouping import labels_of, ranks_of
from whyfit.errors import SpecError
from whyfit.spec import Spec

sizes = st.lists(st.integers(1, 12), min_size=2, max_size=40)


def folds_in(case) -> dict[int, int]:
    return {
        int(i): int(f) for b in case.rows.blocks() for i, f in zip(b.index, b.fold, strict=True)
    }


@given(sizes, st.integers(2, 6), st.integers(0, 99))
def test_groups_go_largest_first_where_rows_are_fewest(size, k, seed):
    k = min(k, len(size))
    label = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(size)), size))
    fold = folds_of_groups(label, k, seed)
    assert all(len(set(fold[label == g])) == 1 for g in range(len(size)))
    heap = [0] * k  # the same by hand, one group after the other
    for m in sorted(size, reverse=True):
        heapq.heapreplace(heap, heap[0] + m)
    assert sorted(np.bincount(fold, minlength=k)) == sorted(heap)


@given(st.integers(2, 400), st.integers(2, 10))
def test_equal_groups_fill_folds_evenly(G, k):
    k = min(k, G)
    rows = np.bincount(folds_of_groups(np.repeat(np.arange(G), 3), k), minlength=k)
    assert rows.max() - rows.min() <= 3


def test_the_order_of_groups_means_nothing_and_the_seed_does():
    label = np.arange(60)
    a, b = (folds_of_groups(label, 5, seed) for seed in (0, 1))
    assert (np.diff(a) != 0).any()
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(a, folds_of_groups(label, 5, 0))


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(2, 6))
def test_blocks_follow_the_order_and_hold_moments_whole(time, k):
    v = np.array(time, dtype=float)
    fold = folds_of_blocks(v, v.size, k)
    for a in range(v.size):
        for b in range(v.size):
            if v[a] < v[b]:
                assert fold[a] <= fold[b]
            elif v[a] == v[b]:
                assert fold[a] == fold[b]
    assert set(fold) == set(range(fold.max() + 1))


def test_blocks_of_rows_as_they_come():
    fold = folds_of_blocks(None, 103, 10)
    assert (np.diff(fold) >= 0).all()
    assert set(np.bincount(fold)) == {10, 11}


def test_rows_without_a_moment_come_last():
    fold = folds_of_blocks(np.array([np.nan, 3.0, 1.0, 2.0]), 4, 4)
    assert fold.tolist() == [3, 2, 0, 1]


def table(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 24, n)
    return pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "number": number,
            "real": number / 7,
            "word": np.array([f"p{i}" for i in range(24)])[number],
            "flag": number % 2 == 0,
            "day": [datetime.date(2020, 1, 1) + datetime.timedelta(int(i)) for i in number],
            "y": rng.normal(size=n),
        }
    )


@pytest.mark.parametrize("name", ["number", "real", "word", "flag", "day"])
def test_a_column_of_any_kind_names_groups_and_is_no_feature(name):
    df = table()
    case = table_case(df, "y", groups=name)
    fold = folds_in(case)
    assert all(len({fold[i] for i in rows}) == 1 for rows in df.groupby(name).indices.values())
    assert name not in case.design.sources
    (use,) = [f for f in case.design.features if f.name == name]
    assert use.columns == ()
    assert "together" in use.reason
    assert case.k == min(10, df[name].nunique())
    assert np.isfinite(case.scores["mse"]).all()


@pytest.mark.parametrize("role", ["identifier", "skip", "categorical"])
@pytest.mark.parametrize("name", ["number", "word"])
def test_a_column_left_out_or_dropped_names_groups(name, role):
    df = table()
    plain = table_case(df, "y", groups=name)
    for choices in ({"roles": {name: role}}, {"drop": (name,)}):
        other = table_case(df, "y", groups=name, **choices)
        assert folds_in(other) == folds_in(plain)


def test_strings_that_hardly_repeat_are_groups_though_no_feature():
    rng = np.random.default_rng(1)
    who = np.array([f"k{i:04d}" for i in range(200)])
    who[1] = who[0]
    df = pd.DataFrame({"x": rng.normal(size=200), "who": who, "y": rng.normal(size=200)})
    case = table_case(df, "y", groups="who")
    assert case.schema["who"].role == "identifier"
    assert labels_of(case.table, "who").max() == 198
    fold = folds_in(case)
    assert fold[0] == fold[1]


def test_strings_beyond_those_that_are_counted_are_told_apart(tmp_path):
    n = 120_000
    who = np.repeat(np.arange(n // 2), 2)
    x = np.random.default_rng(2).normal(size=n).round(4)
    rows = "\n".join(f"u-{w},{v},{v}" for w, v in zip(who, x, strict=True))
    path = tmp_path / "many.csv"
    path.write_text("who,x,y\n" + rows + "\n")
    case = file_case(path, "y", groups="who")
    np.testing.assert_array_equal(
        labels_of(case.table, "who")[::2], labels_of(case.table, "who")[1::2]
    )
    assert labels_of(case.table, "who").max() == n // 2 - 1


def test_a_row_without_a_group_is_one():
    df = table()
    df.loc[[3, 5, 8], "word"] = None
    case = table_case(df, "y", groups="word")
    label = labels_of(case.table, "word")
    assert len({*label[[3, 5, 8]]}) == 3
    assert (np.bincount(label)[label[[3, 5, 8]]] == 1).all()


def test_rows_without_a_target_are_no_part_of_the_balance():
    df = table()
    df.loc[df.index[:100], "y"] = np.nan
    case = table_case(df, "y", groups="word")
    assert len(folds_in(case)) == 140
    assert case.n == 140


def test_groups_and_copies_join():
    rng = np.random.default_rng(3)
    x = rng.normal(size=60).round(3)
    x[31] = x[0]  # a copy ties two groups
    df = pd.DataFrame(
        {"x": x, "g": np.repeat([f"g{i}" for i in range(20)], 3), "y": rng.normal(size=60)}
    )
    fold = folds_in(table_case(df, "y", groups="g", group_copies=True))
    assert len({fold[i] for i in (0, 1, 2, 30, 31, 32)}) == 1


def test_blocks_by_date_and_by_file():
    df = table()
    by_day = folds_in(table_case(df, "y", order="day", blocked=True))
    days = [max(df["day"][[i for i in by_day if by_day[i] == f]]) for f in range(10)]
    assert days == sorted(days)
    by_file = folds_in(table_case(df, "y", blocked=True))
    assert [by_file[i] for i in range(240)] == [i * 10 // 240 for i in range(240)]


def test_order_is_a_rank_and_none_where_rows_are_in_order():
    df = table()
    case = table_case(df, "y", order="day")
    rank = ranks_of(case.table, "day")
    assert rank is not None
    assert sorted(rank) == list(range(240))
    assert (np.diff(df["number"].to_numpy()[np.argsort(rank)]) >= 0).all()
    assert ranks_of(case.table, None) is None
    sorted_ = table_case(df.sort_values("day", ignore_index=True), "y")
    assert ranks_of(sorted_.table, "day") is None


def test_arrays_have_columns_too():
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.normal(size=100), np.repeat(np.arange(20), 5)])
    case = case_of(X, X[:, 0] + rng.normal(size=100), groups="x2")
    assert case.names == ("x1",)
    assert case.k == 10


def test_a_trial_by_group_finds_the_same_folds_and_others_keep_them():
    df = table()
    case = table_case(df, "y")
    grouped = case.rerun({"groups": "word"})
    assert same_folds(
        grouped.design.assignment, table_case(df, "y", groups="word").design.assignment
    )
    np.testing.assert_allclose(
        grouped.scores["mse"], table_case(df, "y", groups="word").scores["mse"]
    )
    assert grouped.rerun({"ridge": 2.0}).given is not None
    assert grouped.given is None  # other folds
    assert case.rerun({"order": "day"}).given is not None  # the folds do not ask for it
    np.testing.assert_allclose(
        case.rerun({"blocked": True}).scores["mse"], table_case(df, "y", blocked=True).scores["mse"]
    )


def test_a_trial_reads_a_column_that_was_not_kept():
    df = table()
    case = table_case(df, "y", roles={"word": "skip"})
    grouped = case.rerun({"groups": "word"})
    assert folds_in(grouped) == folds_in(table_case(df, "y", groups="word"))


def test_few_groups_make_few_folds_and_the_notes_say_so():
    rng = np.random.default_rng(5)
    df = pd.DataFrame(
        {"x": rng.normal(size=90), "g": np.repeat(list("abc"), 30), "y": rng.normal(size=90)}
    )
    notes = whyfit.fit(df, "y", spec=Spec(groups="g")).document.notes
    assert "rows of one g held out together: 3 groups of 30 rows." in notes
    assert "3 folds instead of 10: g has 3 groups." in notes


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"groups": "wrod"}, r"does not have; did you mean 'word'\?"),
        ({"groups": "one"}, "at least 2 groups; 'one' has 1 in the 240 rows"),
        ({"order": "daz"}, r"did you mean 'day'\?"),
        ({"order": "word"}, "'word', which is categorical; expected a column of numbers or dates"),
        ({"order": "one", "blocked": True}, "has one value"),
        ({"order": "word", "covariance": "HAC"}, "expected a column of numbers or dates"),
        ({"blocked": True, "group_copies": True}, "two ways to hold rows out"),
    ],
)
def test_what_cannot_be_is_said(choices, said):
    df = table()
    df["one"] = 1.0
    with pytest.raises(SpecError, match=said):
        table_case(df, "y", **choices)


def test_the_only_other_column_is_the_groups():
    from whyfit.errors import SchemaError

    with pytest.raises(SchemaError, match="no feature is left"):
        table_case({"g": [1, 1, 2, 2, 3, 3], "y": [1.0, 2, 3, 4, 5, 6]}, "y", groups="g")
