"""Fits, cross-validation and residuals of rows with sparse columns against their dense twins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import logsumexp

from whyfit.calculus.logistic import newton_sums
from whyfit.calculus.multinomial import sums_at
from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_of
from whyfit.data.sample import SAMPLE_ROWS, sample_rows
from whyfit.fold import Rows, joined
from whyfit.linalg.columns import tiles
from whyfit.probability import logistic, logistic_validation, multinomial
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.residuals import examine

N, D, S, K = 1_500, 3, 12, 5
RNG = np.random.default_rng(11)
DENSE = RNG.normal(size=(N, D)) + np.array([0, 5, -2])
LATE = np.where(RNG.random((N, S)) < 0.15, RNG.random((N, S)), 0.0)
LATE[:, 3] = RNG.random(N) < 0.4  # one that is not so sparse
W = RNG.normal(size=D + S)


@dataclass(frozen=True)
class Source:
    """Rows of [DENSE LATE] in blocks, sparse or not."""

    y: np.ndarray
    sparse: bool
    late: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"x{i}" for i in range(D + S))

    def blocks(self) -> Iterator[Rows]:
        for start in range(0, N, 400):
            part = slice(start, min(start + 400, N))
            index = np.arange(part.start, part.stop)
            dense, late = DENSE[part], self.late[part]
            label = fold_of(index, K, 0)
            if self.sparse:
                yield Rows(dense, self.y[part], index, label, csr_array(late))
            else:
                yield Rows(np.hstack([dense, late]), self.y[part], index, label)


def both(y: np.ndarray, late: np.ndarray = LATE) -> tuple[Source, Source]:
    return Source(y.astype(float), True, late), Source(y.astype(float), False, late)


ETA = np.hstack([DENSE - np.array([0, 5, -2]), LATE]) @ W
BINARY = RNG.random(N) < 1 / (1 + np.exp(-ETA))
CLASSES = np.array([RNG.choice(3, p=p / p.sum()) for p in np.exp(np.outer(ETA, [0, 0.5, 1]))])
NUMBER = ETA + RNG.normal(size=N)


def close(a, b, rtol=1e-9):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-9)


def one(source: Source) -> Rows:
    return next(iter(source.blocks()))


def test_a_newton_step_is_the_same():
    centre, b = np.hstack([DENSE, LATE]).mean(axis=0), np.append(0.3, W)
    a, d = (newton_sums(b, centre, True)(one(s)) for s in both(BINARY))
    close(a.loss, d.loss)
    close(a.gradient, d.gradient)
    close(a.hessian, d.hessian)


def test_a_multinomial_step_is_the_same():
    centre, B = np.hstack([DENSE, LATE]).mean(axis=0), RNG.normal(size=(2, D + S + 1))
    a, d = (sums_at(B, centre, 1)(one(s)) for s in both(CLASSES))
    close(a.loss, d.loss)
    close(a.gradient, d.gradient)
    close(a.hessian, d.hessian)


def test_operations_of_a_tile():
    sparse, _ = both(NUMBER)
    rows, centre = one(sparse), RNG.normal(size=D + S)
    Z = np.vstack([np.ones(len(rows.y)), (rows.X - centre).T])
    B, R, w = (
        RNG.normal(size=(4, D + S + 1)),
        RNG.normal(size=(2, Z.shape[1])),
        np.arange(400.0) - 9,
    )
    ((part, tile),) = tiles(rows, centre)
    assert part.y is rows.y
    close(tile.times(B), B @ Z)
    close(tile.times(B[0]), B[0] @ Z)
    close(tile.back(R), R @ Z.T)
    close(tile.back(R[0]), R[0] @ Z.T)
    close(tile.squares(B), ((B @ Z) ** 2).sum(axis=0))
    close(tile.rows(10, 30).times(B), B @ Z[:, 10:30])
    H = np.eye(D + S + 1)
    tile.add_cross(w, H)
    close(H, np.eye(D + S + 1) + (Z * w) @ Z.T)
    H = np.eye(D + S + 1)
    tile.add_gram(w, H)
    close(H, np.eye(D + S + 1) + (Z * w**2) @ Z.T)
    order = [part.fold.tolist() for part, _ in tiles(rows, centre, by_fold=True)]
    assert order == [sorted(rows.fold.tolist())]


def logistic_pair(late=LATE, **choices):
    fits = []
    for source in both(BINARY, late):
        m = gather(source, K).total
        scale = np.sqrt(np.diag(m.scatter)[:-1] / m.n)
        dropped = scale == 0
        fit = logistic.fit_rows(
            source, m.n, m.mean[:-1], np.where(dropped, 1, scale), dropped=dropped, **choices
        )
        fits.append((source, fit))
    return fits


@pytest.mark.parametrize("ridge", [0.0, 3.0])
def test_logistic_fit_and_validation(ridge):
    (a, f), (b, g) = logistic_pair(ridge=ridge)
    assert f.converged
    close(f.coef, g.coef)
    close(f.covariance, g.covariance)
    out = frozenset({3, 50, 1_499})
    scores, B = logistic_validation.cross_validate(f, a, K, excluded=out)
    twin, C = logistic_validation.cross_validate(g, b, K, excluded=out)
    close(B, C, 1e-7)
    for name, value in scores.items():
        close(value, twin[name], 1e-8)


def test_one_set_of_curvatures_for_all_blocks(monkeypatch):
    ((a, f), _) = logistic_pair()
    several = logistic_validation.cross_validate(f, a, K)[1]
    monkeypatch.setattr(logistic_validation, "ONE_SET", 0)
    close(logistic_validation.cross_validate(f, a, K)[1], several)


def test_logistic_with_a_column_of_zeros_and_a_level_of_one_fold():
    late = LATE.copy()
    late[:, 5] = 0.0
    late[:, 6] = (fold_of(np.arange(N), K, 0) == 2) & (RNG.random(N) < 0.5)
    (a, f), (b, g) = logistic_pair(late)
    assert f.dropped.tolist() == g.dropped.tolist()
    assert f.dropped.sum() == 1
    close(f.coef, g.coef)
    scores, B = logistic_validation.cross_validate(f, a, K)
    twin, C = logistic_validation.cross_validate(g, b, K)
    close(scores["log_loss"], twin["log_loss"], 1e-7)
    at = 1 + np.flatnonzero(~f.dropped).tolist().index(D + 6)
    assert B[2, at] == C[2, at] == 0.0  # nothing is known of it without fold 2
    assert (B[[0, 1, 3, 4], at] != 0).all()
    rest = np.delete(np.arange(D + S), [D + 5, D + 6])
    X, y, label = (
        np.hstack([DENSE, late])[:, rest],
        BINARY.astype(float),
        fold_of(np.arange(N), K, 0),
    )
    alone = logistic.fit_arrays(X[label != 2], y[label != 2]).fit
    eta = alone.linear_predictor(X[label == 2])
    close(scores["log_loss"][2], np.mean(np.log1p(np.exp(eta)) - y[label == 2] * eta), 1e-7)


def test_multinomial_fit_and_validation():
    got = []
    for source in both(CLASSES):
        m = gather(source, K).total
        scale = np.sqrt(np.diag(m.scatter)[:-1] / m.n)
        fit = multinomial.fit_rows(source, m.n, m.mean[:-1], scale, classes=("a", "b", "c"))
        scores, _ = multinomial.cross_validate(fit, source, K)
        got.append((fit, scores))
    (f, scores), (g, twin) = got
    close(f.coef, g.coef, 1e-8)
    close(scores["log_loss"], twin["log_loss"], 1e-8)


def test_residuals():
    got = []
    for source in both(NUMBER):
        fit = fit_moments(gather(source, K).total, source.names, rows=source)
        got.append((fit, examine(fit, source)))
    (f, r), (g, q) = got
    close(f.coef, g.coef)
    close(r.rss, q.rss)
    close(r.sum_leverage, D + S + 1)
    close(r.max_leverage, q.max_leverage)
    for kind, M in r.meats.items():
        close(M, q.meats[kind], 1e-8)
    np.testing.assert_array_equal(r.top.index, q.top.index)
    close(r.top.X, q.top.X)
    np.testing.assert_array_equal(r.sample.X, q.sample.X)


def test_joined_blocks_hold_the_same_rows(monkeypatch):
    sparse, dense = both(NUMBER)
    (whole,) = joined(sparse.blocks())
    np.testing.assert_array_equal(whole.X, np.vstack([b.X for b in dense.blocks()]))
    np.testing.assert_array_equal(whole.index, np.arange(N))
    assert len(list(joined(dense.blocks()))) == 4  # passed on as they are
    monkeypatch.setattr("whyfit.fold.JOINED_BYTES", 2 * one(sparse).nbytes + 400)
    assert [len(b.y) for b in joined(sparse.blocks())] == [800, 700]


def test_a_sample_of_a_wide_design_is_short():
    assert sample_rows(10) == SAMPLE_ROWS
    assert sample_rows(4_500) * 4_500 * 8 <= 128 << 20
    assert sample_rows(10**9) == 1


def test_multinomial_with_a_level_of_one_fold():
    late, label = LATE.copy(), fold_of(np.arange(N), K, 0)
    late[:, 6] = (label == 2) & (RNG.random(N) < 0.5)
    got = []
    for source in both(CLASSES, late):
        m = gather(source, K).total
        scale = np.sqrt(np.diag(m.scatter)[:-1] / m.n)
        fit = multinomial.fit_rows(source, m.n, m.mean[:-1], scale, classes=("a", "b", "c"))
        got.append((fit, *multinomial.cross_validate(fit, source, K)))
    (f, scores, B), (_, twin, C) = got
    close(scores["log_loss"], twin["log_loss"], 1e-7)
    assert not B[2][:, 1 + D + 6].any()
    assert not C[2][:, 1 + D + 6].any()
    assert (B[[0, 1, 3, 4]][:, :, 1 + D + 6] != 0).all()
    rest = np.delete(np.arange(D + S), D + 6)
    X = np.hstack([DENSE, late])
    rows = ArrayRows(X[label != 2][:, rest], CLASSES[label != 2].astype(float), 2)
    n = int((label != 2).sum())
    alone = multinomial.fit_rows(
        rows, n, X[label != 2][:, rest].mean(axis=0), np.ones(len(rest)), classes=f.classes
    )
    held = X[label == 2][:, rest]
    eta = np.column_stack([np.zeros(len(held)), alone.intercept + held @ alone.coef.T])
    own = eta[np.arange(len(held)), CLASSES[label == 2]] - logsumexp(eta, axis=1)
    close(scores["log_loss"][2], -own.mean(), 1e-6)
