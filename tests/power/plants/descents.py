"""Faults of a descent: its step, its batches, its number of steps."""

from __future__ import annotations

import numpy as np

from power.plants.plant import CERTAIN, Made, Plant


def _table(rng, n):
    X = rng.normal(size=(n, 4)) * 2.0 ** rng.integers(-1, 2, 4)
    return X, X @ rng.normal(size=4) + rng.normal(size=n)


def _limit(X):
    """2/λ_max of the Hessian (2/n) X̃ᵀX̃, centred columns and intercept."""
    Z = np.column_stack([np.ones(len(X)), X])
    return 2 / np.linalg.eigvalsh(2 * Z.T @ Z / len(X))[-1]


def step(rng, n, share):
    """Gradient descent with a step of `share` of the largest stable one, 200 steps."""
    X, y = _table(rng, n)
    return Made((X, y), {"optimizer": "gd", "lr": share * _limit(X), "steps": 200})


def stable(rng, n):
    """A tenth to nine tenths of the limit, as many steps as it takes."""
    X, y = _table(rng, n)
    return Made((X, y), {"optimizer": "gd", "lr": rng.uniform(0.1, 0.9) * _limit(X), "steps": 2000})


def newton(rng, n):
    return Made(_table(rng, n), {"optimizer": rng.choice(["newton", "lbfgs"])})


def valley(rng, n, kappa):
    """Two columns whose spreads differ by √κ, at nine tenths of the limit."""
    X = rng.normal(size=(n, 2)) * [1, np.sqrt(kappa)]
    y = X @ [1.0, 1 / np.sqrt(kappa)] + rng.normal(size=n)
    return Made((X, y), {"optimizer": "gd", "lr": 0.9 * _limit(X), "steps": 200})


def batches(rng, n, share):
    X, _ = _table(rng, n)
    s = X @ rng.normal(size=4)
    y = s + 1.5 * s.std() * rng.normal(size=n)
    made = {"optimizer": "sgd", "lr": share * _limit(X), "batch": 4, "steps": 1500}
    return Made((X, y), made)


def stopped(rng, n, steps):
    return Made(_table(rng, n), {"optimizer": "lbfgs", "steps": steps})


def _classes(rng, n):
    X = rng.normal(size=(n, 4))
    eta = X @ rng.normal(size=4) + rng.uniform(-1, 1)
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)


def start(rng, n, scale):
    """The Brier loss from normal numbers of this standard deviation."""
    made = {
        "loss": "brier",
        "start": f"random:{scale}",
        "lr": 0.1,
        "steps": 200,
        "seed": int(rng.integers(2**31)),
    }
    return Made(_classes(rng, n), made)


def nearby(rng, n):
    """From zero or next to it, on the same loss."""
    made = {
        "loss": "brier",
        "start": rng.choice(["zero", "random:0.3"]),
        "lr": rng.uniform(0.1, 5),
        "steps": 200,
    }
    return Made(_classes(rng, n), made)


HEALTHY = (stable, newton)
PLANTS = (
    Plant("CA201", "a step above the limit of stability", (("× 1.1", 1.1), ("× 1.5", 1.5), ("× 4", 4.0)),
          step, HEALTHY, CERTAIN, "descent"),
    Plant("CA202", "a step of so much of the limit, 200 steps",
          (("10⁻³", 1e-3), ("10⁻⁴", 1e-4), ("10⁻⁵", 1e-5)), step, HEALTHY, CERTAIN, "descent"),
    Plant("CA203", "a valley: κ", (("10⁴", 1e4), ("10⁵", 1e5), ("10⁶", 1e6)), valley, HEALTHY,
          CERTAIN, "descent"),
    Plant("CA204", "L-BFGS stopped after so many steps", (("3", 3), ("2", 2), ("1", 1)), stopped,
          HEALTHY, CERTAIN, "descent"),
    Plant("CA219", "batches of 4 rows, errors that hold 70 %; a step of so much of the limit of all rows",
          (("3 %", 0.03), ("10 %", 0.1), ("25 %", 0.25)), batches, HEALTHY, CERTAIN, "descent"),
    Plant("CA208", "the Brier loss from a random start of this size", (("5", 5), ("20", 20), ("80", 80)),
          start, (nearby,), CERTAIN, "descent"),
)  # fmt: skip
