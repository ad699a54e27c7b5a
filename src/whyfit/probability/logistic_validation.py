"""Cross-validation of logistic regression, exact, in a few passes for all folds together.

Held-out scores are per fold: log loss, Brier score, accuracy, balanced accuracy and recall at a threshold, and
skill = 1 − log loss / log loss of the training base rate.

Each training set's optimum is reached from the full fit by one Newton step with its own Hessian H − H_j; one
further pass over the rows, for all folds at once, gives the held-out scores *and* the decrement δ_j that
certifies the step. Folds that fail the certificate step again, those far off with curvature of their own. Where
the classes are separated there is no optimum, and coefficients that saw all rows are perfect on the held-out ones
too: then every training set is fitted from zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from whyfit.calculus.logistic import newton, sigmoid_and_loss
from whyfit.calculus.newton import penalty
from whyfit.data.views import Filtered, without_columns
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.errors import InternalFault
from whyfit.fold import Engine, Rows, RowSource, fold, joined
from whyfit.linalg.columns import tiles
from whyfit.probability.linear import ONE_SET
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.validation import FoldScores

#: A training optimum is good enough when its held-out log loss is exact to about this much per row. An optimum δ
#: standard errors away moves that loss by about δ√c/n.
LOSS_ERROR = 1e-8
STRICT = 1e-6  # never ask for less than this δ
FAR = 0.3  # beyond this δ the Hessian at the full fit is no longer the right one ...
SLOW = 0.1  # ... nor where a step leaves more than this share of δ
RUNAWAY = 0.05  # where the maximum is at infinity no step is the last; held-out loss to 1e-3/n
#: A loss per row below this belongs to classes that are separated completely.
SEPARATED = 1e-2
ATTEMPTS = 10
#: Added to the diagonal of a singular Hessian until it is positive definite: rounding leaves about 1e-13 of curvature.
DAMPING = (1e-12, 1e-10, 1e-8, 1e-6, 1.0)
#: A column whose weighted scatter in a training set is this share of that in all rows is constant there: rounding
#: leaves 1e-15, one row that differs in 1e8 leaves 1e-8.
STILL = 1e-10


def cross_validate(
    fit: LogisticFit,
    rows: RowSource,
    k: int,
    *,
    threshold: float = 0.5,
    excluded: frozenset[int] = frozenset(),
    engine: Engine | None = None,
) -> tuple[FoldScores, Float[np.ndarray, "k c"]]:
    """Held-out scores per fold and the k training coefficient vectors (1, x − centre; kept columns).

    Rows of `excluded` (source row numbers) are scored but never trained on.
    """
    engine = engine or LocalEngine()
    source, centre, b = without_columns(rows, fit.dropped), fit.optimum.centre, fit.optimum.b
    scale, c = fit.scale[~fit.dropped], len(fit.optimum.b)
    out = np.fromiter(sorted(excluded), dtype=np.int64, count=len(excluded))
    each = _curvatures(source, b, centre, k, out, engine)
    _, slope, diagonal = penalty(b, scale, fit.ridge)
    H, g = each.hessian.sum(axis=0), each.gradient.sum(axis=0) + slope
    spread = swept(H)
    still = [swept(H - each.hessian[j]) <= STILL * spread for j in range(k)]
    factors = [Factor.of(H - each.hessian[j] + np.diag(diagonal), still[j]) for j in range(k)]
    separated = not fit.converged and fit.optimum.loss < SEPARATED * fit.n
    if separated:
        B = np.stack([_anew(source, centre, scale, j, fit, out, engine) for j in range(k)])
    else:
        B = np.stack([b - bounded(factors[j].solve(g - each.gradient[j]), scale) for j in range(k)])
        for j in range(k):  # a coefficient of which the training rows know nothing is 0
            A = H - each.hessian[j] if still[j].any() else H
            B[j, 0] += (A[0] / A[0, 0])[still[j]] @ B[j, still[j]]
            B[j, still[j]] = 0.0
    enough = max(STRICT if fit.converged else RUNAWAY, LOSS_ERROR * fit.n / np.sqrt(c))
    before = np.full(k, np.inf)
    sums = zero = _Pass(np.zeros_like(B), np.zeros((k, 7)))
    for attempt in range(ATTEMPTS):
        sums = fold(joined(source.blocks()), _gradients(B, centre, threshold, out), zero, engine)
        slopes = [sums.gradient[j] + penalty(B[j], scale, fit.ridge)[1] for j in range(k)]
        steps = [factors[j].solve(slopes[j]) for j in range(k)]
        gain = [float(u @ v) for u, v in zip(slopes, steps, strict=True)]
        delta = np.sqrt(np.maximum(gain, 0.0))
        if separated or delta.max() < enough or attempt == ATTEMPTS - 1:
            break
        for j in np.flatnonzero(delta >= enough):
            B[j] -= bounded(steps[j], scale)
        far = np.flatnonzero((delta > FAR) | ((delta >= enough) & (delta > SLOW * before)))
        before = delta
        if far.size:
            none = _Hessians(np.zeros((far.size, c, c)))
            own = fold(joined(source.blocks()), _hessians(B[far], far, centre, out), none, engine)
            for i, j in enumerate(far):
                factors[j] = Factor.of(own.hessian[i] + np.diag(diagonal), still[j])
    return scores_of(sums.tally), B


def bounded(step: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """No coefficient of a unit-variance column moves by more than 5: separable training sets run away."""
    size = np.abs(step * np.concatenate([[1.0], scale])).max(initial=0.0)
    return step * min(1.0, 5.0 / size) if size > 0 else step


def _anew(source, centre, scale, j, fit, out, engine) -> Float[np.ndarray, " c"]:
    """The optimum of training set j from zero."""
    training = Filtered(source, lambda r: (r.fold != j) & ~np.isin(r.index, out))
    return newton(training.blocks, fit.n, centre, scale, engine, fit.ridge).b


def swept(H: Float[np.ndarray, "c c"]) -> Float[np.ndarray, " c"]:
    """Curvature of each coefficient once the intercept has adapted: the weighted scatter of its column."""
    out = np.diag(H) - H[0] ** 2 / max(H[0, 0], np.finfo(float).tiny)
    out[0] = H[0, 0]
    return out


@dataclass(frozen=True, slots=True)
class Factor:
    """A Hessian of unit diagonal, factored; with a little more on its diagonal if it is not positive definite.

    Coefficients that are `still` do not move. A direction of no curvature, along which separated classes run away,
    gets a long step, which `bounded` cuts: a pseudo-inverse would do no better at twenty times the price.
    """

    factor: tuple
    d: np.ndarray
    still: Bool[np.ndarray, " c"]

    @classmethod
    def of(cls, H: Float[np.ndarray, "c c"], still: Bool[np.ndarray, " c"]) -> Factor:
        d = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
        A = H / d / d[:, None]
        A[still] = A[:, still] = 0.0
        A[still, still] = 1.0
        diagonal = np.diag(A).copy()
        for more in (0.0, *DAMPING):
            np.fill_diagonal(A, diagonal + more)
            try:
                return cls(cho_factor(A, lower=True, check_finite=False), d, still)
            except LinAlgError:
                continue
        raise InternalFault("a Hessian is not positive semidefinite.")

    def solve(self, g: Float[np.ndarray, " c"]) -> Float[np.ndarray, " c"]:
        g = np.where(self.still, 0.0, g)
        return cho_solve(self.factor, g / self.d, check_finite=False) / self.d


@dataclass(frozen=True, slots=True)
class _Curvature:
    """Per fold, at the full fit: Hessian and gradient."""

    hessian: Float[np.ndarray, "k c c"]
    gradient: Float[np.ndarray, "k c"]

    @classmethod
    def empty(cls, k: int, c: int) -> _Curvature:
        return cls(np.zeros((k, c, c)), np.zeros((k, c)))

    def __add__(self, other: _Curvature) -> _Curvature:
        return _Curvature(self.hessian + other.hessian, self.gradient + other.gradient)


def _curvatures(source: RowSource, b, centre, k: int, out, engine: Engine) -> _Curvature:
    """One set of sums for each block, or for all where k c² is large (see `linear.gather`)."""
    c, blocks = len(b), joined(source.blocks())
    if 8 * k * c * c > ONE_SET:
        with one_blas_thread():
            return _curvature(blocks, b, centre, k, out)
    zero = _Curvature.empty(k, c)
    return fold(blocks, lambda rows: _curvature([rows], b, centre, k, out), zero, engine)


def _curvature(blocks: Iterable[Rows], b, centre, k: int, out: Int[np.ndarray, " o"]) -> _Curvature:
    c = len(b)
    H, g = np.zeros((k, c, c)), np.zeros((k, c))
    for rows in blocks:
        for part, Z in tiles(rows, centre, by_fold=True):
            cut = np.concatenate([[0], np.cumsum(np.bincount(part.fold, minlength=k))])
            pi, _ = sigmoid_and_loss(Z.times(b), part.y)
            r, weight = pi - part.y, np.sqrt(pi * (1 - pi))
            if out.size:
                hidden = np.isin(part.index, out)
                r[hidden] = weight[hidden] = 0.0
            for j in range(k):
                a, e = cut[j], cut[j + 1]
                if a < e:
                    mine = Z.rows(a, e)
                    g[j] += mine.back(r[a:e])
                    mine.add_gram(weight[a:e], H[j])
    return _Curvature(H, g)


@dataclass(frozen=True, slots=True)
class _Pass:
    """For each fold's model: training gradient and held-out tallies."""

    gradient: Float[np.ndarray, "k c"]
    tally: Float[np.ndarray, "k 7"]  # rows, loss, squared error, tp, fp, tn, fn

    def __add__(self, other: _Pass) -> _Pass:
        return _Pass(self.gradient + other.gradient, self.tally + other.tally)


