"""Resampling: bootstrap, jackknife and infinitesimal jackknife of functions of moments.

fit = fit_arrays(X, y).fit
R = replicate_moments(fit, rows)                       # 1,000 replicates, one pass
low, high = bca(R.coefficients(), R.estimate, influence_of_coefficients(fit, rows))
"""

from whyfit.probability.resampling.draws import (
    Blocks,
    Clusters,
    DoubleOrNothing,
    Multinomial,
    Poisson,
    block_length,
    clusters,
)
from whyfit.probability.resampling.influence import (
    Jackknife,
    coefficients_of,
    influence_of,
    influence_of_coefficients,
    jackknife,
)
from whyfit.probability.resampling.intervals import (
    Bounds,
    basic,
    bca,
    normal,
    percentile,
    studentised,
)
from whyfit.probability.resampling.replicates import ReplicateMoments, replicate_moments
from whyfit.probability.resampling.score import least_squares_scores, one_step, score_bootstrap

__all__ = [
    "Blocks",
    "Bounds",
    "Clusters",
    "DoubleOrNothing",
    "Jackknife",
    "Multinomial",
    "Poisson",
    "ReplicateMoments",
    "basic",
    "bca",
    "block_length",
    "clusters",
    "coefficients_of",
    "influence_of",
    "influence_of_coefficients",
    "jackknife",
    "least_squares_scores",
    "normal",
    "one_step",
    "percentile",
    "replicate_moments",
    "score_bootstrap",
    "studentised",
]
