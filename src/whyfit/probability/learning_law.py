"""The law of a learning curve: a power of the number of rows, with what is not known of it.

    err(n) = a + b (n − n₀)⁻ᶜ

a is the error that no number of rows removes, b(n − n₀)⁻ᶜ what the rows at hand still cost. Of any smooth loss with a
fixed number of coefficients c → 1, and least squares on normal columns has c = 1 exactly with n₀ = p + 2 (see
`learning_curve.expected_error`); curves of other learners are found with c between 0.1 and 2.

*Weights.* The points of one curve are made of the same rows, and to first order the loss is quadratic: the excess of
size s is tr(A_s HHᵀ), H the p × K matrix of the parts' own errors of the gradient and A_s known from which parts train
and which are tested. Hence points s and t have the covariance

    C_st = (2/ν) x_s x_t · tr(A_s A_t)/(tr A_s tr A_t),     x the excess, ν the free coefficients

(`relation` holds the last factor). What the first order leaves out, the spread of the inverse Gram matrices, makes an
excess of p coefficients on n rows an F with n − p degrees of freedom below; the rest of its variance, κ − 1 with
κ = (p + d − 2)/(d − 4) and d = n − p, is partly each point's own (`beyond`, and INEXACT of
all variances). a and b follow by generalised least
squares for each c of a grid; c has the weight exp(−χ²/2), times a normal prior around 1 that keeps a noisy curve from
claiming what it cannot know. What is predicted is the mixture over the grid. The level common to all points, the noise
of the rows tested, is added where new rows are meant and left out where the same rows are.

References: Amari, Fujita & Shinomoto (1992), Neural Computation 4, 605-618 (c = 1); Viering & Loog (2023), IEEE TPAMI
45(6), 7799-7819 for the shapes of learning curves; Figueroa et al. (2012), BMC Med. Inform. Decis. Mak. 12:8 for the
weighted fit of inverse power laws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy import special

#: Exponents looked at: the range of those found for learners of all kinds (Viering & Loog 2023, § 4).
EXPONENTS = np.linspace(0.2, 2.5, 47)
#: Spread of the prior of c around 1: twice the spread spans the usual range. For least squares without a penalty, whose
#: c and n₀ theory knows, it only leaves room for columns that are not normal.
PRIOR_SPREAD = 0.3
PRIOR_SPREAD_LEAST_SQUARES = 0.1
#: Points that a law needs: c has a prior of its own. One that is to be tested on a further point gets by with two.
FEWEST_POINTS = 3
#: Rows beyond the coefficients from which an F has a variance to speak of (it needs more than 4).
LEAST_SPARE = 8
#: Share of what the first order leaves out that is a point's own and not common to sizes made of the same rows, and
#: the share of its variance that every point has to itself besides. Points of one curve are correlated up to 0.99, and
#: without an own part the best fit of a slightly wrong covariance can pass beside all of them (Peelle's puzzle; seen on
#: real tables). With these χ² is 0.3 per degree of freedom on normal data, and all intervals are wide enough.
OWN, INEXACT = 0.1, 0.02
_ITERATIONS = 4


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a learning curve and how they vary together.

    sizes : rows trained on. error : mean loss of the rows held out. relation : tr(A_sA_t)/(tr A_s tr A_t) of the
    module docstring. free : ν, coefficients that are free to move. excess : what theory expects b(n − n₀)⁻¹ to be at
    each size, the start of the weights. beyond : each point's own part of κ − 1. origin : n₀. level_error : standard
    error of the level common to all points. prior_spread : of c around 1.
    """

    sizes: Float[np.ndarray, " s"]
    error: Float[np.ndarray, " s"]
    relation: Float[np.ndarray, "s s"]
    free: float
    excess: Float[np.ndarray, " s"]
    beyond: Float[np.ndarray, " s"]
    origin: float = 0.0
    level_error: float = 0.0
    prior_spread: float = PRIOR_SPREAD

    def some(self, which: np.ndarray) -> Points:
        return replace(
            self,
            sizes=self.sizes[which],
            error=self.error[which],
            relation=self.relation[np.ix_(which, which)],
            excess=self.excess[which],
            beyond=self.beyond[which],
        )

    def covariance(self, x: Float[np.ndarray, " s"]) -> Float[np.ndarray, "s s"]:
        """C for the excess x."""
        R = self.relation.copy()
        R[np.diag_indices(len(x))] *= 1 + INEXACT + self.beyond
        return (2 / self.free) * np.outer(x, x) * R


def beyond_first_order(
    coefficients: float, sizes: Float[np.ndarray, " s"]
) -> Float[np.ndarray, " s"]:
    """The points' own part of κ − 1, with at least LEAST_SPARE rows more than coefficients."""
    d = np.maximum(sizes - coefficients, LEAST_SPARE)
    return OWN * ((coefficients + d - 2) / (d - 4) - 1)


