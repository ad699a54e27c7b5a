"""What the columns that one case has beside another are worth, before any row is held out.

Mallows' Cp for regressions, (RSS − RSS' − 2qσ̂²)/TSS of least squares; Akaike's criterion for a likelihood,
(ℓ' − ℓ − q)/−ℓ₀, q the number of coefficients more.

References: Mallows (1973), Technometrics 15, 661-675; Akaike (1974), IEEE Trans. Automatic Control 19, 716-723.
"""

from __future__ import annotations

from whyfit.diagnosis.case import Case
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit


def expected_gain(small: Case, large: Case) -> float:
    """Held-out R² or skill of `large` less that of `small`; NaN where a likelihood has no maximum."""
    a, b = small.fit, large.fit
    q = b.rank - a.rank
    if isinstance(a, LinearFit | GLMFit) or isinstance(b, LinearFit | GLMFit):
        a, b = small.linear, large.linear
        return float((a.rss - b.rss - 2 * q * b.sigma2) / b.tss) if b.tss > 0 else float("nan")
    if b.log_likelihood > 0.01 * b.null_log_likelihood:  # separated classes: no maximum to compare
        return float("nan")
    q *= max(len(large.design.classes) - 1, 1)
    return float((b.log_likelihood - a.log_likelihood - q) / -b.null_log_likelihood)
