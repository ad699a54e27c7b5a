"""Prediction intervals of rows that were held out: what the intervals of a regression promise, kept or not.

Every sampled row gets the interval that the model of its fold's training set would have given it:

    normal      quantiles of the law (t around ŷ, or the law of the loss), its σ and its coefficients from training rows
    conformal   order statistics of the scores of rows in *other* folds (`probability.conformal_scores`)

Everything here is worked out once per Case.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.held_out import of_classes
from whyfit.diagnosis.measures import Measure
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.rank import EPS
from whyfit.probability.conformal import JackknifePlus
from whyfit.probability.conformal_scores import (
    ClassScores,
    Conformal,
    HeldOutScores,
    LeaveOneOut,
    OrderStatistics,
    Scale,
    from_scale,
    to_scale,
)
from whyfit.probability.coverage import interval_score
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.predictive import GLMLaw, LinearLaw
from whyfit.probability.spread import koenker
from whyfit.probability.spread_model import LogSpread
from whyfit.spec import difference

#: Rows looked at: their share has a standard error of 0.15 % at 95 %.
MOST_ROWS = 20_000
#: Of many columns fewer rows are looked at, and training sets share the (X̃ᵀX̃)⁻¹ of all rows: p² a row, p³ a fold.
MOST_PRODUCTS, WIDE = 2_000_000_000, 300
#: Least-squares fits of up to so many rows, and numbers, are left out one by one; beyond, the folds say as much.
FEW_ROWS, FEW_NUMBERS = 500, 250_000
#: A spread is fitted to so many rows, of at most so many columns, with so many rows for each.
SPREAD_ROWS, SPREAD_COLUMNS, ROWS_PER_COLUMN = 4_000, 30, 20
#: p-value of Koenker's test and ratio of the predicted spreads (highest to lowest tenth) from which errors are said to
#: grow: an interval of the right average length covers 99 % at one end and 88 % at the other of a ratio of 1.5.
SPREAD_P, SPREAD_RATIO = 0.01, 1.5


@dataclass(frozen=True)
class HeldOutIntervals:
    """Sampled rows with their intervals, in units of the target; `place` is theirs in `case.sample`."""

    y: Float[np.ndarray, " s"]
    prediction: Float[np.ndarray, " s"]
    low: Float[np.ndarray, " s"]
    high: Float[np.ndarray, " s"]
    fold: Int[np.ndarray, " s"]
    place: Int[np.ndarray, " s"]
    level: float

    @property
    def covered(self) -> Bool[np.ndarray, " s"]:
        return (self.low <= self.y) & (self.y <= self.high)

    @property
    def width(self) -> Float[np.ndarray, " s"]:
        return self.high - self.low

    @property
    def score(self) -> Float[np.ndarray, " s"]:
        """Winkler's score of every row."""
        return interval_score(self.y, self.low, self.high, self.level)


@dataclass(frozen=True)
class Errors:
    """Held-out errors of the sample on the scale on which conformal scores are made, and what their spread needs.

    `spread` (s): predicted by rows of other folds, 1 where errors are alike; `model` is that of all rows.
    """

    error: Float[np.ndarray, " s"]
    scale: Scale
    spread: Float[np.ndarray, " s"]
    model: LogSpread | None

    @property
    def score(self) -> Float[np.ndarray, " s"]:
        return self.error / self.spread


def interval_scale(case: Case) -> Scale:
    """On which errors of this regression are alike in size; of a log target it is the fitted scale itself."""
    if case.spec.target_transform == "log" or case.loss == "gamma":
        return "log"
    if case.loss == "poisson":
        return "counts" if case.schema[case.spec.target].integral else "root"
    return "identity"


def errors_of(case: Case) -> Errors:
    """Held-out errors of a regression's sample."""
    return case.remembered("errors", lambda: _errors(_same(case)))


def _same(case: Case) -> Case:
    """The case it differs from in its intervals only, which has the same fit and may have walked the rows already."""
    near = case.near
    alike = near is not None and set(difference(case.spec, near.spec)) <= {"intervals"}
    return near if alike and near is not None else case


def _errors(case: Case) -> Errors:
    s, scale = case.sample, interval_scale(case)
    held = case.held_out
    fitted: Scale = "identity" if case.spec.target_transform == "log" else scale
    e = to_scale(s.y, fitted) - to_scale(held, fitted)
    one = np.ones(len(e))
    if case.loss != "squared" or not np.isfinite(e).all():
        return Errors(e, scale, one, None)
    spread, model = _spread(case, e)
    return Errors(e, scale, one if spread is None else spread, model)


