"""Cross-validation of regressions with a loss of their own, exact, all folds together.

Held-out scores are per fold: r2 and mse of the mean, mae, log_score (mean log density under the law of
`probability.laws`, its dispersion that of the training rows) and, of Poisson and gamma,

    deviance_explained  D² = 1 − D(y, μ̂)/D(y, ȳ)        with the training mean ȳ

Each training set's optimum is reached from the full fit by one Newton step with its own Hessian H − H_j; a further
pass over the rows gives the decrement that certifies it. Training sets that fail the certificate step again, and those
that one Hessian does not bring there are minimised by Newton's method on their own, from the full fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from whyfit.calculus.losses.huber import EFFICIENT
from whyfit.calculus.newton import Problem, newton, penalty
from whyfit.data.views import Filtered, without_columns
from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine, Rows, RowSource, fold, joined
from whyfit.linalg.columns import tiles
from whyfit.probability import laws
from whyfit.probability.glm import GLMFit
from whyfit.probability.glm_problem import Columns, problem_of
from whyfit.probability.logistic_validation import (
    FAR,
    LOSS_ERROR,
    SLOW,
    STILL,
    STRICT,
    Factor,
    bounded,
    swept,
)
from whyfit.probability.validation import FoldScores

ATTEMPTS = 4  # steps with one Hessian, before a training set is minimised on its own


@dataclass(frozen=True, slots=True)
class _Arrays:
    """Sums of several arrays."""

    each: tuple[np.ndarray, ...]

    def __add__(self, other: _Arrays) -> _Arrays:
        return _Arrays(tuple(a + b for a, b in zip(self.each, other.each, strict=True)))


@dataclass(frozen=True)
class _Folds:
    """The training problems: all rows but those of a fold, and those that are never trained on."""

    fit: GLMFit
    columns: Columns
    source: RowSource
    k: int
    out: Int[np.ndarray, " o"]
    engine: Engine

    @property
    def keep(self) -> np.ndarray:
        return ~self.fit.dropped

    @property
    def c(self) -> int:
        return int(self.keep.sum()) + 1

    @property
    def scale(self) -> Float[np.ndarray, " s"]:
        """Of the parameters after the first; Huber's σ is not penalised."""
        scale = self.columns.scale[self.keep]
        return np.append(scale, 0.0) if self.fit.family == "huber" else scale

    def problem(self, n: int) -> Problem:
        columns = replace(self.columns, n=n)
        problem = problem_of(self.fit.family, self.source, columns, self.fit.ridge, EFFICIENT)
        return replace(problem, engine=self.engine)

    def summed(self, of: Callable[[Rows], _Arrays], zero: _Arrays) -> _Arrays:
        return fold(joined(self.source.blocks()), of, zero, self.engine)

    def by_fold(self, rows: Rows) -> tuple[Rows, np.ndarray]:
        """The rows in the order of their folds, and where each fold begins."""
        rows = rows.take(np.argsort(rows.fold, kind="stable"))
        return rows, np.concatenate([[0], np.cumsum(np.bincount(rows.fold, minlength=self.k))])

    def trained(self, rows: Rows) -> Rows:
        return rows.take(~np.isin(rows.index, self.out)) if self.out.size else rows

    def curvatures(self, b: np.ndarray) -> tuple[np.ndarray, ...]:
        """Per fold at the full fit: Hessian, gradient, and (rows, Σy, Pearson's χ²) of the rows trained on."""
        q, k, at = len(b), self.k, self.problem(self.fit.n).sums_at(b, True)

        def of(rows: Rows) -> _Arrays:
            H, g, tally = np.zeros((k, q, q)), np.zeros((k, q)), np.zeros((k, 3))
            rows, cut = self.by_fold(self.trained(rows))
            for j in range(k):
                if cut[j] == cut[j + 1]:
                    continue
                mine = rows.take(slice(cut[j], cut[j + 1]))
                sums = at(mine)
                H[j], g[j] = sums.hessian, sums.gradient
                tally[j] = sums.n, mine.y.sum(), self._pearson(mine)
            return _Arrays((H, g, tally))

        zero = _Arrays((np.zeros((k, q, q)), np.zeros((k, q)), np.zeros((k, 3))))
        return self.summed(of, zero).each

    def gradients(self, B: np.ndarray, which: np.ndarray, problems: list[Problem]) -> np.ndarray:
        """Of the training sets `which`, each at its own parameters, the penalty left out."""
        zero = np.zeros(B.shape)

        def of(rows: Rows) -> _Arrays:
            g = np.zeros(B.shape)
            rows, cut = self.by_fold(self.trained(rows))
            for j in which:
                at = problems[j].sums_at(B[j], False)
                for part in (slice(0, cut[j]), slice(cut[j + 1], cut[-1])):
                    if part.stop > part.start:
                        g[j] += at(rows.take(part)).gradient
            return _Arrays((g,))

        return self.summed(of, _Arrays((zero,))).each[0]

    def anew(self, j: int, b: np.ndarray, n: int, still: np.ndarray) -> np.ndarray:
        """Newton's method on training set j from b, columns that are constant there left out."""
        live = ~still[1 : self.c]
        place = np.concatenate([[True], live, np.ones(len(b) - self.c, dtype=bool)])
        dropped = self.fit.dropped.copy()
        dropped[np.flatnonzero(self.keep)[~live]] = True
        training = Filtered(self.source, lambda r: (r.fold != j) & ~np.isin(r.index, self.out))
        rows = without_columns(training, ~live)
        columns = replace(self.columns, n=n, dropped=dropped)
        problem = problem_of(self.fit.family, rows, columns, self.fit.ridge, EFFICIENT)
        out = np.zeros(len(b))
        out[place] = newton(replace(problem, engine=self.engine), start=b[place]).b
        return out

    def mean(self, eta: np.ndarray) -> np.ndarray:
        return eta if self.fit.family == "huber" else np.exp(np.clip(eta, -700.0, 700.0))

    def _pearson(self, rows: Rows) -> float:
        if self.fit.family == "huber":
            return 0.0
        total, b = 0.0, self.fit.optimum.b[: self.c]
        for part, Z in tiles(rows, self.fit.optimum.centre):
            mu = self.mean(Z.times(b))
            variance = mu if self.fit.family == "poisson" else mu * mu
            total += float(((part.y - mu) ** 2 / variance).sum())
        return total

    def scored(self, B: np.ndarray, phi: np.ndarray, base: np.ndarray) -> np.ndarray:
        """Per fold, sums over its held-out rows of the columns of `_scores`."""
        centre, origin = self.fit.optimum.centre, self.columns.target.mean
        family, k = self.fit.family, self.k

        def of(rows: Rows) -> _Arrays:
            tally = np.zeros((k, 8))
            for part, Z in tiles(rows, centre):
                y, j = part.y, part.fold
                mu = self.mean(Z.times(B[:, : self.c])[j, np.arange(len(y))])
                columns = (
                    np.ones(len(y)), y - origin, (y - origin) ** 2, (y - mu) ** 2, np.abs(y - mu),
                    _log_density(family, y, mu, phi[j]),
                    unit_deviance(family, y, mu), unit_deviance(family, y, base[j]),
                )  # fmt: skip
                for i, v in enumerate(columns):
                    tally[:, i] += np.bincount(j, weights=v, minlength=k)
            return _Arrays((tally,))

        return self.summed(of, _Arrays((np.zeros((k, 8)),))).each[0]


