"""Faults of a cloud of vectors."""

from __future__ import annotations

import numpy as np

from power.plants.plant import CERTAIN, Made, Plant


def isotropic(rng, n):
    return Made(rng.normal(size=(n, 40)))


def mixed(rng, n):
    return Made(rng.normal(size=(n, 40)) @ (np.eye(40) + 0.05 * rng.normal(size=(40, 40))))


def scaled(rng, n):
    return Made(rng.normal(size=(n, 40)) * rng.uniform(0.5, 2, 40))


def spheres(rng, n):
    X = rng.normal(size=(n, 40))
    return Made(X * (rng.lognormal(0, 0.3, n) / np.linalg.norm(X, axis=1))[:, None])


HEALTHY = (isotropic, mixed, scaled, spheres)


def collapsed(rng, n, scale):
    X = rng.normal(size=(n, 40))
    j = int(rng.integers(40))
    X[:, j] *= scale
    return Made(X, subject=frozenset({f"x{j + 1}"}))


def copied(rng, n, many):
    X = rng.normal(size=(n, 40))
    X[:many] = X[many : 2 * many]
    return Made(X)


def flat(rng, n, noise):
    X = rng.normal(size=(n, 6)) @ rng.normal(size=(6, 40))
    return Made(X + noise * np.sqrt(6) * rng.normal(size=(n, 40)))


def common(rng, n, size):
    return Made(rng.normal(size=(n, 40)) + size * rng.choice([-1, 1], 40))


PLANTS = (
    Plant("LA103", "a coordinate that has collapsed to so much of its spread",
          (("0.9 %", 0.009), ("0.7 %", 0.007), ("0.1 %", 0.001)), collapsed, HEALTHY, CERTAIN, "cloud",
          names="among"),
    Plant("LA104", "points that are copies of others", (("1", 1), ("4", 4), ("16", 16)), copied,
          HEALTHY, CERTAIN, "cloud"),
    Plant("LA109", "40 coordinates along 6 directions; noise beside them",
          (("9 %", 0.09), ("6 %", 0.06), ("2 %", 0.02)), flat, HEALTHY, CERTAIN, "cloud"),
    Plant("LA115", "a mean common to all points, in sd of a coordinate",
          (("0.35", 0.35), ("0.5", 0.5), ("1", 1.0)), common, HEALTHY, on="cloud"),
    Plant("LA116", "a mean common to all points, in sd of a coordinate, which makes hubs",
          (("0.5", 0.5), ("1", 1.0), ("3", 3.0)), common, HEALTHY, on="cloud",
          fewer={2000: 40}),
)  # fmt: skip
