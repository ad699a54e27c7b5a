"""New rows under a fitted design: the target by every kind of column, samples of many rows, gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import whyfit.data.new_sample as module
from simulated import case_of, table_case
from whyfit.data.new_sample import read_new_sample

N = 200


def frame(rng):
    return pd.DataFrame(
        {"a": rng.normal(size=N), "g": rng.choice(list("xyz"), N), "y": rng.normal(size=N)}
    )


TARGETS = {
    "numbers": lambda y: y,
    "words": lambda y: np.where(y > 0, "yes", "no"),
    "booleans": lambda y: y > 0,
    "codes": lambda y: (y > 0).astype(int) + 1,
    "three words": lambda y: np.array(["p", "q", "r"])[np.digitize(y, [-0.5, 0.5])],
}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("as_file", [False, True])
def test_the_target_is_coded_as_in_training(kind, as_file, tmp_path):
    """The training table read as new rows has its own X and y."""
    data = frame(np.random.default_rng(0))
    data["y"] = TARGETS[kind](data.y.to_numpy())
    case = table_case(dict(data), "y")
    source = data
    if as_file:
        source = tmp_path / "new.csv"
        data.to_csv(source, index=False)
    new = read_new_sample(case.design, source)
    assert new.n == N
    np.testing.assert_allclose(new.X, case.sample.X)
    np.testing.assert_allclose(new.y, case.sample.y)
    assert read_new_sample(case.design, data.drop(columns="y")).y is None


def test_unknown_classes_and_gaps_have_no_target():
    data = frame(np.random.default_rng(1))
    data["y"] = np.where(data.y > 0, "yes", "no")
    case = table_case(dict(data), "y")
    new = data.copy()
    new.loc[0, "y"], new.loc[1, "y"], new.loc[2, "g"], new.loc[3, "a"] = "maybe", None, "w", np.nan
    made = read_new_sample(case.design, new)
    assert np.isnan(made.y[:2]).all()
    assert np.isfinite(made.y[2:]).all()
    assert made.unseen == {"g": 1}
    assert made.missing == {"a": 1}
    assert read_new_sample(case.design, data.assign(y="other")).y is None


def test_a_log_target_is_a_logarithm():
    data = frame(np.random.default_rng(2))
    data["y"] = np.exp(data.y)
    case = table_case(dict(data), "y", target_transform="log")
    new = data.copy()
    new.loc[0, "y"] = -1.0
    made = read_new_sample(case.design, new)
    assert np.isnan(made.y[0])
    np.testing.assert_allclose(made.y[1:], np.log(data.y[1:]))


def test_many_rows_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(module, "sample_rows", lambda _: 30)
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(N, 2)), np.arange(N) + 0.5
    case = case_of(X, y)
    made = read_new_sample(case.design, (X, y))
    assert made.n == N
    assert 30 <= len(made.y) <= 60
    assert len(np.unique(np.diff(made.y))) == 1
    np.testing.assert_allclose(made.X[:, 0], X[(made.y - 0.5).astype(int), 0])


def test_rows_with_gaps_are_left_out_if_training_left_them_out():
    data = frame(np.random.default_rng(4))
    data.loc[5, "a"] = np.nan
    case = table_case(dict(data), "y", missing="drop")
    made = read_new_sample(case.design, data)
    assert made.n == N
    assert len(made.X) == len(made.y) == N - 1
