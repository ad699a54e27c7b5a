"""What a column is taken for: the laws of detection, and their limits."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyfit.data.roles import id_like
from whyfit.data.schema import Column
from whyfit.data.table import read_table
from whyfit.spec import Spec

RNG = np.random.default_rng(7)
N = 400


def csv_column(folder, values, name="x", **spec) -> Column:
    """The column as read from a CSV beside another feature and a target."""
    frame = pl.DataFrame(
        {name: values, "other": RNG.normal(size=len(values)), "y": RNG.normal(size=len(values))}
    )
    frame.write_csv(folder / "t.csv")
    return read_table(folder / "t.csv", Spec(target="y", **spec)).schema[name]


CASES = {
    "floats": (RNG.normal(size=N), "x", "numeric"),
    "few integers": (RNG.integers(0, 5, N), "x", "numeric"),
    "0/1 stays numeric": (RNG.integers(0, 2, N), "x", "numeric"),
    "true/false": (["True", "False"] * (N // 2), "x", "boolean"),
    "TRUE/FALSE": (["TRUE", "FALSE"] * (N // 2), "x", "boolean"),
    "yes/no is a category": (["yes", "no"] * (N // 2), "x", "categorical"),
    "t/f is a category": (["t", "f"] * (N // 2), "x", "categorical"),
    "few strings": ([f"l{i % 12}" for i in range(N)], "x", "categorical"),
    "zip-like strings": ([f"z9{i % 90}" for i in range(N)], "x", "categorical"),
    "unique tokens": ([f"tok{i * 7919 % 10007}" for i in range(N)], "x", "identifier"),
    "unique sentences": ([f"the {i} quick foxes {i * i}" for i in range(N)], "x", "text"),
    "long repeated sentences": (["a long and winding road " * 3 + str(i % 90) for i in range(N)], "x", "text"),
    "ISO dates": ([f"2021-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(N)], "x", "datetime"),
    "times": ([f"2021-03-04T{i % 24:02d}:{i % 60:02d}:00Z" for i in range(N)], "x", "datetime"),
    "d/m/y": ([f"{1 + i % 28}/{1 + i % 12}/2021" for i in range(N)], "x", "datetime"),
    "all missing": ([""] * N, "x", "constant"),
    "one number": ([3] * N, "x", "constant"),
    "one word": (["w"] * N, "x", "constant"),
    "one word and gaps": (["w", ""] * (N // 2), "x", "constant"),
    "row counter from 1": (range(1, N + 1), "", "identifier"),
    "row counter from 0, any name": (range(N), "thing", "identifier"),
    "short counter with an index-like name": (range(1, 13), "index", "identifier"),
    "short counter with a telling name": (range(1, 13), "dose", "numeric"),
    "years are no counter": (range(1950, 1950 + N), "year", "numeric"),
    "counter of another start": (range(50, 74), "year", "numeric"),
    "unique integers, id-like name": (RNG.permutation(10**6)[:N], "CustomerId", "identifier"),
    "sorted unique ids": (np.cumsum(RNG.integers(1, 90, N)), "patient_id", "identifier"),
    "unique integers, plain name": (RNG.permutation(10**6)[:N], "salary", "numeric"),
    "shuffled counter": (RNG.permutation(N), "thing", "identifier"),
    "nearly unique ids": ([*RNG.permutation(10**6)[: N - 8], *range(4), *range(4)], "id", "identifier"),
    "repeated ids": (RNG.integers(0, N // 4, N), "id", "numeric"),
    "floats named id": (RNG.normal(size=N), "id", "numeric"),
    "mostly words": ([i if i % 4 == 0 else "ab"[i % 2] for i in range(N)], "x", "categorical"),
    "a few words": ([i * 37 % 109 if i % 25 else "oops" for i in range(N)], "x", "numeric"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_roles(case, tmp_path):
    values, name, role = CASES[case]
    strings = [str(v) for v in values]
    path = tmp_path / "t.csv"
    rows = "".join(f"{s},{i * 31 % 17 / 4},{i % 13 / 8}\n" for i, s in enumerate(strings))
    path.write_text(f"{name},other,y\n" + rows)
    found = read_table(path, Spec(target="y")).schema.columns[0]
    assert found.role == role, found
    if role in ("identifier", "constant"):
        assert found.reason


def test_ambiguous_dates_are_not_guessed(tmp_path):
    c = csv_column(tmp_path, [f"{1 + i % 12}/{1 + i % 11}/2021" for i in range(N)])
    assert c.role != "datetime"
    assert c.reason == "dates whose day and month cannot be told apart"


def test_dates_keep_the_cells_that_fail(tmp_path):
    values = [f"2021-01-{1 + i % 28:02d}" for i in range(N)]
    values[5] = "soon"
    c = csv_column(tmp_path, values)
    assert (c.role, c.n_unreadable, c.n_missing, c.examples[0].text) == ("datetime", 1, 1, "soon")
    assert (c.minimum, c.maximum, c.has_time) == (18628.0, 18655.0, False)


def test_levels_fall_by_count_then_name(tmp_path):
    c = csv_column(tmp_path, ["b"] * 5 + ["a"] * 5 + ["c"] * 9 + ["d"])
    assert c.levels == ("c", "a", "b", "d")
    assert c.counts == (9, 5, 5, 1)
    assert c.n_distinct == 4


@pytest.mark.parametrize(
    ("role", "values", "name"),
    [
        ("categorical", [1, 2, 3] * 30, "x"),
        ("numeric", list(range(90)), "id"),
        ("text", ["a", "b"] * 45, "x"),
        ("identifier", ["a", "b"] * 45, "x"),
        ("skip", [1.5, 2.5] * 45, "x"),
        ("boolean", ["yes", "no"] * 45, "x"),
        ("boolean", [5, 7] * 45, "x"),
        ("datetime", ["1/2/2021", "13/2/2021"] * 45, "x"),
    ],
)
def test_roles_of_the_user_win(tmp_path, role, values, name):
    c = csv_column(tmp_path, values, name, roles={name: role})
    assert c.role == role
    if role == "boolean":
        assert (c.minimum, c.maximum, c.mean) == (0, 1, 0.5)


def test_forced_numbers_count_every_unreadable_cell(tmp_path):
    c = csv_column(tmp_path, ["a", "b", "1", "2"] * 20, roles={"x": "numeric"})
    assert (c.role, c.n_unreadable, c.n_missing) == ("numeric", 40, 40)


def test_the_only_feature_is_kept_although_it_looks_like_a_counter(tmp_path):
    (tmp_path / "t.csv").write_text("t,y\n" + "".join(f"{i},{i * i}\n" for i in range(50)))
    c = read_table(tmp_path / "t.csv", Spec(target="y")).schema["t"]
    assert c.role == "numeric"
    assert "no other feature" in c.reason


def test_the_target_is_never_an_identifier(tmp_path):
    (tmp_path / "t.csv").write_text("a,id\n" + "".join(f"{i % 7},{i}\n" for i in range(50)))
    assert read_table(tmp_path / "t.csv", Spec(target="id")).schema["id"].role == "numeric"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("id", True), ("ID", True), ("customer_id", True), ("CustomerId", True), ("customerID", True),
        ("Ticket", True), ("hospital_number", True), ("zip code", True), ("uuid", True),
        ("id_patient", True), ("width", False), ("acid", False), ("paid", False), ("humidity", False),
        ("identity_theft", False), ("valid", False), ("note", False), ("", False),
    ],
)  # fmt: skip
def test_names_that_say_identifier(name, expected):
    assert id_like(name) is expected


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(30, 300), st.integers(2, 50))
def test_draws_of_a_quantity_are_never_taken_for_identifiers(seed, n, spread):
    """A rounded quantity may be all different by chance only where the birthday bound allows it."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=n) * n * spread)
    frame = pl.DataFrame({"x": x, "other": rng.normal(size=n), "y": rng.normal(size=n)})
    column = read_table(frame, Spec(target="y")).schema["x"]
    if np.unique(x).size < n or n * n < 20 * np.ptp(x):
        assert column.role == "numeric"


def test_repeats_are_found_across_batches_and_beyond_what_is_remembered(monkeypatch):
    monkeypatch.setattr("whyfit.data.encode.KEPT", 1000)
    n = 150_000
    ids = np.random.default_rng(0).choice(10**9, n, replace=False)
    y = np.arange(n) % 97
    other = y * 0.5
    unique = read_table(pl.DataFrame({"id": ids, "o": other, "y": y}), Spec(target="y"))
    assert unique.schema["id"].role == "identifier"
    twice = np.concatenate([ids[: n // 2], ids[: n // 2]])
    repeated = read_table(pl.DataFrame({"id": twice, "o": other, "y": y}), Spec(target="y"))
    assert repeated.schema["id"].role == "numeric"


def test_more_levels_than_can_be_followed_become_text_or_identifier(monkeypatch, tmp_path):
    monkeypatch.setattr("whyfit.data.encode.MANY", 100)
    monkeypatch.setattr("whyfit.data.plan.MANY", 100)
    assert csv_column(tmp_path, [f"tok{i}" for i in range(N)]).role == "identifier"
    assert csv_column(tmp_path, [f"two words {i}" for i in range(N)]).role == "text"
