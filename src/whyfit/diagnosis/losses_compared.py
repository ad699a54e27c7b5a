"""What another loss would be worth for a regression, from sampled rows: held-out density and certainty of the slopes.

An estimator that solves Σ ψ_i x̃_i = 0 has slopes of variance A⁻¹ (Σ ψ_i² x̃_i x̃_iᵀ) A⁻¹ with A = Σ v_i x̃_i x̃_iᵀ:

    squared  ψ = e, v = 1      Poisson  ψ = y − μ, v = μ      gamma  ψ = (y − μ)/μ, v = 1      Huber  ψ = clip(e, ±kσ)

If the law holds, E ψ² is known: φμ for counts, φ for amounts; for squared loss φμ and φμ². With a log link w times the
mean μ̄ is the average slope, so that the variances compare. `Efficiency` holds the ratio that theory predicts, and the
one that a weighted bootstrap of both estimators observes (one Newton step per replicate).

Reference: Huber & Ronchetti (2009), Robust Statistics, §3.2, 6.3; McCullagh & Nelder (1989), §9.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.calculus.huber import normal_share
from whyfit.calculus.losses.huber import EFFICIENT
from whyfit.data.sample import Sample
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.measures import Measure
from whyfit.errors import InputError
from whyfit.fold import Rows
from whyfit.linalg.moments import FoldMoments, moments_of
from whyfit.probability import laws
from whyfit.probability.glm import Columns, Family, GLMFit, TargetSize, fit_rows
from whyfit.probability.glm_validation import cross_validate
from whyfit.probability.linear import LinearFit, fit_moments
from whyfit.probability.logistic import unit_inverse
from whyfit.probability.validation import FoldScores

MOST_ROWS = 5_000  # tell 0.05 nats per row from none
MOST_COLUMNS = 300  # a Newton step costs the square of it per row
#: Of the bootstrap: its work is their product times the columns.
BOOTSTRAP_ROWS, BOOTSTRAP_COLUMNS = 2_000, 30
REPLICATES = 200  # a standard deviation to 5 %
SCALE_STEPS = 50
SET_ASIDE = 2  # wild rows that are no tail yet
MOST_NATS = 3.0  # of one row: e³ = 20 is "strong evidence" already (Kass & Raftery 1995)
TRAINING_REPLICATES = 60  # per training set: a standard deviation to 9 %


def looked_at(case: Case) -> Sample:
    """The rows that losses are compared on: at most MOST_ROWS of the sample."""
    s = case.sample
    step = max(1, len(s.y) // MOST_ROWS)
    return Sample(s.X[::step], s.y[::step], s.index[::step], s.fold[::step], s.share / step)


def moments(case: Case, s: Sample, y: Float[np.ndarray, " s"]) -> FoldMoments:
    return moments_of(case.k)(Rows(s.X, y, s.index, s.fold))


class _Fixed:
    """Rows in memory with the folds they have."""

    def __init__(self, s: Sample, names: tuple[str, ...]) -> None:
        self.names = names
        self._rows = Rows(s.X, s.y, s.index, s.fold)

    def blocks(self):
        yield self._rows


@dataclass(frozen=True)
class Rival:
    """A loss fitted to the rows of `looked_at`, its held-out scores, and log density per row on the rows it saw."""

    fit: GLMFit
    scores: FoldScores
    inside: float

    @classmethod
    def of(cls, case: Case, family: Family, s: Sample) -> Rival | None:
        """None where it cannot be fitted, or its steps do not settle."""
        if case.p > MOST_COLUMNS or len(np.unique(s.fold)) < case.k:
            return None
        m = moments(case, s, s.y).total
        linear = fit_moments(m, case.names)
        scale = np.sqrt(np.diag(m.scatter)[:-1] / m.n)
        columns = Columns(
            m.n, m.mean[:-1], np.where(scale > 0, scale, 1.0), linear.dropped, TargetSize.of(s.y)
        )
        rows = _Fixed(s, case.names)
        try:
            fit = fit_rows(family, rows, columns)
            if not fit.converged:
                return None
            scores, _ = cross_validate(fit, columns, rows, case.k)
        except InputError:
            return None
        mu, phi = fit.predict(s.X), fit.dispersion
        inside = {
            "poisson": lambda: laws.count_log_density(s.y, mu, phi),
            "gamma": lambda: laws.gamma_log_density(s.y, mu, phi),
            "huber": lambda: laws.huber_log_density(s.y - mu, np.sqrt(phi)),
        }[family]()
        return cls(fit, scores, float(inside.mean()))


def normal_inside(fit: LinearFit) -> float:
    """Log density per row of the normal law on the rows fitted."""
    return float(-0.5 * (np.log(2 * np.pi * fit.rss / fit.n) + 1))


def scale_of(e: Float[np.ndarray, " m"]) -> float:
    """Huber's Proposal 2 scale of errors around 0, the standard deviation if they are normal."""
    sigma = 1.4826 * float(np.median(np.abs(e)))
    if not sigma > 0:
        return 0.0
    share = normal_share(EFFICIENT)
    for _ in range(SCALE_STEPS):
        psi = np.clip(e / sigma, -EFFICIENT, EFFICIENT)
        ratio = float(np.sqrt(np.mean(psi * psi) / share))
        sigma *= ratio
        if abs(ratio - 1) < 1e-6:
            break
    return sigma


