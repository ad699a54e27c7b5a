"""LA105: a row counter of a shuffled file carries no signal, that of a sorted file does."""

import numpy as np
import pytest

from simulated import findings_in, linear_data, rarely, usually

RUNS = 60


def _numbered(X, y):
    return np.column_stack([np.arange(1, len(y) + 1), X]), y


@pytest.mark.parametrize(
    ("n", "p", "r2", "binary"),
    [(60, 2, 0.3, False), (400, 6, 0.6, False), (300, 4, 0.0, False), (300, 3, 0.3, True)],
)
def test_shuffled_files(n, p, r2, binary):
    alarms = 0
    for seed in range(RUNS):
        data = linear_data(np.random.default_rng(seed), n, p, r2, binary=binary)
        (found,) = findings_in("LA105", _numbered(*data))
        assert found.subject == ("x1",)
        alarms += found.severity == "warning"
    assert rarely(alarms, RUNS, 0.05)


@pytest.mark.parametrize("binary", [False, True])
def test_sorted_files(binary):
    hits = 0
    for seed in range(RUNS):
        rng = np.random.default_rng(seed)
        X, y = linear_data(rng, 300, 3, 0.3, binary=binary)
        order = np.argsort(y + y.std() * rng.standard_normal(300), kind="stable")  # nearly sorted
        (found, *_) = findings_in("LA105", _numbered(X[order], y[order]))
        hits += found.severity == "warning"
    assert usually(hits, RUNS, 0.9)