def _gradients(B, centre, threshold: float, out: Int[np.ndarray, " o"]) -> Callable[[Rows], _Pass]:
    def of(rows: Rows) -> _Pass:
        k, c = B.shape
        gradient, tally = np.zeros((k, c)), np.zeros((k, 7))
        for part, Z in tiles(rows, centre):
            y, label = part.y, part.fold
            eta = Z.times(B)
            at = np.arange(len(y))
            pi, loss = sigmoid_and_loss(eta[label, at], y)  # held out: its own fold's model only
            t = np.exp(-np.abs(eta))
            R = np.where(eta >= 0, 1.0, t)
            R /= 1.0 + t
            R -= y
            R[label, at] = 0.0
            if out.size:
                R[:, np.isin(part.index, out)] = 0.0
            gradient += Z.back(R)
            tally += tally_of(y, pi, loss, label, threshold, k)
        return _Pass(gradient, tally)

    return of


@dataclass(frozen=True, slots=True)
class _Hessians:
    hessian: Float[np.ndarray, "f c c"]

    def __add__(self, other: _Hessians) -> _Hessians:
        return _Hessians(self.hessian + other.hessian)


def _hessians(B, which, centre, out: Int[np.ndarray, " o"]) -> Callable[[Rows], _Hessians]:
    """Training Hessians of the models `which`, each at its own coefficients."""

    def of(rows: Rows) -> _Hessians:
        f, c = B.shape
        H = np.zeros((f, c, c))
        for part, Z in tiles(rows, centre):
            t = np.exp(-np.abs(Z.times(B)))
            weight = np.sqrt(t) / (1 + t)
            if out.size:
                weight[:, np.isin(part.index, out)] = 0.0
            for i, j in enumerate(which):
                Z.add_gram(weight[i] * (part.fold != j), H[i])
        return _Hessians(H)

    return of