def _spread(case: Case, e: Float[np.ndarray, " s"]) -> tuple[np.ndarray | None, LogSpread | None]:
    """Spread at every row predicted by other folds, and the model of all; None where errors are alike."""
    live = np.flatnonzero(~case.linear.dropped)
    none = None, None
    if (
        not live.size
        or live.size > SPREAD_COLUMNS
        or len(e) < max(10, live.size + 1) * ROWS_PER_COLUMN
    ):
        return none
    X, fold = case.sample.X[:, live], case.sample.fold
    step = -(-len(e) // SPREAD_ROWS)
    if koenker(e[::step], X[::step])[2] > SPREAD_P:
        return none
    out = np.empty(len(e))
    for j in range(case.k):
        mine, rest = fold == j, np.flatnonzero(fold != j)[::step]
        model = LogSpread.of(X[rest], e[rest]) if rest.size else None
        if model is None:
            return none
        out[mine] = model.at(X[mine])
    low, high = np.quantile(out, [0.1, 0.9])
    model = LogSpread.of(X[::step], e[::step])
    if model is None or high < SPREAD_RATIO * low:
        return none
    coef, mean = np.zeros(case.p), np.zeros(case.p)
    coef[live], mean[live] = model.coef, model.mean
    return out, dataclasses.replace(model, coef=coef, mean=mean)


def conformal_of(case: Case) -> Conformal | None:
    """What a regression's conformal intervals are made of; None where no row can be held out."""
    errors, s, fit = errors_of(case), _same(case).sample, case.fit
    c = case.p + 1
    plain = case.spec.groups is None and not (case.spec.blocked or case.spec.group_copies)
    small = len(s.y) == case.n <= FEW_ROWS and c * case.n <= FEW_NUMBERS
    if isinstance(fit, LinearFit) and plain and small and errors.model is None and fit.df > 0:
        jackknife = JackknifePlus.of(fit, s.X, s.y)
        if np.isfinite(jackknife.signed).all():
            return LeaveOneOut.of(jackknife, errors.scale)
    known = np.isfinite(errors.score)
    if not known.any():
        return None
    return HeldOutScores(errors.scale, OrderStatistics.of(errors.score[known]), errors.model)


def class_scores_of(case: Case) -> ClassScores:
    """What a classifier's prediction sets are made of."""
    code, P, _ = _classified(case)
    return ClassScores.of(code, P)


def held_out_sets(
    case: Case, level: float
) -> tuple[Int[np.ndarray, " s"], Bool[np.ndarray, "s C"]]:
    """Class codes of the sampled rows, and the set that the rows of other folds give each.

    Raises SpecError if none of the classes has rows enough.
    """
    code, P, fold = _classified(case)
    held = np.empty(P.shape, dtype=bool)
    for j in np.unique(fold):
        mine = fold == j
        held[mine] = ClassScores.of(code[~mine], P[~mine]).sets(P[mine], level)
    return code, held


def _classified(case: Case) -> tuple[np.ndarray, Float[np.ndarray, "s C"], np.ndarray]:
    """Codes, out-of-fold probabilities and folds of the sampled rows that have any."""
    P, s = of_classes(case.held_out), case.sample
    known = np.isfinite(P).all(axis=1)
    return s.y[known].astype(np.int64), P[known], s.fold[known]


def intervals_of(case: Case, kind: str | None = None) -> HeldOutIntervals | None:
    """Held-out intervals of a regression at `spec.confidence`; `kind` "normal", "conformal" or the spec's own.

    None where folds have no law: no degrees of freedom, or errors that are rounding.
    """
    kind = kind or case.spec.intervals
    return case.remembered(f"{kind} intervals", lambda: _intervals(case, kind))


def _intervals(case: Case, kind: str) -> HeldOutIntervals | None:
    same, level = _same(case), case.spec.confidence
    if not case.linear.rss > EPS * case.linear.tss or case.linear.df <= 0:
        return None
    s = same.sample
    wanted = min(MOST_ROWS, max(MOST_PRODUCTS // (case.p + 1) ** 2, 500))
    place = np.arange(len(s.y))[:: -(-len(s.y) // wanted)]
    log = case.spec.target_transform == "log"
    held, y = same.held_out[place], s.y[place]
    with np.errstate(over="ignore"):
        y, prediction = (np.exp(v) if log else v for v in (y, held))
    fold, X = s.fold[place], s.X[place]
    low, high = np.full((2, len(place)), np.nan)
    errors = errors_of(case) if kind == "conformal" else None
    for j in np.unique(fold):
        mine = fold == j
        if errors is not None:
            others = OrderStatistics.of(errors.score[(s.fold != j) & np.isfinite(errors.score)])
            a, b = others.ends(level)
            t = held[mine] if log else to_scale(held[mine], errors.scale)
            size = errors.spread[place][mine]
            low[mine] = from_scale(t + a * size, errors.scale)
            high[mine] = from_scale(t + b * size, errors.scale)
        else:
            law = _training_law(same, int(j))
            if law is not None:
                low[mine], high[mine] = law.interval(X[mine], level)[1:]
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(y)
    if not known.any():
        return None
    return HeldOutIntervals(
        y[known], prediction[known], low[known], high[known], fold[known], place[known], level
    )


def _training_law(case: Case, j: int) -> LinearLaw | GLMLaw | None:
    """The law of a training set; of other losses than the squared one with dispersion and covariance of all rows."""
    train, b = case.moments.without(j), case.training_coefficients[j]
    log = case.spec.target_transform == "log"
    if isinstance(fit := case.fit, GLMFit):
        law = GLMLaw.of(fit, log=log)
        share = case.n / max(train.n, 1)
        return dataclasses.replace(
            law,
            centre=float(b[0] + law.mean @ b[1:]),
            coef=b[1:],
            covariance=share * law.covariance,
        )
    d = np.sqrt(np.diag(train.scatter))[:-1]
    live = ~case.linear.dropped & (d > 0)
    V = np.zeros((len(d), len(d)))
    spent = 0.0
    if len(d) > WIDE:
        V = np.nan_to_num(case.linear.V[1:, 1:]) * (case.n / max(train.n, 1))
        spent = case.n - 1 - case.linear.df
    elif live.any():
        C = correlation(train.scatter)[:-1, :-1][np.ix_(live, live)]
        mu, Q = np.linalg.eigh(C)
        hidden = mu <= len(C) * EPS * mu.max(initial=0.0)
        more = np.maximum(mu, 0.0) + case.spec.ridge / max(train.n, 1)
        inverse = np.where(hidden, 0.0, 1 / np.where(hidden, 1.0, more))
        V[np.ix_(live, live)] = (Q * inverse) @ Q.T / np.outer(d[live], d[live])
        spent = float((np.maximum(mu, 0.0) * inverse).sum())
    a = np.append(-b[1:], 1.0)
    df = train.n - 1 - spent
    if df <= 0:
        return None
    sigma2 = max(float(a @ train.scatter @ a), 0.0) / df
    covariance = np.zeros((len(d) + 1,) * 2)
    covariance[0, 0], covariance[1:, 1:] = 1 / train.n, V
    return LinearLaw(
        train.mean[:-1], float(b[0] + train.mean[:-1] @ b[1:]), b[1:], sigma2 * covariance, sigma2, df, log
    )  # fmt: skip


#: The name of the slices of the prediction, and columns that are cut into slices at most.
PREDICTION = "prediction"
SLICED = 30


def slicing_columns(
    case: Case, made: HeldOutIntervals, learn: Bool[np.ndarray, " s"] | None = None
) -> tuple[Float[np.ndarray, "s q"], tuple[str, ...]]:
    """The prediction and columns to look for slices in, with their names.

    Of many columns the SLICED whose correlation with the size of the error is largest among the rows `learn`.
    """
    s = _same(case).sample
    live = np.flatnonzero(~case.linear.dropped)
    X = s.X[made.place]
    if live.size > SLICED:
        few = np.ones(len(made.y), dtype=bool) if learn is None else learn
        half = np.maximum(made.width[few] / 2, np.finfo(float).tiny)
        size = np.abs(made.y[few] - made.prediction[few]) / half
        Z = X[few][:, live]
        sd = Z.std(axis=0)
        strength = np.abs((size - size.mean()) @ (Z - Z.mean(axis=0))) / np.where(
            sd > 0, sd, np.inf
        )
        live = np.sort(live[np.argsort(-strength, kind="stable")[:SLICED]])
    names = (PREDICTION, *(case.names[j] for j in live))
    return np.column_stack([made.prediction, X[:, live]]), names


def interval_score_of(case: Case) -> Float[np.ndarray, " k"]:
    """Mean interval score of held-out rows, one value per fold."""
    made = intervals_of(case)
    out = np.full(case.k, np.nan)
    if made is not None:
        for j in np.unique(made.fold):
            out[j] = float(made.score[made.fold == j].mean())
    return out


#: Width and misses of the held-out intervals in one proper score.
INTERVAL_SCORE = Measure("held-out interval score", interval_score_of, "lower", "ratio")
