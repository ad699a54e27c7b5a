"""Bootstrap moments against naive refits, theory, and what must not matter: blocks, threads, lengths of columns."""

from __future__ import annotations

import numpy as np
import pytest

from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError, SpecError
from whyfit.fold import Rows
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.resampling import (
    Blocks,
    DoubleOrNothing,
    Multinomial,
    Poisson,
    block_length,
    clusters,
    coefficients_of,
    one_step,
    replicate_moments,
    score_bootstrap,
)
from whyfit.probability.resampling import draws as draws_module
from whyfit.probability.resampling import replicates as replicates_module
from whyfit.probability.resampling.draws import all_weights
from whyfit.probability.resampling.score import least_squares_scores
from whyfit.probability.residuals import examine


class Cut:
    """The same rows in blocks of another length."""

    def __init__(self, rows: ArrayRows, size: int) -> None:
        self.rows, self.size, self.names = rows, size, rows.names

    def blocks(self):
        for block in self.rows.blocks():
            for start in range(0, len(block.y), self.size):
                yield block.take(slice(start, start + self.size))


def table(n: int, p: int = 3, seed: int = 0, spread=None):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** np.arange(-2, p - 2) + 50
    noise = rng.normal(size=n) * (1.0 if spread is None else spread(X))
    return X, X @ (1 / 10.0 ** np.arange(-2, p - 2)) + noise


def fitted(X, y, intercept: bool = True):
    rows = ArrayRows(X, y, 5)
    return fit_moments(gather(rows, 5).total, rows.names, 0.0, rows, intercept=intercept), rows


def naive(X, y, w, intercept: bool = True):
    A = np.column_stack([np.ones(len(y)), X]) if intercept else X
    r = np.sqrt(w)
    A, b = A * r[:, None], y * r
    beta, rss = np.linalg.lstsq(A, b, rcond=None)[:2]
    V = np.linalg.inv(A.T @ A)
    se = np.sqrt(rss[0] / (w.sum() - A.shape[1]) * np.diag(V))
    return (beta, se) if intercept else (np.append(0, beta), np.append(0, se))