def tally_of(
    y: np.ndarray, pi: np.ndarray, loss: np.ndarray, label: np.ndarray, threshold: float, k: int
) -> Float[np.ndarray, "k 7"]:
    """Per fold: rows, loss, squared error, and true and false positives and negatives."""
    yes, call = y == 1, pi >= threshold
    columns = (
        np.ones(len(y)), loss, (pi - y) ** 2, yes & call, ~yes & call, ~yes & ~call, yes & ~call,
    )  # fmt: skip
    return np.column_stack([np.bincount(label, weights=v, minlength=k) for v in columns])


def scores_of(tally: Float[np.ndarray, "k 7"]) -> FoldScores:
    """Held-out scores per fold; "false_positives" and "false_negatives" are shares of all rows."""
    n, loss, squares, tp, fp, tn, fn = tally.T
    yes = tp + fn
    pi = np.clip((yes.sum() - yes) / (n.sum() - n), 1e-12, 1 - 1e-12)  # of the training rows
    with np.errstate(divide="ignore", invalid="ignore"):
        null = -(yes * np.log(pi) + (n - yes) * np.log1p(-pi)) / n
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        return {
            "log_loss": loss / n,
            "skill": 1 - (loss / n) / null,
            "brier": squares / n,
            "accuracy": (tp + tn) / n,
            "balanced_accuracy": (recall + specificity) / 2,
            "recall": recall,
            "false_positives": fp / n,
            "false_negatives": fn / n,
            "log_score": -loss / n,
            "null_log_loss": null,
            "null_accuracy": np.where(pi >= 0.5, yes, n - yes) / n,
        }
