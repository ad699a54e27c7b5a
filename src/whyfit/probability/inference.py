"""The inference table: estimate, standard error, statistic, p-value, interval, certain digits.

One dataclass for every model of the house, whatever its law (t for least squares, normal for likelihoods).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.special import stdtr, stdtrit

from whyfit.probability.distributions import t_quantile, t_two_sided


@dataclass(frozen=True, slots=True)
class Inference:
    """One row per coefficient, the intercept first. NaN where a number does not exist.

    `digits` and `std_error_digits` are the decimal digits of estimate and std_error that rounding has left certain.
    Where each coefficient has degrees of freedom of its own they are in `dfs`, and `df` is the smallest of them.
    """

    names: tuple[str, ...]
    estimate: Float[np.ndarray, " c"]
    std_error: Float[np.ndarray, " c"]
    statistic: Float[np.ndarray, " c"]
    p_value: Float[np.ndarray, " c"]
    low: Float[np.ndarray, " c"]
    high: Float[np.ndarray, " c"]
    digits: Float[np.ndarray, " c"]
    df: float
    level: float
    covariance: str = "classic"
    std_error_digits: Float[np.ndarray, " c"] | None = None  # certain, as `digits`; None: unknown
    dfs: Float[np.ndarray, " c"] | None = None  # None: `df` for all

    def __getitem__(self, name: str) -> dict[str, float]:
        """The row of one coefficient, by name."""
        i = self.names.index(name)
        fields = ("estimate", "std_error", "statistic", "p_value", "low", "high", "digits")
        row = {f: float(getattr(self, f)[i]) for f in fields}
        known = self.std_error_digits
        return row | {"std_error_digits": float("nan") if known is None else float(known[i])}


def infer(
    names: tuple[str, ...],
    estimate: Float[np.ndarray, " c"],
    variance: Float[np.ndarray, " c"],
    df: float,
    level: float,
    digits: Float[np.ndarray, " c"],
    covariance: str = "classic",
) -> Inference:
    """`wald` of estimates with these variances."""
    with np.errstate(invalid="ignore"):
        return wald(names, estimate, np.sqrt(variance), df, level, digits, covariance)


def wald(
    names: tuple[str, ...],
    estimate: Float[np.ndarray, " c"],
    std_error: Float[np.ndarray, " c"],
    df: float | Float[np.ndarray, " c"],
    level: float,
    digits: Float[np.ndarray, " c"],
    covariance: str = "classic",
) -> Inference:
    """Wald table: (ŵ − w)/se ~ t(df), one df or one a coefficient. NaN errors, or no df, leave only the estimate."""
    if isinstance(df, np.ndarray):
        return _each_its_own(names, estimate, std_error, df, level, digits, covariance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        se = std_error if df > 0 else np.full(len(estimate), np.nan)
        t = estimate / se
        half = (t_quantile(level, df) if df > 0 else np.nan) * se
        p = t_two_sided(t, df) if df > 0 else np.full(len(estimate), np.nan)
    return Inference(
        names, estimate, se, t, p, estimate - half, estimate + half, digits, df, level, covariance
    )


def _each_its_own(
    names: tuple[str, ...],
    estimate: Float[np.ndarray, " c"],
    std_error: Float[np.ndarray, " c"],
    df: Float[np.ndarray, " c"],
    level: float,
    digits: Float[np.ndarray, " c"],
    covariance: str,
) -> Inference:
    """`wald` with degrees of freedom for each coefficient; NaN is none."""
    known = df > 0
    least = float(df[known].min()) if known.any() else float("nan")
    se = np.where(known, std_error, np.nan)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t = estimate / se
        half = stdtrit(np.where(known, df, np.nan), 0.5 + level / 2) * se
        p = 2 * stdtr(np.where(known, df, np.nan), -np.abs(t))
    return Inference(
        names, estimate, se, t, p, estimate - half, estimate + half, digits, least, level,
        covariance, dfs=np.where(known, df, np.nan),
    )  # fmt: skip
