"""Descents written down a second time, in NumPy alone, for many step sizes at once.

The referee of `descend_planted.py`: which steps arrive, which do not and what each leaves is found by taking them,
never from a formula. Parameters are an array (c, outputs, k), one column for each of k step sizes; all start at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize

DONE = 0.01  # share of the excess loss at which a descent has arrived
LOOKS = 200  # losses looked at
OPTIMIZERS = ("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
_GRIDS = {
    False: np.geomspace(1e-2, 1e2, 9),
    True: np.geomspace(1e-6, 1e4, 11),
}  # linear × 1/λ, adaptive
_FINE = 8  # of a grid between the last that converged and the first that did not ...
_ROUNDS = 4  # ... and how often


@dataclass
class Task:
    """One loss on the rows Z (n, c), ones first, with targets y (n)."""

    kind: str
    Z: np.ndarray
    y: np.ndarray
    delta: float = 1.0
    memory: dict = field(default_factory=dict)

    @property
    def outputs(self) -> int:
        return int(self.y.max()) + 1 if self.kind == "multinomial" else 1

    @property
    def parameters(self) -> int:
        return self.Z.shape[1] * self.outputs

    def eta(self, W: np.ndarray, Z: np.ndarray) -> np.ndarray:
        return (Z @ W.reshape(len(W), -1)).reshape(len(Z), *W.shape[1:])

    def losses(self, W: np.ndarray) -> np.ndarray:
        """(k) of parameters (c, o, k)."""
        eta, y = self.eta(W, self.Z), self.y[:, None]
        match self.kind:
            case "squared":
                each = (eta[:, 0] - y) ** 2
            case "huber":
                r = np.abs(eta[:, 0] - y)
                each = np.where(r <= self.delta, r * r, 2 * self.delta * r - self.delta**2)
            case "logistic":
                each = np.logaddexp(0, eta[:, 0]) - y * eta[:, 0]
            case "poisson":
                each = np.exp(eta[:, 0]) - y * eta[:, 0]
            case _:
                top = eta.max(axis=1)
                chosen = np.take_along_axis(eta, self.y.astype(int)[:, None, None], 1)[:, 0]
                each = top + np.log(np.exp(eta - top[:, None]).sum(axis=1)) - chosen
        return each.mean(axis=0)

    def gradient(self, W: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        Z, y = (self.Z, self.y) if rows is None else (self.Z[rows], self.y[rows])
        eta = self.eta(W, Z)
        match self.kind:
            case "squared":
                pull = 2 * (eta - y[:, None, None])
            case "huber":
                pull = 2 * np.clip(eta - y[:, None, None], -self.delta, self.delta)
            case "logistic":
                pull = 1 / (1 + np.exp(-eta)) - y[:, None, None]
            case "poisson":
                pull = np.exp(eta) - y[:, None, None]
            case _:
                pull = np.exp(eta - eta.max(axis=1, keepdims=True))
                pull /= pull.sum(axis=1, keepdims=True)
                pull[np.arange(len(y)), y.astype(int)] -= 1
        return (Z.T @ pull.reshape(len(Z), -1)).reshape(W.shape) / len(Z)

    @property
    def least(self) -> float:
        """The minimum of the loss, on standardised columns, by SciPy."""
        if "least" not in self.memory:
            Q = self.Z.copy()
            Q[:, 1:] = (Q[:, 1:] - Q[:, 1:].mean(axis=0)) / Q[:, 1:].std(axis=0)
            if self.kind == "squared":
                r = self.y - Q @ np.linalg.lstsq(Q, self.y, rcond=None)[0]
                self.memory["least"] = float(r @ r) / len(r)
            else:
                easy = Task(self.kind, Q, self.y, self.delta)
                shape = (Q.shape[1], self.outputs, 1)
                found = minimize(
                    lambda w: float(easy.losses(w.reshape(shape))[0]), np.zeros(self.parameters),
                    jac=lambda w: easy.gradient(w.reshape(shape)).ravel(), method="BFGS", options={"gtol": 1e-9},
                )  # fmt: skip
                self.memory["least"] = float(found.fun)
        return self.memory["least"]


def updater(optimizer: str, beta: float = 0.9) -> Callable:
    """(W, g, η, t, memory) -> W, after the textbooks and PyTorch; `memory` is a dictionary that it keeps."""

    def step(W, g, eta, t, m):
        if optimizer in ("gd", "sgd"):
            return W - eta * g
        if optimizer in ("momentum", "nesterov"):
            m["v"] = beta * m.get("v", 0.0) + g
            return W - eta * (g + beta * m["v"] if optimizer == "nesterov" else m["v"])
        if optimizer == "rmsprop":
            m["s"] = 0.99 * m.get("s", 0.0) + 0.01 * g * g
            return W - eta * g / (np.sqrt(m["s"]) + 1e-8)
        m["m"] = 0.9 * m.get("m", 0.0) + 0.1 * g
        m["s"] = 0.999 * m.get("s", 0.0) + 0.001 * g * g
        if optimizer == "adamw":
            W = W * (1 - 0.01 * eta)
        return W - eta * (m["m"] / (1 - 0.9 ** (t + 1))) / (
            np.sqrt(m["s"] / (1 - 0.999 ** (t + 1))) + 1e-8
        )

    return step


def taken(
    task: Task, optimizer: str, rates: np.ndarray, steps: int, batch: int | None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Steps looked at (l), and shares of the excess loss then (l, k); inf once lost."""
    rates = np.atleast_1d(np.asarray(rates, dtype=float))
    W = np.zeros((task.Z.shape[1], task.outputs, len(rates)))
    rng, step, memory = np.random.default_rng(seed), updater(optimizer), {}
    n, look = len(task.y), max(1, steps // LOOKS)
    small = task.kind == "squared" and batch is None
    if small:
        A, b = task.Z.T @ task.Z / n, task.Z.T @ task.y / n
        least = W[..., :1] * 0 + np.linalg.lstsq(A, b, rcond=1e-14)[0][:, None, None]
        first = float(task.losses(W[..., :1])[0]) - task.least
    else:
        first = float(task.losses(W[..., :1])[0]) - task.least
    at, shares = [], []
    with np.errstate(all="ignore"):
        for t in range(steps):
            if small:
                g = (2 * (A @ W[:, 0] - b[:, None]))[:, None]
            else:
                rows = None if batch is None else rng.choice(n, batch, replace=False, shuffle=False)
                g = task.gradient(W, rows)
            W = step(W, g, rates, t, memory)
            if (t + 1) % look == 0 or t + 1 == steps:
                if small:
                    away = (W - least)[:, 0]
                    excess = np.einsum("ik,ij,jk->k", away, A, away)
                else:
                    excess = task.losses(W) - task.least
                at.append(t + 1)
                shares.append(np.where(np.isfinite(excess), excess / first, np.inf))
    out = np.array(shares)
    lost = np.maximum.accumulate(~(out < 1e12), axis=0)
    return np.array(at), np.where(lost, np.inf, np.maximum(out, 0.0))


def arrives(shares: np.ndarray, adaptive: bool) -> np.ndarray:
    """(k): whether a long run ends within 1 %, or (a linear rule) still falls and never rose above its start."""
    tail, before = shares[-LOOKS // 8 :], shares[-LOOKS // 4 : -LOOKS // 8]
    end = tail.mean(axis=0)
    falls = (tail.max(axis=0) < before.max(axis=0) * (1 - 1e-9)) & (end < 1)
    return end <= DONE if adaptive else (end <= DONE) | falls


def limit_of(task: Task, optimizer: str, steps: int, batch: int | None) -> float:
    """The largest step that converges in a long run, to about 1 %: a grid, then finer ones; NaN if none does.

    On batches a linear rule converges as long as its noise keeps the loss below its start.
    """
    adaptive = optimizer in ("rmsprop", "adam", "adamw")
    scale = 1.0 if adaptive else 1 / np.linalg.norm(task.Z, 2) ** 2 * len(task.y)
    rates = scale * _GRIDS[adaptive]
    for _ in range(_ROUNDS if adaptive or batch is None else _ROUNDS - 1):
        shares = taken(task, optimizer, rates, steps, batch, seed=1)[1]
        if batch is not None and not adaptive:
            good = shares[-LOOKS // 2 :].mean(axis=0) < 1
        else:
            good = arrives(shares, adaptive)
        if not good.any():
            return float("nan")
        first = int(np.argmax(good))
        beyond = np.flatnonzero(~good[first:])
        last = first + (int(beyond[0]) if beyond.size else len(good) - first) - 1
        if last + 1 >= len(rates):
            return float(rates[-1])
        rates = np.geomspace(rates[last], rates[last + 1], _FINE)
    return float(np.sqrt(rates[0] * rates[1]))
