"""Multinomial logistic regression: the fit, its law, and its cross-validation.

Coefficients are log odds against the first class, named "class: column"; ŵ ≈ N(w, H⁻¹). Each training set is
fitted by Newton steps started at the full fit.

Reference: Agresti (2013), Categorical Data Analysis, §8.1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from whyfit.calculus.multinomial import MAX_STEPS, Optimum, newton, penalised, probabilities
from whyfit.data.arrays import ArrayRows
from whyfit.data.sample import Sample
from whyfit.data.views import among, without_columns
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.errors import SpecError
from whyfit.fold import Engine, Rows, RowSource, fold, joined
from whyfit.linalg.columns import tiles
from whyfit.linalg.solve import Solution
from whyfit.linalg.sparse import cross_work
from whyfit.probability.distributions import chi2_upper
from whyfit.probability.inference import Inference, infer
from whyfit.probability.logistic import Whitened, certain_digits, unit_inverse
from whyfit.probability.logistic_validation import RUNAWAY
from whyfit.probability.validation import FoldScores

#: Multiplications of a Newton step, n p² C(C−1)/2: half a second of it. A journey takes about two hundred steps: ten
#: thousand digits of 63 pixels, 1.8e9, took 50 seconds of processor time.
MOST_WORK = 5e9
#: Its Hessian takes 128 MB at this size, and two seconds to factor.
MOST_COEFFICIENTS = 4_000
FROM_ZERO = (
    25  # steps of a training set without a maximum: each multiplies the loss that is left by 1/e
)
_FOLD_TOLERANCE = 1e-5  # steps with an old Hessian shrink the decrement by a factor only; held-out log loss to 1e-7


@dataclass(frozen=True)
class MultinomialFit:
    """`coef` (C−1 × p) and `intercept` (C−1) on the original scale; `covariance` over (class, 1+kept)."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    n: int
    coef: Float[np.ndarray, "a p"]
    intercept: Float[np.ndarray, " a"]
    covariance: Float[np.ndarray, "ac ac"]
    log_likelihood: float
    null_log_likelihood: float
    ridge: float
    dropped: Bool[np.ndarray, " p"]
    optimum: Optimum
    scale: Float[np.ndarray, " p"]

    @property
    def converged(self) -> bool:
        return self.optimum.converged

    @property
    def rank(self) -> int:
        return int((~self.dropped).sum())

    def likelihood_ratio(self) -> tuple[float, float, float]:
        """2(ℓ − ℓ₀), its degrees of freedom and p-value against the constant model."""
        stat = 2 * (self.log_likelihood - self.null_log_likelihood)
        df = float(max(self.rank, 1) * (len(self.classes) - 1))
        return stat, df, chi2_upper(max(stat, 0.0), df)

    def inference(self, level: float = 0.95) -> Inference:
        """Wald inference, intercept first, one block per class but the reference: z, p and intervals at `level`."""
        names, estimate, variance = [], [], []
        kept = np.flatnonzero(~self.dropped)
        c = len(kept) + 1
        diagonal = np.diag(self.covariance).reshape(-1, c)
        for a, label in enumerate(self.classes[1:]):
            names.append(f"{label}: intercept")
            estimate.append(self.intercept[a])
            variance.append(diagonal[a, 0])
            for j, name in enumerate(self.names):
                names.append(f"{label}: {name}")
                gone = self.dropped[j]
                estimate.append(np.nan if gone else self.coef[a, j])
                variance.append(np.nan if gone else diagonal[a, 1 + int(np.searchsorted(kept, j))])
        values, spread = np.array(estimate), np.array(variance)
        return infer(tuple(names), values, spread, np.inf, level, self.digits.ravel())

    @property
    def digits(self) -> Float[np.ndarray, "a c"]:
        """Certain digits per class, intercept first; 0 for dropped columns and where Newton did not converge."""
        o, out = self.optimum, np.zeros((len(self.intercept), len(self.dropped) + 1))
        if self.converged:
            place = np.concatenate([[True], ~self.dropped])
            out[:, place] = certain_digits(o.hessian, o.B, o.centre, o.decrement, self.n)
        return out