def tail_gain(e: Float[np.ndarray, " s"], fold: np.ndarray, k: int) -> Float[np.ndarray, " k"]:
    """Held-out log density per row of errors under Huber's law less that under the normal, scales from other folds.

    A row counts MOST_NATS at most, which only lowers the gain, and the SET_ASIDE largest errors not at all.
    """
    out = np.full(k, np.nan)
    if len(e) <= SET_ASIDE:
        return out
    usual = _usual(e)
    for j in range(k):
        mine, rest = usual & (fold == j), usual & (fold != j)
        sigma = scale_of(e[rest]) if mine.any() and rest.any() else 0.0
        if sigma > 0:
            s = float(np.sqrt(np.mean(e[rest] ** 2)))
            out[j] = _gain(e[mine], s, e[mine], sigma)
    return out


def tail_gain_inside(e: Float[np.ndarray, " s"], other: Float[np.ndarray, " s"]) -> float:
    """The same on the rows fitted: of errors `other` of Huber's fit against e of least squares."""
    usual = _usual(e)
    s = float(np.sqrt(np.mean(e[usual] ** 2)))
    return _gain(e[usual], s, other[usual], scale_of(other[usual]))


def _usual(e: np.ndarray) -> np.ndarray:
    return np.abs(e) < np.partition(np.abs(e), -SET_ASIDE)[-SET_ASIDE]


def _gain(e: np.ndarray, s: float, other: np.ndarray, sigma: float) -> float:
    normal = -0.5 * (e / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))
    return float(np.minimum(laws.huber_log_density(other, sigma) - normal, MOST_NATS).mean())


