"""The largest step at which a descent on mini-batches settles, and where, products of directions included.

On batches of B rows the second moment C = E (z, s)(z, s)ᵀ of a linear rule moves by a linear map,

    C ← M C Mᵀ + eeᵀ ⊗ q [ (1/n) Σ_j ℓ″_j² (u_jᵀ C_zz u_j) u_j u_jᵀ − Λ C_zz Λ ],      q = (1/B)(1 − B/n) n/(n − 1)

and stays finite exactly if the spectral radius of that map is below 1. `calculus.noise` keeps the diagonal of C, which
is enough for the floor of well-behaved rows; a single row of high leverage throws all directions at once, and then only
the whole map gives the limit. It acts on the D = sp(sp + 1)/2 entries of a symmetric matrix.

Below the limit the descent settles at C* = (1 − L)⁻¹ S with S = eeᵀ ⊗ q (1/n) Σ ℓ′_j² u_j u_jᵀ: the noise floor.

The radius is lim ‖L^k‖^{1/k}, from the growth between L^{2^12} and L^{2^13}, so that constants cancel.

Reference: Ma, Bassily & Belkin (2018), ICML; Défossez & Bach (2015), AISTATS, §3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.calculus.objective import RowLoss
from whyfit.calculus.optimizers.base import Rule

#: Entries of C beyond which the map takes too long (p = 31 of plain descent, 15 with momentum).
MOST_ENTRIES = 500
_WORK = 2e9  # rows × entries² of the fourth moments
_ALWAYS = 1_000  # rows of largest leverage that are never left to a sample
_SQUARINGS = 13
_GROWS = 1e-8  # growth per step above rounding
_HALVINGS = 14


@dataclass(frozen=True)
class FourthMoments:
    """(1/n) Σ ℓ″² over products u_a u_b u_k u_l of eigen-coordinates, pairs a ≤ b and k ≤ l."""

    lam: Float[np.ndarray, " p"]
    V: Float[np.ndarray, "p p"]
    T: Float[np.ndarray, "d d"]
    noise: Float[np.ndarray, "p p"]  # (1/n) Σ ℓ′² u uᵀ
    n: int


def fourth_moments(loss: RowLoss, minimum: Float[np.ndarray, " c"]) -> FourthMoments | None:
    """None for more parameters than the map can hold."""
    c, n = loss.size, loss.n
    d = c * (c + 1) // 2
    if d > MOST_ENTRIES:
        return None
    lam, V = np.linalg.eigh(loss.hessian(minimum))
    U, eta = loss.Z @ V, loss.Z @ minimum
    bend = loss.kind.curvature(eta, loss.y) ** 2
    noise = (U * loss.kind.slope(eta, loss.y)[:, None] ** 2).T @ U / n
    if loss.l2 is not None:
        pull = V.T @ (loss.l2 * minimum)
        noise -= np.outer(pull, pull)
    weight = np.ones(n)
    most = int(max(_WORK / d**2, 4 * _ALWAYS))
    if n > most:
        size = bend * (U * U).sum(axis=1) ** 2
        order = np.argsort(-size, kind="stable")
        rest = np.random.default_rng(0).choice(order[_ALWAYS:], most - _ALWAYS, replace=False)
        keep = np.concatenate([order[:_ALWAYS], rest])
        weight = np.concatenate([np.ones(_ALWAYS), np.full(len(rest), (n - _ALWAYS) / len(rest))])
        U, bend = U[keep], bend[keep]
    i, j = np.triu_indices(c)
    F = U[:, i] * U[:, j]
    fourth = (F * (weight * bend)[:, None]).T @ F / n
    return FourthMoments(np.maximum(lam, 0.0), V, fourth, noise, n)


def growth(seen: FourthMoments, rule: Rule, rate: float, batch: int) -> float:
    """log of the factor by which second moments grow per step, in the long run; negative if they settle."""
    L = _map(seen, rule, rate, batch)
    logs, total = [], 0.0
    for _ in range(_SQUARINGS):
        size = float(np.abs(L).max())
        if not 0 < size < np.inf:
            return -np.inf if size == 0 else np.inf
        total = 2 * (total + np.log(size))
        L = L / size
        L = L @ L
        logs.append(total + np.log(max(float(np.abs(L).max()), np.finfo(float).tiny)))
    return (logs[-1] - logs[-2]) / 2 ** (_SQUARINGS - 1)


def batch_limit(seen: FourthMoments, rule: Rule, batch: int, highest: float) -> float:
    """The largest step in (0, `highest`] that settles, to a relative 2^−14 of `highest`, bisected on the log below."""
    if not growth(seen, rule, highest * (1 - 1e-9), batch) > _GROWS:
        return highest
    low = highest
    while growth(seen, rule, low, batch) > _GROWS and low > highest * 1e-9:
        low /= 8
    high = min(8 * low, highest)
    for _ in range(_HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if growth(seen, rule, middle, batch) > _GROWS else (middle, high)
    return low


def floor(seen: FourthMoments, rule: Rule, rate: float, batch: int) -> float:
    """Excess loss at which a descent with this step settles; inf if it does not."""
    if growth(seen, rule, rate, batch) > _GROWS:
        return np.inf
    L, S = _map(seen, rule, rate, batch), _source(seen, rule, rate, batch)
    C = np.linalg.lstsq(np.eye(len(S)) - L, S, rcond=1e-14)[0]  # a flat direction keeps what it has
    return max(float(_weights(seen, rule) @ C), 0.0)


def path(
    seen: FourthMoments, rule: Rule, rate: float, batch: int, steps: int, away: np.ndarray
) -> Float[np.ndarray, " steps+1"]:
    """Expected excess loss before and after each of `steps` steps of one size from w₀ − w* = `away`."""
    L, S = _map(seen, rule, rate, batch), _source(seen, rule, rate, batch)
    size = rule.entry(1.0).size * seen.lam.size
    z = np.zeros(size)
    z[: seen.lam.size] = seen.V.T @ away
    i, j = np.triu_indices(size)
    C, weights = z[i] * z[j], _weights(seen, rule)
    out = np.full(steps + 1, np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps + 1):
            out[t] = weights @ C
            if not out[t] < np.inf:
                break
            C = L @ C + S
    return np.where(np.isnan(out), np.inf, np.maximum(out, 0.0))


def _weights(seen: FourthMoments, rule: Rule) -> Float[np.ndarray, " D"]:
    """½ tr(Λ C_zz) as a sum over the upper triangle."""
    p = seen.lam.size
    i, j = np.triu_indices(rule.entry(1.0).size * p)
    return np.where((i == j) & (i < p), 0.5 * seen.lam[i % p], 0.0)


def _share(seen: FourthMoments, batch: int) -> float:
    return max(0.0, (1 / batch) * (1 - batch / seen.n) * seen.n / max(seen.n - 1, 1))


def _source(seen: FourthMoments, rule: Rule, rate: float, batch: int) -> Float[np.ndarray, " D"]:
    """What every step adds to C: the noise there is at the minimum itself."""
    e, p = rule.entry(rate), seen.lam.size
    i, j = np.triu_indices(e.size * p)
    live = seen.lam > 64 * np.finfo(float).eps * seen.lam.max(initial=0.0)
    noise = _share(seen, batch) * np.where(np.outer(live, live), seen.noise, 0.0)
    return e[i // p] * e[j // p] * noise[i % p, j % p]


def _map(seen: FourthMoments, rule: Rule, rate: float, batch: int) -> Float[np.ndarray, "D D"]:
    """The map on the upper triangle of C, row by row."""
    lam, p = seen.lam, seen.lam.size
    M, e = rule.transition(lam, rate), rule.entry(rate)
    s = e.size
    A = np.zeros((s * p, s * p))
    for a in range(s):
        for b in range(s):
            A[a * p : (a + 1) * p, b * p : (b + 1) * p] = np.diag(M[:, a, b])
    i, j = np.triu_indices(s * p)
    L = A[np.ix_(i, i)] * A[np.ix_(j, j)]
    L += np.where(i != j, A[np.ix_(i, j)] * A[np.ix_(j, i)], 0.0)
    share = _share(seen, batch)
    pair = np.empty((p, p), dtype=np.int64)
    k, m = np.triu_indices(p)
    pair[k, m] = pair[m, k] = np.arange(k.size)
    Q = share * (seen.T * np.where(k == m, 1.0, 2.0) - np.diag(lam[k] * lam[m]))
    inside = np.flatnonzero((i < p) & (j < p))  # entries of C_zz, in the order of `pair`
    rows = pair[i % p, j % p]
    L[:, inside] += (e[i // p] * e[j // p])[:, None] * Q[rows]
    return L
