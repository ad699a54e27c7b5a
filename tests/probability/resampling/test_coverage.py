"""Do intervals keep their promise? Simulated, with binomial bounds about what the docstrings say was measured."""

from __future__ import annotations

import numpy as np
from scipy import stats

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.resampling import (
    Multinomial,
    Poisson,
    basic,
    bca,
    clusters,
    influence_of_coefficients,
    normal,
    percentile,
    replicate_moments,
    studentised,
)

ENGINE = LocalEngine(1)


def agrees(hits: int, tables: int, measured: float) -> bool:
    """Within what chance leaves of a share that was itself measured to about a point."""
    bounds = stats.binomtest(hits, tables).proportion_ci(0.999)
    return bounds.low - 0.01 <= measured <= bounds.high + 0.01


def test_mean_of_twenty_exponential_values():
    """Skewed and small: nothing covers 95 %, and studentised comes nearest."""
    rng = np.random.default_rng(0)
    tables, n, B = 1000, 20, 999
    hits = dict.fromkeys(("percentile", "basic", "bca", "studentised", "normal"), 0)
    for _ in range(tables):
        x = rng.exponential(size=n)
        drawn = x[rng.integers(n, size=(B, n))]
        T, se = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / np.sqrt(n)
        theta = x.mean()
        found = {
            "percentile": percentile(T),
            "basic": basic(T, theta),
            "bca": bca(T, theta, x - theta),
            "studentised": studentised(T, se, theta, x.std(ddof=1) / np.sqrt(n)),
            "normal": normal(T, theta),
        }
        for name, (low, high) in found.items():
            hits[name] += low <= 1 <= high
    measured = {"percentile": 90.3, "basic": 87.4, "bca": 91.1, "studentised": 94.2, "normal": 88.9}
    for name, share in measured.items():
        assert agrees(hits[name], tables, share / 100), (name, hits[name])
    assert hits["studentised"] > max(hits["bca"], hits["normal"], hits["basic"])


def fitted(X, y):
    rows = ArrayRows(X, y, 1)
    return fit_moments(gather(rows, 1, ENGINE).total, rows.names, 0.0, rows), rows


def test_slope_from_twenty_rows():
    rng = np.random.default_rng(1)
    tables, hits = 150, dict.fromkeys(("percentile", "bca", "studentised"), 0)
    with one_blas_thread():
        for seed in range(tables):
            X = rng.normal(size=(20, 1))
            fit, rows = fitted(X, 2 * X[:, 0] + rng.normal(size=20))
            R = replicate_moments(fit, rows, 499, Multinomial(20, seed), ENGINE)
            W, table = R.coefficients(), fit.inference()
            found = {
                "percentile": percentile(W),
                "bca": bca(W, R.estimate, influence_of_coefficients(fit, rows, ENGINE)),
                "studentised": studentised(W, R.standard_errors(), R.estimate, table.std_error),
            }
            for name, (low, high) in found.items():
                hits[name] += low[1] <= 2 <= high[1]
    for name, share in {"percentile": 91.5, "bca": 91.5, "studentised": 92.7}.items():
        assert agrees(hits[name], tables, share / 100), (name, hits[name])


def test_clusters_must_be_drawn_whole():
    """40 clusters of 5 rows that share half of their variance: rows drawn singly cover far too little."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(40), 5)
    tables, whole, single = 150, 0, 0
    with one_blas_thread():
        for seed in range(tables):
            X = (rng.normal(size=40)[g] + rng.normal(size=200))[:, None]
            fit, rows = fitted(X, X[:, 0] + rng.normal(size=40)[g] + rng.normal(size=200))
            for kind, draw in (("whole", clusters(g, seed)), ("single", Poisson(seed))):
                W = replicate_moments(fit, rows, 299, draw, ENGINE).coefficients()
                low, high = percentile(W)
                inside = bool(low[1] <= 1 <= high[1])
                whole += inside and kind == "whole"
                single += inside and kind == "single"
    assert single / tables < 0.9
    assert agrees(whole, tables, 0.93)
