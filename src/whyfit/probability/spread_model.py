"""How large errors are expected to be at x: log s(x) = a + (x − μ)ᵀw.

Absolute errors |e_i| are fitted by a gamma regression with log link: a quasi-likelihood for sizes whose standard
deviation is proportional to their mean, which those of a scale family are, whatever its law. Beyond the spreads that
the training rows have nothing is extrapolated.

Reference: Carroll & Ruppert (1988), Transformation and Weighting in Regression, ch. 3; Davidian & Carroll (1987), JASA
82, 1079-1091.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.errors import InputError
from whyfit.probability.glm import fit_arrays

#: Errors below this share of the median error are counted as so large: the gamma law has no zero.
LEAST = 1e-2
#: A penalty of one row on unit-variance columns: levels with few rows do not get an s of their own.
RIDGE = 1.0


@dataclass(frozen=True)
class LogSpread:
    """log s(x) = centre + (x − mean)ᵀcoef, kept within [low, high]."""

    mean: Float[np.ndarray, " p"]
    coef: Float[np.ndarray, " p"]
    centre: float
    low: float
    high: float

    @classmethod
    def of(cls, X: Float[np.ndarray, "n p"], e: Float[np.ndarray, " n"]) -> LogSpread | None:
        """From errors e of rows X; None where there is nothing to fit."""
        size = np.abs(e)
        least = LEAST * float(np.median(size)) if len(size) else 0.0
        if not least > 0:
            return None
        try:
            fit = fit_arrays("gamma", X, np.maximum(size, least), ridge=RIDGE).fit
        except InputError:
            return None
        if not fit.converged:
            return None
        mean = X.mean(axis=0)
        eta = fit.eta(X)
        return cls(
            mean, np.array(fit.coef), float(fit.intercept + mean @ fit.coef), float(eta.min()), float(eta.max()),
        )  # fmt: skip

    def at(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        """s of every row; NaN where a cell is."""
        return np.exp(np.clip(self.centre + (X - self.mean) @ self.coef, self.low, self.high))
