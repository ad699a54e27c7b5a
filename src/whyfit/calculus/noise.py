"""Where mini-batches stop making progress: the noise floor, and how noisy the gradient is.

Near the minimum b* with Hessian H = VΛVᵀ a batch of B rows answers with ∇_B = Hz + ξ, z = b − b*, and a linear rule
moves each eigen-direction by (z_i, s_i) ← M(λ_i, η)(z_i, s_i) + e ξ_i. Its variance settles where

    C_i = M C_i Mᵀ + q_i eeᵀ,     q_i = (1/B)(1 − B/n) · v_iᵀ Σ_g v_i,     excess loss = ½ Σ_i λ_i C_i

The covariance of the rows' gradients itself grows with z: with u_j = Vᵀz_j, curvature ℓ″_j and slope ℓ′_j at b*,

    v_iᵀ Σ_g v_i = (1/n) Σ_j (ℓ″_j² Σ_k C_k u_jk² + ℓ′_j²) u_ji²  −  λ_i² C_i

which is linear in C, so that C solves one p × p system. There is no such C, and the descent never settles, once the
spectral radius of that system's matrix reaches 1: the mean-square limit, below the limit of full batches. Plain
gradient descent with small η has the floor η tr Σ_g/(4B).

The *gradient noise scale* tr Σ_g/‖∇L‖² is the batch size at which noise and gradient are equally strong: far below
it a doubled batch halves the steps needed, far above it buys nothing.

References: Mandt, Hoffman & Blei (2017), JMLR 18(134), §3; Ma, Bassily & Belkin (2018), ICML; McCandlish et al.
(2018), arXiv 1812.06162, app. A.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers.base import Rule, check_rate
from whyfit.errors import SpecError
from whyfit.linalg.columns import tile_rows


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """Excess loss a descent on mini-batches settles at; inf if it does not settle.

    `radius` is that of the mean-square recursion: below 1 it settles, and the approach is like radiusᵗ at best.
    `additive` is the floor without the part of the noise that grows with the distance.
    """

    excess: float
    additive: float
    radius: float
    spread: Float[np.ndarray, " c"]  # variance along each eigen-direction of H

    @property
    def settles(self) -> bool:
        return self.radius < 1


@dataclass(frozen=True, slots=True)
class BatchNoise:
    """What the floor needs of the rows, in the eigen-coordinates of H = VΛVᵀ at b*: one pass, any rule and step."""

    lam: Float[np.ndarray, " c"]
    V: Float[np.ndarray, "c c"]
    fourth: Float[np.ndarray, "c c"]  # (1/n) Σ ℓ″² u_i² u_k²
    noise: Float[np.ndarray, " c"]  # (1/n) Σ ℓ′² u_i²
    n: int


def batch_noise(loss: RowLoss, minimum: Float[np.ndarray, " c"]) -> BatchNoise:
    """Gather it from the rows."""
    lam, V = np.linalg.eigh(loss.hessian(minimum))
    c, n = loss.size, loss.n
    fourth, noise = np.zeros((c, c)), np.zeros(c)
    tile = tile_rows(c)
    for start in range(0, n, tile):
        Z, y = loss.Z[start : start + tile], loss.y[start : start + tile]
        eta, u2 = Z @ minimum, (Z @ V) ** 2
        bent = u2 * loss.kind.curvature(eta, y)[:, None]
        fourth += bent.T @ bent / n
        noise += loss.kind.slope(eta, y) ** 2 @ u2 / n
    if loss.l2 is not None:
        noise -= (V.T @ (loss.l2 * minimum)) ** 2  # mean slope of the rows: minus the penalty's
    return BatchNoise(np.maximum(lam, 0.0), V, fourth, np.maximum(noise, 0.0), n)


def noise_floor(
    loss: RowLoss, minimum: Float[np.ndarray, " c"], rule: Rule, rate: float, batch: int
) -> NoiseFloor:
    """The floor of a rule that is linear in the gradient, at a constant step, with batches drawn anew.

    Raises SpecError for an adaptive rule, η ≤ 0 or an empty batch.
    """
    return floor_of(batch_noise(loss, minimum), rule, rate, batch)


def floor_of(seen: BatchNoise, rule: Rule, rate: float, batch: int) -> NoiseFloor:
    """`noise_floor` from what was gathered already."""
    check_rate(rate)
    if rule.adaptive:
        raise SpecError(
            f"{rule.name} divides the gradient by itself and has no floor in closed form."
        )
    if batch < 1:
        raise SpecError(f"the batch size is {batch}; expected at least 1 row.")
    return settled(seen, rule, rate, drawn_share(batch, seen.n))


def drawn_share(batch: int, n: int) -> float:
    """q: by what the variance over rows is multiplied in the mean of a batch drawn without repetition."""
    return max(0.0, (1 / batch) * (1 - batch / n) * n / max(n - 1, 1))


def settled(seen: BatchNoise, rule: Rule, rate: float, share: float) -> NoiseFloor:
    """The rest point of the mean-square recursion at q = `share`; of an adaptive rule `seen` is preconditioned."""
    live = seen.lam > seen.lam.max(initial=0.0) * np.finfo(float).eps * seen.lam.size
    lam = np.where(live, seen.lam, 0.0)
    gain = np.where(live, _gain(rule, lam, rate), 0.0)
    if not np.isfinite(gain).all():
        return NoiseFloor(np.inf, np.inf, np.inf, np.full(lam.size, np.inf))
    A = share * gain[:, None] * (seen.fourth - np.diag(lam**2))
    source = share * gain * seen.noise
    additive = 0.5 * float(lam @ source)
    radius = float(np.abs(np.linalg.eigvals(A)).max(initial=0.0)) if share else 0.0
    slowest = float(rule.contraction(lam[live], rate).max(initial=0.0)) ** 2
    if radius >= 1:
        return NoiseFloor(np.inf, additive, radius, np.full(lam.size, np.inf))
    spread = np.linalg.solve(np.eye(lam.size) - A, source)
    return NoiseFloor(0.5 * float(lam @ spread), additive, max(radius, slowest), spread)


def mean_square_path(
    seen: BatchNoise,
    away: Float[np.ndarray, " c"],
    rule: Rule,
    rates: Float[np.ndarray, " t"],
    batch: int,
) -> Float[np.ndarray, " t+1"]:
    """Expected excess loss before and after every step of a linear rule with step sizes `rates`, from w₀ − w* = `away`.

    The recursion S ← M S Mᵀ + q eeᵀ of the second moments of (z, s) in every eigen-direction, the mean included, whose
    rest point is the noise floor. Products of different directions are left out of the noise. inf once it overflows.
    """
    share = drawn_share(batch, seen.n)
    lam, z = seen.lam, seen.V.T @ away
    mixing = share * (seen.fourth - np.diag(lam**2))
    noise = share * seen.noise
    width = rule.entry(1.0).size
    S = np.zeros((lam.size, width, width))
    S[:, 0, 0] = z * z
    out = np.full(len(rates) + 1, np.inf)
    M, enters, known = np.empty(0), np.empty(0), np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        for t, rate in enumerate(rates):
            out[t] = 0.5 * float(lam @ S[:, 0, 0])
            if not out[t] < np.inf:
                return np.where(np.isnan(out), np.inf, out)
            if rate != known:
                M, e, known = rule.transition(lam, rate), rule.entry(rate), rate
                enters = np.outer(e, e)
            q = np.maximum(mixing @ S[:, 0, 0] + noise, 0.0)
            S = M @ S @ M.transpose(0, 2, 1) + q[:, None, None] * enters
        out[-1] = 0.5 * float(lam @ S[:, 0, 0])
    return np.where(np.isnan(out), np.inf, out)


def _gain(rule: Rule, lam: Float[np.ndarray, " c"], rate: float) -> Float[np.ndarray, " c"]:
    """Stationary variance of the parameter per unit of gradient noise: C₀₀ of C = MCMᵀ + eeᵀ; inf if unstable."""
    M, e = rule.transition(lam, rate), rule.entry(rate)
    s = e.size
    out = np.full(lam.size, np.inf)
    stable = rule.contraction(lam, rate) < 1
    K = np.einsum("pij,pkl->pikjl", M[stable], M[stable]).reshape(-1, s * s, s * s)
    right = np.broadcast_to(np.outer(e, e).reshape(-1, 1), (len(K), s * s, 1))
    out[stable] = np.linalg.solve(np.eye(s * s) - K, right)[:, 0, 0]
    return np.where(lam > 0, out, 0.0)


@dataclass(frozen=True, slots=True)
class NoiseScale:
    """tr Σ_g/‖∇L‖² with its two parts and a jackknife interval (level 0.95)."""

    value: float
    low: float
    high: float
    trace: float
    square: float


def gradient_covariance(
    loss: RowLoss, w: Float[np.ndarray, " c"]
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "c c"]]:
    """Mean and covariance (divisor n) of the rows' gradients at w, the penalty left out."""
    c, n = loss.size, loss.n
    mean, second = np.zeros(c), np.zeros((c, c))
    tile = tile_rows(c)
    for start in range(0, n, tile):
        Z, y = loss.Z[start : start + tile], loss.y[start : start + tile]
        G = Z * loss.kind.slope(Z @ w, y)[:, None]
        mean += G.sum(axis=0) / n
        second += G.T @ G / n
    return mean, second - np.outer(mean, mean)