def draws(n: int):
    yield Poisson(3)
    yield DoubleOrNothing(3)
    yield Multinomial(n, 3)
    yield clusters(np.arange(n) // 7, 3)
    yield Blocks(n, 11, 3)


@pytest.mark.parametrize("draw", list(draws(2100)), ids=lambda d: type(d).__name__)
@pytest.mark.parametrize("intercept", [True, False])
def test_every_replicate_is_a_weighted_fit(draw, intercept):
    X, y = table(2100)  # more than one chunk, the second short
    fit, rows = fitted(X, y, intercept)
    R = replicate_moments(fit, rows, 6, draw)
    W = all_weights(draw, rows.blocks(), 6)
    np.testing.assert_allclose(R.n, W.sum(axis=1))
    for b in range(6):
        beta, se = naive(X, y, W[b], intercept)
        np.testing.assert_allclose(R.coefficients()[b], beta, rtol=1e-7)
        np.testing.assert_allclose(R.standard_errors()[b], se, rtol=1e-6)


def test_float32_moves_replicates_by_a_sliver_of_a_standard_error(monkeypatch):
    X, y = table(20_000)
    X[:, 1] = X[:, 0] + 1e-5 * np.random.default_rng(1).normal(size=20_000)  # nearly dependent
    fit, rows = fitted(X, y)
    exact = replicate_moments(fit, rows, 40).coefficients()
    monkeypatch.setattr(replicates_module, "FEW_FLOPS", 0.0)
    fast = replicate_moments(fit, rows, 40).coefficients()
    assert not np.array_equal(exact, fast)
    assert np.abs((fast - exact) / fit.inference().std_error).max() < 1e-3


def test_neither_blocks_nor_threads_nor_more_replicates_change_a_bit(monkeypatch):
    X, y = table(9000)
    fit, rows = fitted(X, y)
    monkeypatch.setattr(replicates_module, "FEW_FLOPS", 0.0)
    for draw in draws(9000):
        base = replicate_moments(fit, rows, 600, draw, LocalEngine(1)).products
        for source, threads in ((rows, 3), (Cut(rows, 700), 2), (Cut(rows, 2048), 1)):
            again = replicate_moments(fit, source, 600, draw, LocalEngine(threads)).products
            assert np.array_equal(again, base)
        fewer = replicate_moments(fit, rows, 100, draw).products
        np.testing.assert_allclose(fewer, base[:100], rtol=1e-4, atol=1e-2)
    other = replicate_moments(fit, rows, 600, Poisson(4)).products
    assert not np.array_equal(other, replicate_moments(fit, rows, 600, Poisson(3)).products)


@pytest.mark.parametrize("draw", list(draws(3000)), ids=lambda d: type(d).__name__)
def test_spread_is_the_sandwich(draw):
    """Rows are independent here, so clusters and blocks of rows must agree with HC0 too."""
    X, y = table(3000, spread=lambda X: np.abs(X[:, 1] - 50) * 5)
    fit, rows = fitted(X, y)
    kind = "HC0"
    robust = fit.inference(
        meat=examine(fit, rows, kinds=(kind,)).meat(kind, 3), kind=kind
    ).std_error
    assert robust[2] > 1.5 * fit.inference().std_error[2]
    for W in (
        replicate_moments(fit, rows, 1000, draw).coefficients(),
        one_step(fit, rows, 1000, draw),
    ):
        # 1/√2000 = 2.2 % of replicates, and the meat of 270 blocks itself varies by some per cent
        np.testing.assert_allclose(W.std(axis=0, ddof=1) / robust, 1.0, atol=0.16)


def test_weights_have_the_law_they_are_named_for():
    rows = ArrayRows(np.zeros((2500, 1)), np.zeros(2500), 5)
    W = {type(d).__name__: all_weights(d, rows.blocks(), 600) for d in draws(2500)}
    error = 5 / np.sqrt(600 * 2500)
    for name in ("Poisson", "DoubleOrNothing", "Multinomial"):
        assert abs(W[name].mean() - 1) < error
        assert abs(W[name].var() - 1) < 5 * error
        i, j = W[name][:, 5], W[name][:, 2400]  # rows of two chunks
        assert abs(np.corrcoef(i, j)[0, 1]) < 5 / np.sqrt(600)
    third = {k: ((w - 1) ** 3).mean() for k, w in W.items()}
    assert abs(third["Poisson"] - 1) < 0.02
    assert abs(third["DoubleOrNothing"]) < 0.02
    assert set(W["Multinomial"].sum(axis=1)) == {2500.0}
    assert np.array_equal(W["Clusters"][:, 0], W["Clusters"][:, 6])
    assert not np.array_equal(W["Clusters"][:, 6], W["Clusters"][:, 7])
    assert set(W["Blocks"].sum(axis=1)) == {228 * 11.0}  # ⌈2500/11⌉ blocks, none cut short
    near, far = (np.corrcoef(W["Blocks"][:, 100], W["Blocks"][:, j])[0, 1] for j in (103, 120))
    assert abs(near - 8 / 11) < 0.15  # rows 3 apart share 8 of 11 starts
    assert abs(far) < 0.2
    ends = np.corrcoef(W["Blocks"][:, 0], W["Blocks"][:, -1])[0, 1]
    assert abs(ends - 10 / 11) < 0.15  # the circle is closed


def test_any_function_of_moments():
    X, y = table(400)
    fit, rows = fitted(X, y)
    R = replicate_moments(fit, rows, 20, Poisson(1))
    W = all_weights(Poisson(1), rows.blocks(), 20)
    Z = np.column_stack([X, y])
    got = R.apply(lambda m: m.scatter[0, 3] / np.sqrt(m.scatter[0, 0] * m.scatter[3, 3]))
    want = [np.corrcoef(np.repeat(Z, w.astype(int), axis=0).T)[0, 3] for w in W]
    np.testing.assert_allclose(got, want, rtol=1e-8)
    np.testing.assert_allclose(R.apply(coefficients_of(fit)), R.coefficients(), rtol=1e-6)
    r2 = R.apply(lambda m: fit_moments(m, rows.names).r2)
    np.testing.assert_allclose(R.r2(), r2, rtol=1e-6)


def test_one_step_is_near_refitting_and_follows_its_scores():
    X, y = table(30_000)
    fit, rows = fitted(X, y)
    full, step = replicate_moments(fit, rows, 300).coefficients(), one_step(fit, rows, 300)
    se = fit.inference().std_error
    assert np.abs((full - step) / se).max() < 0.2  # of order √(c/n) of an error
    assert min(np.corrcoef(full[:, j], step[:, j])[0, 1] for j in range(4)) > 0.999
    plain = score_bootstrap(R_estimate(fit), fit.V, least_squares_scores(fit), rows, 300)
    np.testing.assert_allclose((plain - step) / se, 0, atol=2e-2)


def R_estimate(fit):
    return np.append(fit.intercept, fit.coef)


def test_dropped_columns_and_replicates_without_a_fit():
    X, y = table(12)
    X[:, 2] = 2 * X[:, 1]
    fit, rows = fitted(X, y)
    R = replicate_moments(fit, rows, 200, Multinomial(12))
    W = R.coefficients()
    assert np.isnan(W[:, fit.dropped.nonzero()[0][0] + 1]).all()
    assert np.isfinite(np.delete(W, fit.dropped.nonzero()[0][0] + 1, axis=1)).mean() > 0.99
    small, rows = fitted(*table(4, p=2))
    R = replicate_moments(small, rows, 400, Multinomial(4))
    weight = all_weights(Multinomial(4), rows.blocks(), 400)
    alone = (weight > 0).sum(axis=1) < 3  # three coefficients need three different rows
    assert alone.any()
    assert R.failed == alone.sum()
    assert np.array_equal(np.isnan(R.coefficients()[:, 1]), alone)


def test_an_exact_fit_has_no_spread():
    X, _ = table(50)
    fit, rows = fitted(X, 1 + X @ np.ones(3))
    W = replicate_moments(fit, rows, 50).coefficients()
    np.testing.assert_allclose(W[:, 1:], 1.0, rtol=1e-7)


def test_messages():
    X, y = table(60)
    fit, rows = fitted(X, y)
    with pytest.raises(SpecError, match="1 replicates; expected at least 2"):
        replicate_moments(fit, rows, 1)
    with pytest.raises(ShapeError, match="the fit has 60 rows and 59 were given"):
        replicate_moments(fit, ArrayRows(X[1:], y[1:], 5), 5)
    ridge = fit_moments(gather(rows, 5).total, rows.names, 1.0, rows)
    with pytest.raises(SpecError, match="penalty 1; resampling"):
        replicate_moments(ridge, rows, 5)
    with pytest.raises(SpecError, match="replicates of 5 columns take"):
        replicate_moments(fit, rows, 50_000_000)
    with pytest.raises(SpecError, match="blocks of 61 rows of 60"):
        Blocks(60, 61)
    with pytest.raises(ShapeError, match="there are 1 clusters"):
        clusters(np.zeros(60))
    with pytest.raises(ShapeError, match=r"the scores have shape \(60, 2\)"):
        score_bootstrap(np.zeros(3), np.eye(3), lambda _: np.zeros((60, 2)), rows, 5)


def test_length_of_blocks():
    assert block_length(1000, 0.0) == 1
    assert block_length(1000, 0.5) == 14  # (4/3)^(2/3)·1500^(1/3) = 13.9
    assert block_length(10, 0.999) == 5


def test_chunks_are_cut_alike():
    rows = Rows(np.arange(10.0)[:, None], np.arange(10.0), np.arange(10), np.zeros(10, dtype=int))
    parts = list(
        draws_module.chunks(
            [rows.take(slice(0, 3)), rows.take(slice(3, 3)), rows.take(slice(3, 10))]
        )
    )
    assert [len(c.rows.y) for c in parts] == [10]
    assert np.array_equal(parts[0].rows.y, np.arange(10.0))