def cross_validate(
    fit: GLMFit,
    columns: Columns,
    rows: RowSource,
    k: int,
    *,
    excluded: frozenset[int] = frozenset(),
    engine: Engine | None = None,
) -> tuple[FoldScores, Float[np.ndarray, "k c"]]:
    """Held-out scores per fold and the k training coefficient vectors (intercept first, original scale).

    `columns` are those the fit was made with; rows of `excluded` (source row numbers) are scored but never trained on.
    """
    out = np.fromiter(sorted(excluded), dtype=np.int64, count=len(excluded))
    source = without_columns(rows, fit.dropped)
    folds = _Folds(fit, columns, source, k, out, engine or LocalEngine())
    b = fit.optimum.b
    H, g, tally = folds.curvatures(b)
    n = tally[:, 0].sum() - tally[:, 0]
    B = _optima(folds, b, H, g, n.astype(int))
    with np.errstate(divide="ignore", invalid="ignore"):
        base = (tally[:, 1].sum() - tally[:, 1]) / n
        phi = (tally[:, 2].sum() - tally[:, 2]) / np.maximum(n - folds.c, 1)
    if fit.family == "huber":
        phi = B[:, -1] ** 2
    scores = _scores(fit.family, folds.scored(B, phi, base))
    W = np.zeros((k, len(fit.dropped) + 1))
    W[:, 1:][:, ~fit.dropped] = B[:, 1 : folds.c]
    W[:, 0] = B[:, 0] - B[:, 1 : folds.c] @ fit.optimum.centre
    return scores, W


