"""Scores of a regression: of the numbers predicted, and of the normal law around them.

The normal law of row i of fold j is N(ŷ, σ̂_j²(1 + c/n_j)), σ̂_j the residual standard deviation of the training set, n_j
its rows, c the number of coefficients; c/n_j is the leverage of a row on average.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import special

from whyfit.account.score_cells import filled, over_the_folds, rows_scored, score_grid, thinned
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.words import fixed, latex, number
from whyfit.probability import scores
from whyfit.probability.linear import LinearFit
from whyfit.probability.scores.score import LARGEST
from whyfit.report.numbers import plus_minus
from whyfit.report.panel import Chart, Panel, Series

#: Quantiles of the normal law that are scored: the ends of its 80 % interval.
TAUS = (0.1, 0.9)


def regression_panel(case: Case) -> Panel | None:
    y, f, level = case.sample.y, case.held_out, case.spec.confidence
    if not (np.isfinite(f).all() and np.abs(f).max() < LARGEST):
        return None
    name = case.design.target.name
    log = case.spec.target_transform == "log"
    explained, miss = scores.r2(y, f, level), scores.mae(y, f, level)
    each = [explained, scores.rmse(y, f, level), miss, *_of_the_law(case, y, f, level)]
    back = f" of log({name})" if log else ""
    return Panel(
        "performance",
        "Scores",
        _lead(explained, miss, back),
        (score_grid(each, rows_scored(case) + back), *_in_own_units(case, y, f, level)),
        (_error_curve(y, f, name if not log else f"log({name})"),),
        _formulas(y, f, explained),
        filled(
            "Knowing nothing is saying the mean (R², root mean squared error), the median (mean absolute error) or the"
            " distribution of the target (CRPS, pinball loss) for every row.",
            _on_the_law(each),
            over_the_folds(
                case,
                (("R²", "r2", explained.value), ("mean absolute error", "mae", miss.value))
                if "mae" in case.scores
                else (("R²", "r2", explained.value),),
            ),
        ),
    )


def _lead(explained: scores.Score, miss: scores.Score, back: str) -> str:
    said = f"Held out, predictions{back} miss by {plus_minus(miss.value, miss.low, miss.high)} on average"
    said += f" where the median misses by {number(miss.trivial)}"
    if not np.isfinite(explained.value):
        return said + "; the target is constant and has no R²."
    r2, low, high = (fixed(v, 3) for v in (explained.value, explained.low, explained.high))
    return f"{said}; R² is {r2} [{low}, {high}]."


def _of_the_law(case: Case, y: np.ndarray, f: np.ndarray, level: float) -> list[scores.Score]:
    """CRPS and pinball losses of the normal law of least squares; none where it has no spread."""
    if not isinstance(case.fit, LinearFit):
        return []
    sigma = predictive_sigma(case)[case.sample.fold]
    if not np.isfinite(sigma).all():
        return []
    out = [scores.crps_normal(y, f, sigma, level)]
    for tau in TAUS:
        out.append(scores.pinball(y, f + float(special.ndtri(tau)) * sigma, tau, level))
    return out


def predictive_sigma(case: Case) -> Float[np.ndarray, " k"]:
    """Standard deviation of a new row's law in each training set; NaN without degrees of freedom."""
    B, c = case.training_coefficients, case.linear.rank + 1
    out = np.full(case.k, np.nan)
    for j in range(case.k):
        train = case.moments.without(j)
        if train.n > c:
            a = np.append(-B[j, 1:], 1.0)
            rss = max(float(a @ train.scatter @ a), 0.0)
            out[j] = np.sqrt(rss / (train.n - c) * (1 + c / train.n))
    return out


def _in_own_units(case: Case, y: np.ndarray, f: np.ndarray, level: float):
    """Of a log target what predictions of the target itself are worth: exp(ŷ), the median of such rows."""
    if case.spec.target_transform != "log":
        return ()
    with np.errstate(over="ignore"):
        Y, F = np.exp(y), np.exp(f)
    if not (np.isfinite(F).all() and np.abs(F).max() < LARGEST):
        return ()
    name = case.design.target.name
    return (
        score_grid(
            [scores.mae(Y, F, level), scores.r2(Y, F, level)],
            f"predictions of {name} itself, exp(ŷ), the median of such rows",
        ),
    )


def _error_curve(y: np.ndarray, f: np.ndarray, name: str) -> Chart:
    """The share of rows within an error, as large as it may be for nine rows in ten of the median's."""
    errors = {"model": np.sort(np.abs(y - f)), "median": np.sort(np.abs(y - np.median(y)))}
    share = (np.arange(len(y)) + 1) / len(y)
    most = float(max(np.quantile(e, 0.95) for e in errors.values()))
    series = []
    for label, e in errors.items():
        inside = e <= most
        if inside.any():
            series.append(Series(label, "line", *thinned(e[inside], share[inside])))
    half = float(np.median(errors["model"]))
    return Chart(
        "Share of rows within an error",
        "The further the model's curve is above the median's, the better.",
        f"Half of the predictions miss by {number(half)} or less, of those by the median by"
        f" {number(float(np.median(errors['median'])))} or less.",
        f"error of {name}",
        "share of rows",
        tuple(series),
    )


def _formulas(y: np.ndarray, f: np.ndarray, explained: scores.Score) -> tuple[str, ...]:
    if not np.isfinite(explained.value):
        return ()
    a, b = float(np.sum((y - f) ** 2)), float(np.sum((y - y.mean()) ** 2))
    return (
        r"R^2 = 1 - \frac{\sum (y - \hat{y})^2}{\sum (y - \bar{y})^2} = 1 - "
        rf"\frac{{{latex(a, 5)}}}{{{latex(b, 5)}}} = {explained.value:.4f}",
    )


def _on_the_law(each: list[scores.Score]) -> str:
    law = next((s for s in each if s.name == "CRPS"), None)
    if law is None:
        return ""
    return (
        "CRPS and pinball losses are those of the normal law around each prediction, with the standard deviation of the"
        f" residuals its training set left; CRPS {number(law.value)} counts errors in the unit of the target, as the"
        " mean absolute error does."
    )