@dataclass(frozen=True, slots=True)
class Predicted:
    """A number the law predicts, with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PowerLaw:
    """err(n) = floor + scale ((n − origin)/unit)^−exponent, and the mixture of laws it is the best of.

    Attributes
    ----------
    unit : the largest size less the origin, so that `scale` is the excess there. weights : (g,) of the exponents in
    EXPONENTS. means : (g, 2) of (a, b). covariances : (g, 2, 2), the common level
    left out. misfit : χ² per degree of freedom at the best exponent; where above 1, all covariances are that much
    larger. exponent_interval : 2.5 and 97.5 % of c.
    """

    floor: float
    scale: float
    exponent: float
    origin: float
    points: Points
    weights: Float[np.ndarray, " g"]
    means: Float[np.ndarray, "g 2"]
    covariances: Float[np.ndarray, "g 2 2"]
    misfit: float
    excess: Float[np.ndarray, " s"]  # x, by which the points were weighed

    def at(self, n: float) -> float:
        """err(n) of the best law."""
        return self.floor + self.scale * self._power(n, self.exponent)

    @property
    def exponent_interval(self) -> tuple[float, float]:
        below = np.cumsum(self.weights)
        ends = (
            EXPONENTS[min(int(np.searchsorted(below, q)), len(below) - 1)] for q in (0.025, 0.975)
        )
        low, high = ends
        return float(low), float(high)

    def predict(self, n: float, level: float = 0.95, new_rows: bool = True) -> Predicted:
        """err(n); on `new_rows` the level of the rows tested is uncertain too."""
        F = np.stack([np.ones(len(EXPONENTS)), self._powers(n)], axis=1)
        mean = np.einsum("gi,gi->g", F, self.means)
        variance = np.einsum("gi,gij,gj->g", F, self.covariances, F)
        variance = variance + (self.points.level_error**2 if new_rows else 0.0)
        return self._interval(self.at(n), mean, np.sqrt(variance), level)

    def gain(self, n: float, factor: float = 2.0, level: float = 0.95) -> Predicted:
        """1 − err(factor · n)/err(n): the share of the error that so many times the rows would save."""
        value = 1 - self.at(factor * n) / self.at(n)
        mean, sd = self._gains(n, factor)
        return self._interval(value, mean, sd, level)

    def p_gain(self, n: float, limit: float, factor: float = 2.0) -> float:
        """Probability, given the points, that the gain is at most `limit`."""
        mean, sd = self._gains(n, factor)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.where(sd > 0, (limit - mean) / sd, np.where(mean > limit, -np.inf, np.inf))
        return float(np.clip(self.weights @ special.ndtr(z), 0.0, 1.0))

    def rows_within(self, share: float) -> float:
        """Rows from which the error is within `share` of its floor; infinite if the law never comes there."""
        if not self.floor > 0 or not self.scale > 0:
            return self.origin if self.floor > 0 else float("inf")
        with np.errstate(over="ignore"):
            return float(
                self.origin + self.unit * (self.scale / (share * self.floor)) ** (1 / self.exponent)
            )

    def _gains(self, n: float, factor: float) -> tuple[np.ndarray, np.ndarray]:
        now, then = self._powers(n), self._powers(factor * n)
        a, b = self.means.T
        before, after = a + b * now, a + b * then
        safe = np.where(before > 0, before, np.nan)
        ratio = after / safe
        G = np.stack([(ratio - 1) / safe, (ratio * now - then) / safe], axis=1)
        variance = np.einsum("gi,gij,gj->g", G, self.covariances, G)
        sd = np.sqrt(variance + (G[:, 0] * self.points.level_error) ** 2)
        return np.nan_to_num(1 - ratio), np.nan_to_num(sd, nan=np.inf)

    def _interval(self, value: float, mean: np.ndarray, sd: np.ndarray, level: float) -> Predicted:
        low, high = (
            quantile(self.weights, mean, sd, q) for q in (0.5 - level / 2, 0.5 + level / 2)
        )
        return Predicted(value, low, high)

    def _powers(self, n: float) -> Float[np.ndarray, " g"]:
        return self._power(n, EXPONENTS)

    def _power(self, n: float, c):
        return (max(n - self.origin, 1.0) / self.unit) ** (-c)

    @property
    def unit(self) -> float:
        return float(self.points.sizes.max() - self.origin)


def fit_law(points: Points, fewest: int = FEWEST_POINTS) -> PowerLaw | None:
    """The law of some points; None for fewer than `fewest` with finite errors."""
    m = points.sizes - points.origin
    usable = (m > 0) & np.isfinite(points.error)
    if usable.sum() < fewest:
        return None
    points = points.some(np.flatnonzero(usable))
    m, e = points.sizes - points.origin, points.error
    least = max(float(np.abs(e).max()) * 1e-12, np.finfo(float).tiny)
    x = np.maximum(points.excess, least)
    fit = _grid(m, e, np.zeros((len(e), len(e))), points.prior_spread)
    best = 0
    for _ in range(_ITERATIONS):
        C = points.covariance(x)
        fit = _grid(m, e, C, points.prior_spread)
        best = int(fit.chi2.argmin())
        seen = fit.means[best, 1] * (m / m.max()) ** -EXPONENTS[best]
        x = np.maximum(seen, np.maximum(0.2 * points.excess, least))
    df = len(e) - 3
    misfit = float(fit.chi2_data[best] / df) if df > 0 else 1.0
    inflate = max(misfit, 1.0)
    log = -0.5 * (fit.chi2_data / inflate + fit.prior) + 0.5 * np.linalg.slogdet(fit.covariances)[1]
    weights = np.exp(log - log.max())
    a, b = map(float, fit.means[best])
    return PowerLaw(
        a, b, float(EXPONENTS[best]), points.origin, points,
        weights / weights.sum(), fit.means, fit.covariances * inflate, misfit, x,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeldBack:
    """The largest size, predicted by the law of the others on the same held-out rows, beside what was seen there."""

    size: float
    predicted: Predicted
    observed: float

    @property
    def kept(self) -> bool:
        """Whether the observed point lies in the interval."""
        return self.predicted.low <= self.observed <= self.predicted.high


def held_back(points: Points, level: float = 0.95) -> HeldBack | None:
    """Fit without the largest size and predict it; None if too few points are left.

    The interval counts that the point held back is made of the same rows as the others.
    """
    last = int(points.sizes.argmax())
    rest = np.flatnonzero(np.arange(len(points.sizes)) != last)
    law = fit_law(points.some(rest), 2)
    if law is None or not np.isfinite(points.error[last]):
        return None
    n, kept, inflate = float(points.sizes[last]), law.points, max(law.misfit, 1.0)
    order = [int(np.flatnonzero(points.sizes == size)[0]) for size in kept.sizes]
    x = np.append(law.excess, max(law.at(n) - law.floor, 0.2 * points.excess[last]))
    C = inflate * points.some(np.array([*order, last])).covariance(x)
    inverse = np.linalg.pinv(C[:-1, :-1], hermitian=True)
    m = kept.sizes - kept.origin
    F = np.stack([np.ones(len(EXPONENTS)), law._powers(n)], axis=1)
    mean, sd = np.einsum("gi,gi->g", F, law.means), np.empty(len(EXPONENTS))
    for g, c in enumerate(EXPONENTS):
        X = np.stack([np.ones(len(m)), (m / m.max()) ** -c], axis=1)
        h = np.append(F[g] @ (law.covariances[g] / inflate) @ X.T @ inverse * inflate, -1.0)
        sd[g] = np.sqrt(max(float(h @ C @ h), 0.0))  # of the prediction less the point
    return HeldBack(n, law._interval(law.at(n), mean, sd, level), float(points.error[last]))


@dataclass(frozen=True, slots=True)
class _Grid:
    means: np.ndarray
    covariances: np.ndarray
    chi2_data: np.ndarray
    prior: np.ndarray

    @property
    def chi2(self) -> np.ndarray:
        return self.chi2_data + self.prior


def _grid(m: np.ndarray, e: np.ndarray, C: np.ndarray, spread: float) -> _Grid:
    """Generalised least squares of a and b for every exponent; unweighted if C is zero. b is at least 0."""
    inverse = np.linalg.pinv(C, hermitian=True) if C.any() else np.eye(len(e))
    power = (m / m.max()) ** -EXPONENTS[:, None]
    one, of_e = inverse.sum(axis=0), inverse @ e
    across = power @ inverse  # (g, s)
    aa, ab, bb = one.sum(), power @ one, np.einsum("gs,gs->g", across, power)
    ea, eb = of_e.sum(), power @ of_e
    determinant = aa * bb - ab**2
    b = (aa * eb - ab * ea) / determinant
    a = (ea - ab * np.maximum(b, 0.0)) / aa
    means = np.stack([a, np.maximum(b, 0.0)], axis=1)
    covariances = np.moveaxis(np.array([[bb, -ab], [-ab, np.full(len(ab), aa)]]), 2, 0)
    covariances = covariances / determinant[:, None, None]
    R = e - means[:, :1] - means[:, 1:] * power
    chi2 = np.einsum("gs,st,gt->g", R, inverse, R)
    return _Grid(means, covariances, chi2, ((EXPONENTS - 1) / spread) ** 2)


def quantile(
    weights: np.ndarray, mean: np.ndarray, sd: np.ndarray, q: float, halvings: int = 60
) -> float:
    """The q-quantile of a mixture of normals, by bisection."""
    sd = np.maximum(sd, 1e-300)
    far = abs(float(special.ndtri(q))) + 1.0
    low, high = float((mean - far * sd).min()), float((mean + far * sd).max())
    below: Callable[[float], float] = lambda v: float(weights @ special.ndtr((v - mean) / sd))  # noqa: E731
    for _ in range(halvings):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < q else (low, middle)
    return (low + high) / 2
