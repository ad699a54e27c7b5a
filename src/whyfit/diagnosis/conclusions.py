"""What a user would conclude from the table of coefficients, and whether it would be concluded again.

Of every slope: its p-value as reported (`diagnosis.standard_errors`), adjusted for all slopes tested at once (Holm,
Benjamini and Hochberg), how often a bootstrap sample of the rows gives it the same sign, and the smallest effect that
this table would have found with a power of 80 %:

    |w| = (t_{1−α/2,ν} + t_{0.8,ν}) · se

Replicates are refits of the rows drawn where these are few, otherwise one Newton step each (`probability.resampling`),
on at most BOOTSTRAP_ROWS rows: with m out of n rows, steps of the fit of all n are multiplied by √(n/m).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from whyfit.data.arrays import ArrayRows
from whyfit.diagnosis.case import Case
from whyfit.errors import SpecError
from whyfit.probability.distributions import t_quantile
from whyfit.probability.glm import GLMFit
from whyfit.probability.inference import Inference
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.multiple import benjamini_hochberg_adjust, holm_adjust
from whyfit.probability.resampling import one_step, replicate_moments, score_bootstrap
from whyfit.probability.resampling.draws import Poisson
from whyfit.probability.score_sandwich import bread_of, scores_of

#: Power at which an effect counts as detectable (Cohen 1988, §2.4).
POWER = 0.8
#: Same sign in fewer bootstrap samples than this is no certain conclusion: a slope of p = 0.01 keeps it in 99.5 %.
SAME_SIGN = 0.99
REPLICATES = 500
#: Rows and columns that are refitted; beyond, a Newton step each, on so many rows, columns and replicates.
REFITTED_ROWS, REFITTED_COLUMNS = 2_000, 40
BOOTSTRAP_ROWS, MOST_COLUMNS = 5_000, 300

Verdict = Literal["certain", "tentative", "undetermined"]


@dataclass(frozen=True, eq=False)
class Conclusions:
    """Slopes with a p-value: `place` is theirs in `table`; arrays are ordered as `place`.

    `same_sign` : share of replicates with the sign of the estimate, NaN where none were made.
    `spread` : standard deviation over them. `detectable` : in units of the coefficient.
    """

    table: Inference
    place: Int[np.ndarray, " q"]
    holm: Float[np.ndarray, " q"]
    bh: Float[np.ndarray, " q"]
    same_sign: Float[np.ndarray, " q"]
    spread: Float[np.ndarray, " q"]
    detectable: Float[np.ndarray, " q"]

    @property
    def p_value(self) -> Float[np.ndarray, " q"]:
        """As reported."""
        return self.table.p_value[self.place]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.table.names[i] for i in self.place)

    @property
    def alpha(self) -> float:
        return 1 - self.table.level

    def verdict(self, i: int) -> Verdict:
        """certain: significant with Holm, and of one sign in all but 1 % of replicates; tentative: significant only
        alone, or of less certain sign; undetermined: not significant.
        """
        if not self.p_value[i] < self.alpha:
            return "undetermined"
        stable = not self.same_sign[i] < SAME_SIGN
        return "certain" if self.holm[i] < self.alpha and stable else "tentative"


def conclusions_of(case: Case) -> Conclusions | None:
    """None where no slope has a p-value, or Newton's steps found no maximum."""
    return case.remembered("conclusions", lambda: _conclusions(case))


def _conclusions(case: Case) -> Conclusions | None:
    if not (isinstance(case.fit, LinearFit) or case.fit.converged):
        return None
    table = case.standard_errors.table
    first = [i for i, name in enumerate(table.names) if not _is_intercept(case, i, name)]
    place = np.array([i for i in first if np.isfinite(table.p_value[i])], dtype=np.int64)
    if not place.size:
        return None
    p = table.p_value[place]
    estimate, error = table.estimate[place], table.std_error[place]
    R = replicates_of(case)
    same, spread = np.full((2, len(place)), np.nan)
    if R is not None and len(table.names) == case.p + 1:
        drawn = R[:, place - 1]
        known = np.isfinite(drawn).sum(axis=0) > REPLICATES / 2
        with np.errstate(invalid="ignore"):
            same[known] = np.nanmean(np.sign(drawn[:, known]) == np.sign(estimate[known]), axis=0)
            spread[known] = np.nanstd(drawn[:, known], axis=0, ddof=1)
    df = table.df if np.isfinite(table.df) else np.inf
    both = t_quantile(table.level, df) + t_quantile(2 * POWER - 1, df)
    return Conclusions(
        table, place, holm_adjust(p), benjamini_hochberg_adjust(p), same, spread, both * error
    )


def _is_intercept(case: Case, i: int, name: str) -> bool:
    """The first of every class's coefficients, or the only one."""
    return i % (case.p + 1) == 0 and name.endswith("intercept")


def replicates_of(case: Case) -> Float[np.ndarray, "B p"] | None:
    """Bootstrap replicates of the slopes, NaN for dropped columns; None where none are made.

    None are of penalised fits (their bias is no matter of sampling), of several classes, under Huber's loss, where rows
    depend on each other (errors of clusters or neighbours), and of more than MOST_COLUMNS columns.
    """
    fit, spec = case.fit, case.spec
    if spec.ridge or spec.covariance in ("cluster", "HAC") or case.p > MOST_COLUMNS:
        return None
    return case.remembered("replicates", lambda: _replicates(case, fit))


def _replicates(case: Case, fit: object) -> Float[np.ndarray, "B p"] | None:
    s, draw = case.sample, Poisson(case.spec.seed)
    if isinstance(fit, LinearFit):
        if not (fit.df > 0 and fit.rss > 0):
            return None
        if len(s.y) == fit.n <= REFITTED_ROWS and case.p <= REFITTED_COLUMNS:
            rows = ArrayRows(s.X, s.y, 2)
            return replicate_moments(fit, rows, REPLICATES, draw).coefficients()[:, 1:]
    elif not isinstance(fit, LogisticFit | GLMFit) or not fit.converged or case.loss == "huber":
        return None
    step = -(-len(s.y) // BOOTSTRAP_ROWS)
    rows = ArrayRows(np.ascontiguousarray(s.X[::step]), s.y[::step], 2)
    shrink = float(np.sqrt(len(s.y[::step]) / case.n))
    try:
        if isinstance(fit, LinearFit):
            drawn = one_step(fit, rows, REPLICATES, draw)[:, 1:]
            return fit.coef + (drawn - fit.coef) / shrink
        V = bread_of(fit)
        if isinstance(fit, GLMFit) and fit.family == "gamma":
            V = V / fit.dispersion
        moved = score_bootstrap(np.zeros(len(V)), V, scores_of(fit), rows, REPLICATES, draw)[:, 1:]
    except SpecError:
        return None
    out = np.full((REPLICATES, case.p), np.nan)
    out[:, ~fit.dropped] = fit.coef[~fit.dropped] - moved / shrink
    return out