def fit_rows(
    rows: RowSource,
    n: int,
    mean: Float[np.ndarray, " p"],
    scale: Float[np.ndarray, " p"],
    ridge: float = 0.0,
    dropped: Bool[np.ndarray, " p"] | None = None,
    *,
    classes: tuple[str, ...],
    engine: Engine | None = None,
    solution: Solution | None = None,
) -> MultinomialFit:
    """Fit over rows with y in {0, ..., C−1}; `solution`, of least squares, tells near copies apart."""
    p = len(rows.names)
    dropped = np.zeros(p, dtype=bool) if dropped is None else dropped
    keep, source = ~dropped, without_columns(rows, dropped)
    _check_work(source, n, int(keep.sum()), len(classes))
    engine = engine or LocalEngine()
    white = None if ridge else Whitened.of(source, mean[keep], n, solution)
    if white is None:
        o = newton(source, len(classes), mean[keep], scale[keep], engine, ridge)
        inverse = unit_inverse(o.hessian)
    else:
        r = white.W.shape[1]
        o = newton(white, len(classes), np.zeros(r), np.ones(r), engine)
        back, there = (np.kron(np.eye(len(o.B)), M) for M in (white.back, white.there))
        inverse = back @ unit_inverse(o.hessian) @ back.T
        o = replace(o, B=o.B @ white.back.T, centre=white.mean, hessian=there.T @ o.hessian @ there)
    a, c = o.B.shape
    J = np.vstack([np.concatenate([[1.0], -o.centre]), np.eye(c)[1:]])
    left = np.matmul(J, inverse.reshape(a, c, a * c)).reshape(a * c, a, c)
    covariance = np.matmul(left, J.T).reshape(a * c, a * c)  # (I ⊗ J) H⁻¹ (I ⊗ J)ᵀ
    coef = np.zeros((a, p))
    coef[:, keep] = o.B[:, 1:]
    share = o.counts / o.counts.sum()
    null = float(o.counts.sum() * special.xlogy(share, share).sum())
    w2 = penalised(o.B, scale[keep], ridge)[0]
    return MultinomialFit(
        tuple(rows.names), classes, n, coef, o.B[:, 0] - o.B[:, 1:] @ o.centre, covariance,
        -(o.loss - w2), null, ridge, dropped, o, scale,
    )  # fmt: skip


@dataclass(frozen=True)
class MultinomialArrayFit:
    fit: MultinomialFit
    inference: Inference


def fit_arrays(
    X: Float[np.ndarray, "n p"],
    y: Float[np.ndarray, " n"],
    *,
    ridge: float = 0.0,
    level: float = 0.95,
    names: tuple[str, ...] | None = None,
) -> MultinomialArrayFit:
    """Multinomial logistic regression with its inference table from arrays; y in {0, …, C − 1}."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    scale = X.std(axis=0)
    classes = tuple(str(c) for c in range(int(y.max()) + 1))
    with one_blas_thread():
        fit = fit_rows(
            ArrayRows(X, y, 2, 0, names), len(y), X.mean(axis=0), np.where(scale > 0, scale, 1.0), ridge,
            scale == 0, classes=classes,
        )  # fmt: skip
        return MultinomialArrayFit(fit, fit.inference(level))


def _check_work(rows: RowSource, n: int, p: int, classes: int) -> None:
    """SpecError if a Newton step takes more than MOST_WORK multiplications, those of sparse columns counted, or has a
    Hessian of more than MOST_COEFFICIENTS rows.
    """
    pairs = classes * (classes - 1) / 2
    most = MOST_COEFFICIENTS // (classes - 1) - 1
    if n * p * p * pairs <= MOST_WORK and p <= most:
        return
    first = next((b for b in rows.blocks() if len(b.y)), None)
    work = n * pairs * (p * p if first is None else cross_work(first))
    if work > MOST_WORK or p > most:
        fits = min(int(p * min(MOST_WORK / max(work, 1.0), 1.0) ** 0.5), most)
        raise SpecError(
            f"{classes} classes by {p:,} columns and {n:,} rows are more than can be fitted in minutes; "
            f"about {fits:,} columns can: make images smaller (--image-size), reduce text "
            "(--text-components), drop columns, or take fewer rows."
        )


def cross_validate(
    fit: MultinomialFit,
    rows: RowSource,
    k: int,
    *,
    excluded: frozenset[int] = frozenset(),
    engine: Engine | None = None,
) -> tuple[FoldScores, Float[np.ndarray, "k a c"]]:
    """Held-out log_loss, skill, brier, accuracy, balanced_accuracy per fold, and the k coefficient arrays.

    Where the full fit has no maximum its coefficients have run after *all* rows, and training sets started there would
    stop at once and know the rows they are scored on: each is then fitted from zero.
    """
    engine = engine or LocalEngine()
    source, keep = without_columns(rows, fit.dropped), ~fit.dropped
    trained = among(source, excluded, inside=False) if excluded else source
    tolerance, limit = (_FOLD_TOLERANCE, MAX_STEPS) if fit.converged else (RUNAWAY, FROM_ZERO)
    still = _constant(trained, k, engine)
    B = np.zeros((k, *fit.optimum.B.shape))
    for j in range(k):  # a coefficient of which the training rows know nothing is 0
        live = ~still[j]
        place = np.concatenate([[True], live])
        B[j][:, place] = newton(
            without_columns(trained, still[j]), len(fit.classes), fit.optimum.centre[live],
            fit.scale[keep][live], engine, fit.ridge, without=j, tolerance=tolerance,
            near=_part(fit.optimum, place) if fit.converged else None, limit=limit,
        ).B  # fmt: skip
    C = len(fit.classes)

    def of(block: Rows) -> Tally:
        return Tally.of(block.y, own_probabilities(B, fit.optimum.centre, block), block.fold, k)

    return fold(joined(source.blocks()), of, Tally.empty(k, C), engine).scores, B


def _part(o: Optimum, place: Bool[np.ndarray, " c"]) -> Optimum:
    """`o` without some of the columns: where to start, not an optimum."""
    everywhere = np.tile(place, len(o.B))
    return replace(
        o,
        B=o.B[:, place],
        centre=o.centre[place[1:]],
        hessian=o.hessian[np.ix_(everywhere, everywhere)],
    )


@dataclass(frozen=True, slots=True)
class _Ranges:
    """Smallest and largest value of each column in each fold."""

    low: Float[np.ndarray, "k p"]
    high: Float[np.ndarray, "k p"]

    def __add__(self, other: _Ranges) -> _Ranges:
        return _Ranges(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def _constant(rows: RowSource, k: int, engine: Engine) -> Bool[np.ndarray, "k p"]:
    """Columns that have one value in all the rows that are not in fold j."""

    def of(block: Rows) -> _Ranges:
        low, high = np.full((k, block.p), np.inf), np.full((k, block.p), -np.inf)
        d = block.dense.shape[1]
        for j in np.unique(block.fold):
            part = block.take(np.flatnonzero(block.fold == j))
            low[j, :d], high[j, :d] = part.dense.min(axis=0), part.dense.max(axis=0)
            if part.sparse is not None:
                low[j, d:] = part.sparse.min(axis=0).toarray().ravel()
                high[j, d:] = part.sparse.max(axis=0).toarray().ravel()
        return _Ranges(low, high)

    p = len(rows.names)
    none = _Ranges(np.full((k, p), np.inf), np.full((k, p), -np.inf))
    r = fold(joined(rows.blocks()), of, none, engine)
    others = [np.arange(k) != j for j in range(k)]
    return np.array([r.low[o].min(axis=0) >= r.high[o].max(axis=0) for o in others])


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over held-out rows, by fold."""

    sums: Float[np.ndarray, "2 k"]  # log loss, Brier
    table: Float[np.ndarray, "2 k C"]  # rows and hits by class

    @classmethod
    def empty(cls, k: int, C: int) -> Tally:
        return cls(np.zeros((2, k)), np.zeros((2, k, C)))

    @classmethod
    def of(cls, y: np.ndarray, P: Float[np.ndarray, "m C"], label: np.ndarray, k: int) -> Tally:
        """Of class codes, probabilities and folds."""
        code = y.astype(np.int64)
        own = P[np.arange(len(code)), code]
        hit = P.argmax(axis=1) == code
        square = (P**2).sum(axis=1) - 2 * own + 1
        sums = np.stack(
            [
                np.bincount(label, weights=v, minlength=k)
                for v in (-np.log(np.maximum(own, 1e-300)), square)
            ]
        )
        table = np.zeros((2, k, P.shape[1]))
        np.add.at(table[0], (label, code), 1.0)
        np.add.at(table[1], (label, code), hit.astype(float))
        return cls(sums, table)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.sums + other.sums, self.table + other.table)

    @property
    def scores(self) -> FoldScores:
        """Per fold: log_loss, skill, brier, accuracy, balanced_accuracy, and those of the constant."""
        return _scores(self)


