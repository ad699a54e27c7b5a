"""Of a case: its learning curve, penalties by every criterion, and the interval of its error by nested divisions.

Each is worked out when first asked for and kept with the case: rules and panels share them. Where the rows are many,
sizes below one fold, leave-one-out errors and nested divisions are those of the case's sample.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float, Int

from whyfit.calculus.logistic import sigmoid_and_loss
from whyfit.calculus.losses.huber import EFFICIENT, Huber
from whyfit.data.arrays import ArrayRows
from whyfit.data.sample import Sample
from whyfit.diagnosis.case import Case
from whyfit.engines.local import one_blas_thread
from whyfit.errors import InputError
from whyfit.fold import Rows, RowSource
from whyfit.linalg.moments import FoldMoments
from whyfit.probability import glm, logistic
from whyfit.probability.evidence import effective_parameters
from whyfit.probability.glm import GLMFit
from whyfit.probability.glm_validation import unit_deviance
from whyfit.probability.learning_curve import LearningCurve, halvings, learning_curve, part_moments
from whyfit.probability.learning_fits import Fitted, curve_by_fits, likelihood_terms
from whyfit.probability.linear import gather
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.nested_cv import NestedError, nested_error
from whyfit.probability.ridge_path import Choices, chosen_ridges
from whyfit.probability.validation import Estimate

#: Columns up to which curves are drawn: one solve of p × p for each of about 200 training sets.
MOST_COLUMNS = 250
#: ... and where every training set is fitted by Newton's method.
MOST_COLUMNS_FITTED = 60
#: Columns up to which penalties are chosen in every way: about 50 decompositions of p × p.
MOST_COLUMNS_PATH = 120
#: Rows × columns² of the sample of which models are fitted anew: about a third of a second.
FITTED_WORK = 4e6
MOST_ROWS_FITTED = 8_000
#: Cells of the rows by which leave-one-out errors are judged.
LEFT_OUT_CELLS = 400_000
#: Parts of a fold for nested divisions: enough to deal them in many ways.
_NESTED_HALVINGS = 3

T = TypeVar("T")


def _remembered(case: Case, name: str, make: Callable[[Case], T]) -> T:
    """Worked out once; many small products are faster on one thread."""

    def on_one_thread() -> T:
        with one_blas_thread():
            return make(case)

    return case.remembered(name, on_one_thread)


def curve_of(case: Case) -> LearningCurve | None:
    """Held-out squared error (of losses of their own: log loss, half deviance, Huber's) by rows trained on.

    None for several classes, too many columns, or too few rows.
    """
    return _remembered(case, "learning curve", _curve)


def ridges_of(case: Case) -> Choices | None:
    """Penalties of a least-squares regression by every criterion; None for other losses and wide tables."""
    return _remembered(case, "ridges", _ridges)


def nested_of(case: Case) -> NestedError | None:
    """The error of the fit with its interval; None but for least squares and ridge.

    None too where rows of a fold belong together: folds cannot be divided anew, and intervals over folds are what is
    left.
    """
    return _remembered(case, "nested error", _nested)


def base_loss(case: Case) -> float:
    """Loss per row of the constant predictor, in the unit of the curve."""
    fit, n = case.fit, case.n
    if isinstance(fit, LogisticFit):
        return -fit.null_log_likelihood / n
    if isinstance(fit, GLMFit):
        return fit.null_deviance / (2 * n) if fit.family != "huber" else float("nan")
    return case.linear.tss / n


def kept_together(case: Case) -> bool:
    """Whether rows of a fold belong together, so that folds must not be divided anew."""
    return case.design.assignment is not None


@dataclass(frozen=True)
class _SampleRows:
    """The rows of a sample as a RowSource."""

    sample: Sample
    names: tuple[str, ...]

    def blocks(self) -> Iterator[Rows]:
        s = self.sample
        yield Rows(s.X, s.y, s.index, s.fold)


def _sampled(case: Case) -> RowSource:
    """Rows of the sample, in the columns of `_folds`."""
    rows: RowSource = _SampleRows(case.sample, case.names)
    white = case._white
    if white is None:
        return rows
    from whyfit.data.views import Columns

    if case.linear.dropped.any():
        rows = Columns(rows, ~case.linear.dropped)
    return dataclasses.replace(white, rows=rows)


def _folds(case: Case) -> FoldMoments:
    white = case._white
    return case.moments if white is None else gather(white, case.k, case.engine)


def _parts(case: Case, times: int) -> FoldMoments | None:
    if times < 1:
        return None
    return part_moments(_sampled(case), case.k, times, case.spec.seed, case.engine)


def _curve(case: Case) -> LearningCurve | None:
    if case.k < 3 or case.p == 0 or case.task == "multiclass":
        return None
    try:
        if case.loss == "squared":
            if case.p > MOST_COLUMNS:
                return None
            folds = _folds(case)
            times = halvings(len(case.sample.y) // case.k, case.n, len(folds.shift) - 1, case.k)
            return learning_curve(folds, case.spec.ridge, _parts(case, times), case.spec.seed)
        return _fitted_curve(case) if case.p <= MOST_COLUMNS_FITTED else None
    except (InputError, np.linalg.LinAlgError):
        return None


def _fitted_curve(case: Case) -> LearningCurve | None:
    fit = case.fit
    if not isinstance(fit, LogisticFit | GLMFit) or not fit.converged:
        return None
    most = int(min(MOST_ROWS_FITTED, FITTED_WORK / (case.p + 1) ** 2))
    X, y, label = some_rows(case, most)
    C = case.linear.correlation[:-1, :-1]
    free = effective_parameters(C, case.spec.ridge, case.n) if case.spec.ridge else float(fit.rank)
    fitted = _newton_of(case, fit, X, y)
    cost = 0.5
    if isinstance(fit, GLMFit):
        cost = fit.dispersion * (1.0 if fit.family == "huber" else 0.5)
    return curve_by_fits(fitted, label, case.k, likelihood_terms(free, cost), case.spec.seed)


def some_rows(
    case: Case, most: int
) -> tuple[Float[np.ndarray, "s p"], Float[np.ndarray, " s"], Int[np.ndarray, " s"]]:
    """X, y and folds of at most so many rows of the sample, at random."""
    s = case.sample
    if len(s.y) <= most:
        return s.X, s.y, s.fold
    pick = np.sort(case.rng("learning").permutation(len(s.y))[:most])
    return s.X[pick], s.y[pick], s.fold[pick]


def _newton_of(case: Case, fit: LogisticFit | GLMFit, X: np.ndarray, y: np.ndarray) -> Fitted:
    """Losses of all rows at the optimum of some of them, found from the optimum of all."""
    columns, ridge = case._columns, case.spec.ridge

    def fitted(train: np.ndarray) -> np.ndarray | None:
        rows = ArrayRows(X[train], y[train], 2, 0)
        try:
            if isinstance(fit, LogisticFit):
                made = logistic.fit_rows(
                    rows, len(train), columns.mean, columns.scale, ridge, columns.dropped, near=fit
                )
                eta = made.linear_predictor(X)
                return sigmoid_and_loss(eta, y)[1] if made.converged else None
            own = dataclasses.replace(columns, n=len(train))
            family = fit.family
            made = glm.fit_rows(family, rows, own, ridge)  # pyright: ignore[reportArgumentType]
            if not made.converged:
                return None
            if family == "huber":
                loss = Huber(EFFICIENT * float(np.sqrt(fit.dispersion)))
                return loss.value(made.predict(X), y)
            return unit_deviance(family, y, made.predict(X)) / 2
        except (InputError, np.linalg.LinAlgError):
            return None

    return fitted


def _ridges(case: Case) -> Choices | None:
    if case.loss != "squared" or not 1 < case.p <= MOST_COLUMNS_PATH:
        return None
    if not case.linear.rss > 0 or case.n < 2 * case.k:
        return None
    X, y, _ = some_rows(case, LEFT_OUT_CELLS // case.p)
    try:
        return chosen_ridges(case.moments, (X, y), case.excluded)
    except (InputError, np.linalg.LinAlgError, ValueError):
        return None


def _nested(case: Case) -> NestedError | None:
    if case.loss != "squared" or case.p > MOST_COLUMNS or case.p == 0 or case.k < 3:
        return None
    s = case.sample
    square = (s.y - case.held_out) ** 2
    if not np.isfinite(square).all() or not square.std() > 0:
        return None
    sd, spec = float(square.std(ddof=1)), case.spec
    room = int(np.log2(max(len(s.y) / case.k / 2, 1)))
    parts = _parts(case, min(_NESTED_HALVINGS, room))
    if parts is None or kept_together(
        case
    ):  # one division alone tells the width to a factor of two
        return None
    made = nested_error(parts, sd, case.k, ridge=spec.ridge, level=spec.confidence, seed=spec.seed)
    if made is None or s.share == 1.0:
        return made
    return _of_all_rows(case, made, sd)


def _of_all_rows(case: Case, made: NestedError, sd: float) -> NestedError:
    """With the inflation of the sample, whose fewer rows need no less of it."""
    mse = float(np.nanmean(case.scores["mse"]))
    half = (made.naive.high - made.naive.low) / 2 / made.naive.std_error
    se = sd / np.sqrt(case.n)

    def around(error: float) -> Estimate:
        return Estimate(mse, mse - half * error, mse + half * error, error, float("inf"))

    return dataclasses.replace(made, nested=around(se * made.inflation), naive=around(se))
