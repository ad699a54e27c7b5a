"""The inference table: estimate, standard error, statistic, p-value, interval, certain digits.

One dataclass for every model of the house, whatever its law (t for least squares, normal for likelihoods).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.probability.distributions import t_quantile, t_two_sided


@dataclass(frozen=True, slots=True)
class Inference:
    """One row per coefficient, the intercept first. NaN where a number does not exist.

    `digits` and `std_error_digits` are the decimal digits of estimate and std_error that rounding has left certain.
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
    df: float,
    level: float,
    digits: Float[np.ndarray, " c"],
    covariance: str = "classic",
) -> Inference:
    """Wald table: (ŵ − w)/se ~ t(df). A coefficient with NaN error keeps NaN everywhere but the estimate."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        se = std_error if df > 0 else np.full(len(estimate), np.nan)
        t = estimate / se
        half = (t_quantile(level, df) if df > 0 else np.nan) * se
        p = t_two_sided(t, df) if df > 0 else np.full(len(estimate), np.nan)
    return Inference(
        names, estimate, se, t, p, estimate - half, estimate + half, digits, df, level, covariance
    )