def own_probabilities(B, centre, rows: Rows) -> Float[np.ndarray, "m C"]:
    """Class probabilities of each row by the model of its own fold."""
    out = np.empty((len(rows.y), B.shape[1] + 1))
    for j in np.unique(rows.fold):
        which = np.flatnonzero(rows.fold == j)
        parts = [probabilities(B[j], Z).T for _, Z in tiles(rows.take(which), centre)]
        out[which] = np.concatenate(parts)
    return out


def held_out(
    fit: MultinomialFit, B: Float[np.ndarray, "k a c"], sample: Sample
) -> Float[np.ndarray, "s C"]:
    """Out-of-fold class probabilities of the sample."""
    rows = Rows(sample.X[:, ~fit.dropped], sample.y, sample.index, sample.fold)
    return own_probabilities(B, fit.optimum.centre, rows)


def _scores(tally: Tally) -> FoldScores:
    rows, hits = tally.table
    n = rows.sum(axis=1)
    rest = rows.sum(axis=0) - rows
    pi = np.clip(rest / rest.sum(axis=1, keepdims=True), 1e-12, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        null = -(rows * np.log(pi)).sum(axis=1) / n
        loss = tally.sums[0] / n
        recall = np.where(rows > 0, hits / rows, np.nan)
        present = (rows > 0).sum(axis=1)
        return {
            "log_loss": loss,
            "skill": 1 - loss / null,
            "brier": tally.sums[1] / n,
            "accuracy": hits.sum(axis=1) / n,
            "balanced_accuracy": np.nansum(recall, axis=1) / present,
            "log_score": -loss,
            "null_log_loss": null,
            "null_accuracy": rows[np.arange(len(rows)), pi.argmax(axis=1)] / n,
        }