def tail_index(e: Float[np.ndarray, " m"], share: float = 0.05) -> float:
    """Hill's estimator of α in P(|e| > t) ~ t^−α from the largest `share`; below 2 the variance is infinite."""
    size = np.sort(np.abs(e))
    k = max(int(share * len(e)), 5)
    if len(e) <= k or not size[-k - 1] > 0:
        return float("nan")
    return float(1 / np.mean(np.log(size[-k:] / size[-k - 1])))


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Variance of the slopes under squared loss over that under the other: by theory, and by bootstrap."""

    predicted: float
    observed: float


def efficiency(s: Sample, rival: GLMFit, rng: np.random.Generator) -> Efficiency:
    """Of `rival` against least squares on rows s, columns in units of their standard deviation.

    Of many columns the first BOOTSTRAP_COLUMNS, by themselves.
    """
    step = -(-len(s.y) // BOOTSTRAP_ROWS)
    s = Sample(s.X[::step], s.y[::step], s.index[::step], s.fold[::step], s.share / step)
    live = np.flatnonzero(~rival.dropped & (s.X.std(axis=0) > 0))[:BOOTSTRAP_COLUMNS]
    X = (s.X[:, live] - s.X[:, live].mean(axis=0)) / s.X[:, live].std(axis=0)
    Z = np.column_stack([np.ones(len(s.y)), X])
    straight = Z @ np.linalg.lstsq(Z, s.y, rcond=None)[0]
    e = s.y - straight
    mu, one = rival.predict(s.X), np.ones(len(s.y))
    psi, v, slope, plain, own = _estimating(rival, s.y, mu, e)
    if rival.family != "huber":
        plain = plain + (mu - straight) ** 2  # a line through a curve
    inverse, other = unit_inverse(Z.T @ Z), unit_inverse((Z * v[:, None]).T @ Z)
    before = _diagonal(inverse, (Z * plain[:, None]).T @ Z)
    after = _diagonal(other, (Z * own[:, None]).T @ Z) * slope**2
    seen = (_spread(Z, e, one, rng), _spread(Z, psi, v, rng) * slope**2)
    return Efficiency(float(before.sum() / after.sum()), float(seen[0].sum() / seen[1].sum()))


def _estimating(fit: GLMFit, y: np.ndarray, mu: np.ndarray, e: np.ndarray):
    """ψ, v, the factor from w to the average slope, and E ψ² of squared loss and of this one if the law holds."""
    one = np.ones(len(y))
    if fit.family == "poisson":
        phi = max(fit.dispersion, 1.0)
        return y - mu, mu, float(mu.mean()), phi * mu, phi * mu
    phi = fit.dispersion
    if fit.family == "gamma":
        return (y - mu) / mu, one, float(mu.mean()), phi * mu**2, phi * one
    sigma = float(np.sqrt(phi))
    psi = np.clip(y - mu, -EFFICIENT * sigma, EFFICIENT * sigma)
    inside = (np.abs(y - mu) <= EFFICIENT * sigma).astype(float)
    # errors of one law in all rows: only their moments matter
    return psi, inside.mean() * one, 1.0, (e @ e) / len(e) * one, (psi @ psi) / len(e) * one


def _diagonal(inverse: np.ndarray, meat: np.ndarray) -> np.ndarray:
    return np.diag(inverse @ meat @ inverse)[1:]


def _spread(Z: np.ndarray, psi: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Variance over replicates of each slope: rows weighted by exponential weights, one Newton step."""
    return bootstrap_steps(Z, psi, v, rng, REPLICATES).var(axis=0, ddof=1)[1:]


def bootstrap_steps(
    Z: Float[np.ndarray, "m c"],
    psi: Float[np.ndarray, " m"],
    v: Float[np.ndarray, " m"],
    rng: np.random.Generator,
    replicates: int,
) -> Float[np.ndarray, "b c"]:
    """Newton steps (Σ w v x̃x̃ᵀ)⁻¹ Σ w ψ x̃ of replicates with exponential weights w.

    Reference: Rubin (1981), The Bayesian Bootstrap, Annals of Statistics 9, 130-134.
    """
    out = np.empty((replicates, Z.shape[1]))
    for i in range(replicates):
        w = rng.standard_exponential(len(psi))
        A = (Z * (w * v)[:, None]).T @ Z
        out[i] = np.linalg.lstsq(A, Z.T @ (w * psi), rcond=None)[0]
    return out


def slope_errors(control: Case) -> Measure:
    """Root mean variance of the slopes by bootstrap, per training set; columns in units of their standard deviation.

    Of squared and of Huber's loss, with the same weights for both.
    """
    s = control.sample
    step = -(-len(s.y) // BOOTSTRAP_ROWS)
    X, label = s.X[::step], s.fold[::step]
    live = np.flatnonzero(~control.linear.dropped & (X.std(axis=0) > 0))[:BOOTSTRAP_COLUMNS]
    Z = np.column_stack(
        [np.ones(len(X)), (X[:, live] - X[:, live].mean(axis=0)) / X[:, live].std(axis=0)]
    )

    def of(case: Case) -> Float[np.ndarray, " k"]:
        out = np.full(control.k, np.nan)
        e = (case.sample.y - case.held_out)[::step]
        psi, v = e, np.ones(len(e))
        if isinstance(case.fit, GLMFit):
            limit = EFFICIENT * float(np.sqrt(case.fit.dispersion))
            psi, v = np.clip(e, -limit, limit), (np.abs(e) <= limit).astype(float)
        for j in range(control.k):
            keep = label != j
            if not live.size or keep.sum() <= 3 * live.size:
                continue
            rng = np.random.default_rng([control.spec.seed, j])
            steps = bootstrap_steps(Z[keep], psi[keep], v[keep], rng, TRAINING_REPLICATES)
            out[j] = float(np.sqrt(steps.var(axis=0, ddof=1)[1:].mean()))
        return out

    return Measure("standard error of the slopes (bootstrap)", of, "lower", "ratio")
