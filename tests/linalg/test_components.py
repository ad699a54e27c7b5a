"""Principal components: scikit-learn's numbers, coverage of the intervals, how many to keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn.decomposition import PCA as Peer
from sklearn.preprocessing import StandardScaler

from whyfit.errors import ShapeError, SpecError
from whyfit.linalg.components import jackknife, kurtosis_of, principal_components
from whyfit.linalg.dimensions import (
    SIMULATED,
    dimensions,
    held_out_density,
    parallel_analysis,
)
from whyfit.linalg.moments import FoldMoments, Moments

LEVEL = 0.9


def folded(X, k=10, seed=0):
    """FoldMoments of X in random folds, made the naive way."""
    label = np.random.default_rng(seed).permutation(len(X)) % k
    parts = [Moments.of(X[label == j]) for j in range(k)]
    zero = np.zeros(X.shape[1])
    return FoldMoments(
        np.array([m.n for m in parts]),
        np.array([m.mean for m in parts]),
        np.array([m.scatter for m in parts]),
        zero,
    )


def spiked(rng, n, p, spikes, noise=1.0):
    """Rows with variances `spikes` along random directions beside `noise` in all."""
    V = np.linalg.qr(rng.normal(size=(p, p)))[0]
    s = np.sqrt(np.append(spikes, np.zeros(p - len(spikes))))
    return (rng.normal(size=(n, p)) * s) @ V.T + np.sqrt(noise) * rng.normal(size=(n, p))


def covers(hits, runs, level=LEVEL):
    """Whether the coverage seen is compatible with the level (two-sided, 1 % each)."""
    return special.bdtr(hits, runs, level) > 0.01 and special.bdtrc(hits - 1, runs, level) > 0.01


@settings(max_examples=30)
@given(st.integers(2, 40), st.integers(1, 8), st.integers(0, 10**6))
def test_numbers_are_those_of_scikit_learn(n, p, seed):
    X = np.random.default_rng(seed).normal(size=(n, p)) * np.arange(1, p + 1) + 5
    c, peer = principal_components(Moments.of(X)), Peer().fit(X)
    r = peer.n_components_
    top = c.variances[0]
    np.testing.assert_allclose(c.variances[:r], peer.explained_variance_, atol=1e-12 * top)
    np.testing.assert_allclose(c.shares[:r], peer.explained_variance_ratio_, atol=1e-12)
    np.testing.assert_allclose(c.mean, peer.mean_, rtol=1e-12)
    sure = c.spectral.angle[:r] < 1e-10
    sure &= c.variances[:r] > 1e-9 * top
    np.testing.assert_allclose(c.directions[:r][sure], peer.components_[sure], atol=1e-4)
    k = min(p, n - 1) - 1
    if k > 0:
        peer = Peer(k).fit(X)
        assert c.noise_variance(k) * (p - k) == pytest.approx(
            peer.noise_variance_ * (min(n, p) - k), rel=1e-8, abs=1e-12 * top
        )


def test_unit_variance_is_standardising_first():
    X = np.random.default_rng(0).normal(size=(50, 4)) @ np.diag([1, 10, 1e4, 1e-3])
    c = principal_components(Moments.of(X), unit_variance=True)
    peer = Peer().fit(StandardScaler().fit_transform(X))
    np.testing.assert_allclose(c.variances, peer.explained_variance_ * 49 / 50, rtol=1e-10)
    np.testing.assert_allclose(c.scale, X.std(axis=0, ddof=1))


@pytest.mark.parametrize("tails", ["normal", "t8", "uniform"])
def test_coverage_of_the_intervals(tails):
    """Simple variances 9, 4, 1 of 400 rows: what the level promises is what is covered."""
    lam = np.array([9.0, 4.0, 1.0])
    runs, hits = 200, np.zeros((3, 3), dtype=int)
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        Z = {
            "normal": lambda r: r.normal(size=(400, 3)),
            "t8": lambda r: r.standard_t(8, size=(400, 3)) / np.sqrt(8 / 6),
            "uniform": lambda r: r.uniform(-np.sqrt(3), np.sqrt(3), size=(400, 3)),
        }[tails](rng)
        X = Z * np.sqrt(lam)
        c = principal_components(Moments.of(X))
        ends = (
            c.intervals(LEVEL),
            c.intervals(LEVEL, kurtosis_of((X - c.mean) @ c.directions.T)),
            jackknife(folded(X, seed=seed), 3, LEVEL),
        )
        for i, e in enumerate(ends):
            hits[i] += (e[:, 0] <= lam) & (lam <= e[:, 1])
    normal, robust, folds = hits
    if tails == "normal":
        assert all(covers(h, runs) for h in normal), hits
    # few rows seldom show their tails: realised 0.84 to 0.90 for a nominal 0.90 under t8
    assert (robust >= (LEVEL - 0.08) * runs).all(), hits
    assert (folds >= (LEVEL - 0.08) * runs).all(), hits
    if tails == "t8":
        assert (robust >= normal).all()
        assert not any(covers(h, runs) for h in normal), hits
    if tails == "uniform":
        assert (normal > robust).all()


@pytest.mark.parametrize("r", [0, 1, 3, 6])
def test_both_counts_find_planted_dimensions(r):
    exact = np.zeros(2, dtype=int)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        folds = folded(spiked(rng, 500, 20, [3.0] * r), seed=seed)
        found = dimensions(folds, rng=seed)
        exact += [found.evidence == r, found.parallel == r]
        assert found.recommended == found.evidence
        assert str(found.evidence) in found.why
    assert exact[0] >= 8  # one standard error allows a component too few now and then
    assert exact[1] >= 8  # 95 % by its construction


def test_unequal_noise_misleads_the_evidence_and_it_says_so():
    rng = np.random.default_rng(0)
    X = spiked(rng, 2000, 12, [0.0]) * np.linspace(1, 8, 12)
    found = dimensions(folded(X))
    assert found.evidence > 6
    assert found.parallel == 0
    assert found.recommended == 0
    assert "noise differs" in found.why
    assert dimensions(folded(X), unit_variance=True).recommended == 0


def test_units_do_not_decide_where_the_evidence_fails():
    rng = np.random.default_rng(1)
    X = spiked(rng, 600, 12, [6.0, 6.0]) * 10.0 ** rng.integers(-3, 4, 12)
    found = dimensions(folded(X))
    assert found.evidence > 6
    assert found.recommended == dimensions(folded(X), unit_variance=True).parallel == 2


def test_held_out_density_is_that_of_the_normal_law():
    """The naive twin: the density of every held-out row under N(μ, WW' + σ²I), row by row."""
    rng = np.random.default_rng(1)
    X = spiked(rng, 90, 5, [4.0, 2.0]) + 100
    folds = folded(X, k=3)
    label = np.random.default_rng(0).permutation(90) % 3
    scores = held_out_density(folds).scores
    for j in range(3):
        train, test = X[label != j], X[label == j]
        mean = train.mean(axis=0)
        lam, V = np.linalg.eigh(np.cov(train.T, bias=True))
        lam, V = lam[::-1], V[:, ::-1]
        for k in range(5):
            d = np.append(lam[:k], np.full(5 - k, lam[k:].mean()))
            C = (V * d) @ V.T
            e = test - mean
            quad = np.einsum("ij,jk,ik->i", e, np.linalg.inv(C), e)
            naive = -0.5 * (5 * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + quad).mean()
            assert scores[j, k] == pytest.approx(naive, rel=1e-9)


def test_parallel_thresholds_are_eigenvalues_of_independent_columns():
    rng = np.random.default_rng(2)
    sd = np.array([1.0, 2.0, 5.0])
    naive = np.quantile(
        [np.linalg.eigvalsh(np.cov((rng.normal(size=(60, 3)) * sd).T))[::-1] for _ in range(1000)],
        0.95, axis=0,
    )  # fmt: skip
    m = Moments(60, np.zeros(3), np.diag(sd**2) * 59)
    np.testing.assert_allclose(parallel_analysis(m).thresholds, naive, rtol=0.04)
    unit = parallel_analysis(m, unit_variance=True).thresholds
    naive = np.quantile(
        [np.linalg.eigvalsh(np.corrcoef(rng.normal(size=(60, 3)).T))[::-1] for _ in range(1000)],
        0.95, axis=0,
    )  # fmt: skip
    np.testing.assert_allclose(unit, naive, rtol=0.03)


def test_wide_tables_use_the_tracy_widom_edge():
    p, n = SIMULATED + 20, 1000
    rng = np.random.default_rng(3)
    X = spiked(rng, n, p, [20.0, 10.0])
    found = parallel_analysis(Moments.of(X))
    assert found.count == 2
    noise = Moments.of(rng.normal(size=(n, p)))
    assert parallel_analysis(noise).count == 0
    assert principal_components(noise).variances[0] == pytest.approx(
        (1 + np.sqrt(p / n)) ** 2, rel=0.03
    )


def test_more_columns_than_rows():
    rng = np.random.default_rng(4)
    X = spiked(rng, 40, 60, [200.0, 100.0])
    folds = folded(X, k=4)
    density = held_out_density(folds)
    assert density.chosen == 2
    assert np.isnan(density.scores[:, 39:]).all()  # nothing is left over for the noise
    assert parallel_analysis(folds.total).count == 2


def test_degenerate_input():
    one = principal_components(Moments.of(np.ones((1, 3))))
    assert one.variances.tolist() == [0, 0, 0]
    assert np.isnan(one.intervals()).all()
    assert one.shares.tolist() == [0, 0, 0]
    flat = Moments.of(np.c_[np.ones(20), np.arange(20.0)])
    c = principal_components(flat, unit_variance=True)
    np.testing.assert_allclose(c.variances, [1, 0], atol=1e-15)
    assert c.noise_variance(2) == 0
    assert kurtosis_of(np.zeros((5, 2))).tolist() == [3, 3]
    assert parallel_analysis(Moments.of(np.eye(2))).count == 0
    with pytest.raises(ShapeError, match="no rows"):
        principal_components(Moments.empty(2))
    with pytest.raises(
        ShapeError, match="0 folds hold rows; a held-out density needs at least two"
    ):
        held_out_density(folded(np.eye(4), k=1))
    with pytest.raises(ShapeError, match="no column varies"):
        held_out_density(folded(np.ones((20, 2)), k=2))
    with pytest.raises(SpecError, match=r"the level is 95; expected one in \(0, 1\)"):
        c.intervals(95)
    assert np.isnan(jackknife(folded(np.eye(4), k=1), 2)).all()