def _optima(
    folds: _Folds, b: np.ndarray, H: np.ndarray, g: np.ndarray, n: Int[np.ndarray, " k"]
) -> Float[np.ndarray, "k q"]:
    k, scale, ridge = folds.k, folds.scale, folds.fit.ridge
    huber = folds.fit.family == "huber"
    whole, spread = H.sum(axis=0), swept(H.sum(axis=0))
    slope = g.sum(axis=0) + penalty(b, scale, ridge)[1]
    diagonal = np.diag(penalty(b, scale, ridge)[2])
    own = [whole - H[j] for j in range(k)]
    still = [(swept(A) <= STILL * spread) if not ridge else np.zeros(len(b), bool) for A in own]
    for s in still:
        s[0] = s[folds.c :] = False
    factors = [Factor.of(own[j] + diagonal, still[j]) for j in range(k)]

    def step(j: int, slope: np.ndarray) -> np.ndarray:
        s = factors[j].solve(slope)
        return s if huber else bounded(s, scale)

    problems = [folds.problem(int(m)) for m in n]
    # Huber: every row an outlier, or fitted exactly: no step to make
    flat = np.array([not (np.diag(own[j])[~still[j]] > 0).all() for j in range(k)])
    B = np.stack([problems[j].start if flat[j] else b - step(j, slope - g[j]) for j in range(k)])
    for j in np.flatnonzero(~flat):  # a coefficient of which the training rows know nothing is 0
        if still[j].any():
            A = own[j]
            B[j, 0] += (A[0] / A[0, 0])[still[j]] @ B[j, still[j]]
            B[j, still[j]] = 0.0
    if huber:
        B[:, -1] = np.maximum(B[:, -1], 0.1 * b[-1])
    enough = max(STRICT, LOSS_ERROR * folds.fit.n / np.sqrt(len(b)))
    before, open_ = np.full(k, np.inf), np.flatnonzero(~flat)
    for attempt in range(ATTEMPTS):
        G = folds.gradients(B, open_, problems)
        left = []
        for j in map(int, open_):
            slope = G[j] + penalty(B[j], scale, ridge)[1]
            move = factors[j].solve(slope)
            delta = float(np.sqrt(max(float(slope @ move), 0.0)))
            if delta < enough:
                continue
            if not delta < FAR or delta > SLOW * before[j] or attempt == ATTEMPTS - 1:
                B[j] = folds.anew(j, b, int(n[j]), still[j])
                continue
            B[j] -= move
            before[j] = delta
            left.append(j)
        open_ = np.array(left, dtype=int)
        if not open_.size:
            break
    return B


def _log_density(family: str, y: np.ndarray, mu: np.ndarray, phi: np.ndarray) -> np.ndarray:
    if family == "poisson":
        return laws.count_log_density(y, mu, phi)
    if family == "gamma":
        return laws.gamma_log_density(y, mu, phi)
    return laws.huber_log_density(y - mu, np.sqrt(phi))


def unit_deviance(family: str, y: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Unit deviances; NaN for Huber's loss, which has no saturated likelihood."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if family == "poisson":
            return 2 * (special.xlogy(y, y / mu) - (y - mu))
        if family == "gamma":
            return 2 * ((y - mu) / mu - np.log(y / mu))
    return np.full(y.shape, np.nan)


def _scores(family: str, tally: Float[np.ndarray, "k 8"]) -> FoldScores:
    n, first, second, squares, distance, density, deviance, null = tally.T
    with np.errstate(divide="ignore", invalid="ignore"):
        syy = second - first**2 / n
        scores = {
            "r2": np.where(syy > 0, 1 - squares / syy, np.nan),
            "mse": squares / n,
            "mae": distance / n,
            "log_score": density / n,
        }
        if family != "huber":
            scores["deviance_explained"] = np.where(null > 0, 1 - deviance / null, np.nan)
    return scores
