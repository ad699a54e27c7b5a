"""Least squares or ridge on many unions of parts at once, scored on every part, from moments alone.

With R_B = Σ ũũᵀ over part B, ũ = (1, x, y) less a common shift, the sums of a training set T are Σ_{B∈T} R_B, its
solution a = (−β₀, −w, 1) follows from them, and part C is fitted with the squared error aᵀR_C a. All sets are solved
together in stacked arrays: for some hundred sets of twenty columns this takes about as long as ten alone.

`validation.held_out_error` is the naive twin for one set.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from whyfit.linalg.conditioning import FLAT
from whyfit.linalg.moments import FoldMoments, Moments
from whyfit.linalg.solve import solve_gram
from whyfit.probability.validation import VANISHED

#: Bytes of the sums of the training sets solved together.
STACK_BYTES = 64 << 20
#: The least diagonal of a Cholesky factor of unit columns that is solved without further ado.
SOUND = 3e-7


def squared_errors(
    parts: FoldMoments,
    train: Bool[np.ndarray, "t K"],
    scored: FoldMoments,
    ridge: float = 0.0,
) -> tuple[Float[np.ndarray, "t F"], Float[np.ndarray, " t"]]:
    """Sum of squared errors of each training set on each of the `scored` moments, and on its own rows.

    Parameters
    ----------
    parts : K sets of moments. train : which of them each of the t training sets is made of. scored : F sets of
    moments, of the same columns. ridge : λ, the same for all.

    A column that is constant in a training set has no coefficient there. NaN for a training set of fewer than two rows.
    """
    q = len(parts.shift)
    whole = parts.total
    R, S = raw_sums(parts, parts.shift), raw_sums(scored, parts.shift)
    errors, own = np.full((len(train), scored.k), np.nan), np.full(len(train), np.nan)
    step = max(1, STACK_BYTES // (8 * (q + 1) ** 2))
    for first in range(0, len(train), step):
        some = slice(first, first + step)
        T = np.tensordot(train[some].astype(float), R, axes=1)
        a = _solutions(T, whole, parts.shift, ridge)
        errors[some] = np.einsum("tq,kqr,tr->tk", a, S, a, optimize=True)
        own[some] = np.einsum("tq,tqr,tr->t", a, T, a, optimize=True)
    return np.maximum(errors, 0.0), np.maximum(own, 0.0)


def raw_sums(folds: FoldMoments, shift: Float[np.ndarray, " q"]) -> Float[np.ndarray, "k r r"]:
    """Σ ũũᵀ per fold, ũ = (1, u − shift)."""
    n = folds.n.astype(float)
    d = folds.offset + (folds.shift - shift)
    R = np.empty((folds.k, len(shift) + 1, len(shift) + 1))
    R[:, 0, 0] = n
    R[:, 0, 1:] = R[:, 1:, 0] = n[:, None] * d
    R[:, 1:, 1:] = folds.scatter + (n[:, None] * d)[:, :, None] * d[:, None, :]
    return R


def _solutions(T: np.ndarray, whole: Moments, shift: np.ndarray, ridge: float) -> np.ndarray:
    """a = (−β₀, −w, 1) for each set of sums; NaN for fewer than two rows."""
    n = T[:, 0, 0]
    few = n < 2
    n = np.maximum(n, 1.0)
    d = T[:, 0, 1:] / n[:, None]
    S = T[:, 1:, 1:] - (n[:, None] * d)[:, :, None] * d[:, None, :]
    length = np.sqrt(np.maximum(np.einsum("tqq->tq", S), 0.0))
    live = length > VANISHED * np.sqrt(np.diag(whole.scatter))
    live &= length > FLAT * np.sqrt(n)[:, None] * np.abs(d + shift)
    live[:, -1] = length[:, -1] > 0
    safe = np.where(live, length, 1.0)
    C = S / safe[:, :, None] / safe[:, None, :]
    C *= live[:, :, None] & live[:, None, :]
    np.einsum("tqq->tq", C)[:] = 1.0
    A, c = C[:, :-1, :-1], C[:, :-1, -1]
    np.einsum("tqq->tq", A)[:] += (ridge / n)[:, None]
    z = _solved(A, c)
    w = z * safe[:, -1:] / safe[:, :-1]
    a = np.empty((len(T), T.shape[1]))
    a[:, 1:-1], a[:, -1] = -w, 1.0
    a[:, 0] = -(d[:, -1] - np.einsum("tp,tp->t", d[:, :-1], w))
    a[few] = np.nan
    return a


def _solved(A: Float[np.ndarray, "t p p"], c: Float[np.ndarray, "t p"]) -> Float[np.ndarray, "t p"]:
    """A⁻¹c each; the least-norm solution where A is singular to rounding."""
    try:
        diagonal = np.einsum("tpp->tp", np.linalg.cholesky(A))
        sound = diagonal.min(axis=1, initial=1.0) > SOUND
    except np.linalg.LinAlgError:
        sound = np.zeros(len(A), dtype=bool)
    z = np.empty(c.shape)
    z[sound] = np.linalg.solve(A[sound], c[sound][:, :, None])[:, :, 0]
    for t in np.flatnonzero(~sound):
        z[t] = solve_gram(A[t], c[t])
    return z