def noise_scale(
    small: Float[np.ndarray, "k c"], large: Float[np.ndarray, "k c"], sizes: tuple[int, int]
) -> NoiseScale:
    """The two-batch-size estimator from k pairs of batch gradients at one w.

    As E‖∇_B‖² = ‖∇L‖² + tr Σ_g/B, two sizes b < B give both parts without bias:
    ‖∇L‖² = (B‖∇_B‖² − b‖∇_b‖²)/(B − b),   tr Σ_g = (‖∇_b‖² − ‖∇_B‖²)/(1/b − 1/B), averaged over the pairs.
    The interval is the jackknife's over pairs; the ratio is inf where the gradient cannot be told from noise.

    Raises SpecError unless 0 < b < B and k ≥ 2.
    """
    b, B = sizes
    if not 0 < b < B:
        raise SpecError(
            f"the batch sizes are {b} and {B}; expected two different sizes ≥ 1, rising."
        )
    if len(small) != len(large) or len(small) < 2:
        raise SpecError(
            f"there are {len(small)} small and {len(large)} large batches; expected the same number ≥ 2."
        )
    one, two = (small**2).sum(axis=1), (large**2).sum(axis=1)
    square = (B * two - b * one) / (B - b)
    trace = (one - two) / (1 / b - 1 / B)
    k = len(one)
    value = _ratio(trace.mean(), square.mean())
    without = np.array(
        [
            _ratio((trace.sum() - t) / (k - 1), (square.sum() - g) / (k - 1))
            for t, g in zip(trace, square, strict=True)
        ]
    )
    if not (np.isfinite(value) and np.isfinite(without).all()):
        return NoiseScale(value, 0.0, np.inf, float(trace.mean()), float(square.mean()))
    se = float(np.sqrt((k - 1) / k * ((without - without.mean()) ** 2).sum()))
    return NoiseScale(
        value,
        max(0.0, value - 1.96 * se),
        value + 1.96 * se,
        float(trace.mean()),
        float(square.mean()),
    )


def _ratio(trace: float, square: float) -> float:
    return float(max(trace, 0.0) / square) if square > 0 else np.inf
