"""Recalibration of several classes: softmax of a stretched and shifted log probability.

    q = softmax(b log p + c),  b ≥ 0          temperature: c = 0;    Platt: c free, c₁ = 0

Of two classes these are temperature and Platt of `calibration_maps` exactly, since the difference of two logarithms
is the logit. Both maximise the likelihood with Platt's targets for C classes, (n_c + 1)/(n_c + C) for the class that
came true and 1/(n_c + C) for the others, so that they exist where the classes are separated.

References: Guo et al. (2017), ICML; Alexandari, Kundaje & Shrikumar (2020), ICML, for the shifts c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from whyfit.probability.calibration_maps import EDGE

_NUDGE = 1e-9  # of curvature per row: a class that never occurs leaves its shift undetermined
_STEPS, _HALVINGS = 100, 40
_ENOUGH = 1e-12  # of the loss: no further gain


@dataclass(frozen=True)
class Softmax:
    """q = softmax(b log p + shift) of every row."""

    name: str
    b: float
    shift: Float[np.ndarray, " C"]

    def __call__(self, P: Float[np.ndarray, "n C"]) -> Float[np.ndarray, "n C"]:
        return special.softmax(self.b * _logs(P) + self.shift, axis=1)


def softmax_temperature(y: Int[np.ndarray, " n"], P: Float[np.ndarray, "n C"]) -> Softmax:
    """From class codes and out-of-fold probabilities."""
    return Softmax("temperature", float(_likeliest(y, P, shifts=False)[0]), np.zeros(P.shape[1]))


def softmax_platt(y: Int[np.ndarray, " n"], P: Float[np.ndarray, "n C"]) -> Softmax:
    """Of the whole one stretch, and a shift for each class but the first."""
    w = _likeliest(y, P, shifts=True)
    return Softmax("Platt", float(w[0]), np.append(0.0, w[1:]))


def _logs(P: np.ndarray) -> np.ndarray:
    return np.log(np.clip(P, EDGE, 1.0))


def _targets(y: np.ndarray, C: int) -> Float[np.ndarray, "n C"]:
    count = np.bincount(y, minlength=C)
    T = np.repeat(1 / (count[y] + C)[:, None], C, axis=1)
    T[np.arange(len(y)), y] = ((count + 1) / (count + C))[y]
    return T


def _likeliest(y: np.ndarray, P: np.ndarray, *, shifts: bool) -> Float[np.ndarray, " q"]:
    """(b, c₂ … c_C) or (b,), by Newton with halving; a negative b is set to 0 and the shifts fitted alone."""
    y = np.asarray(y).astype(np.int64)
    L, T = _logs(P), _targets(y, P.shape[1])
    free = np.concatenate([[True], np.full(P.shape[1] - 1, shifts)])
    w = np.zeros(P.shape[1])
    w[0] = 1.0
    w = _newton(w, free, L, T)
    if w[0] < 0:
        w[0], free[0] = 0.0, False
        w = _newton(w, free, L, T)
    return w if shifts else w[:1]


def _newton(w: np.ndarray, free: np.ndarray, L: np.ndarray, T: np.ndarray) -> np.ndarray:
    n = len(L)

    def eta(w: np.ndarray) -> np.ndarray:
        return w[0] * L + np.append(0.0, w[1:])

    def loss(w: np.ndarray) -> float:
        E = eta(w)
        return float(np.sum(special.logsumexp(E, axis=1)) - np.einsum("ij,ij->", T, E))

    now = loss(w)
    for _ in range(_STEPS):
        if not free.any():
            break
        Q = np.asarray(special.softmax(eta(w), axis=1))
        g, H = _slopes(Q, L, T)
        H = H[np.ix_(free, free)] + _NUDGE * n * np.eye(int(free.sum()))
        step = np.zeros(len(w))
        step[free] = np.linalg.solve(H, g[free])
        new = now
        for _ in range(_HALVINGS):
            new = loss(w - step)
            if new <= now:
                break
            step /= 2
        w, gain, now = w - step, now - new, new
        if gain <= _ENOUGH * (1 + abs(now)):
            break
    return w


def _slopes(Q: np.ndarray, L: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian of the loss by (b, c₂ … c_C)."""
    mean = (Q * L).sum(axis=1)
    g = np.append(((Q - T) * L).sum(), (Q - T).sum(axis=0)[1:])
    H = np.empty((len(g), len(g)))
    H[0, 0] = ((Q * L * L).sum(axis=1) - mean**2).sum()
    H[0, 1:] = H[1:, 0] = (Q * (L - mean[:, None])).sum(axis=0)[1:]
    H[1:, 1:] = np.diag(Q.sum(axis=0)[1:]) - Q[:, 1:].T @ Q[:, 1:]
    return g, H
