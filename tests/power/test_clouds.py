"""LA103, LA104, LA109, LA115 and LA116: silent on healthy clouds, speak on planted faults."""

from __future__ import annotations

import numpy as np
import pytest

from clouds import found
from simulated import rarely, usually

HEALTHY = 45
PLANTED = 15


def healthy(seed: int) -> np.ndarray:
    """Isotropic or mildly correlated normal clouds of several shapes, about the origin."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.choice([120, 400, 900])), int(rng.choice([5, 30, 100]))
    X = rng.standard_normal((n, p))
    if seed % 3 == 1:
        X = X @ (np.eye(p) + 0.3 * rng.standard_normal((p, p)) / np.sqrt(p))
    if seed % 3 == 2:
        X *= rng.uniform(0.5, 2, p)
    return X


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_silent_on_normal_clouds(metric):
    alarms = sum(bool(found(healthy(seed), metric=metric)) for seed in range(HEALTHY))
    assert rarely(alarms, HEALTHY)


def test_silent_on_points_spread_evenly_over_a_sphere_of_word_lengths():
    """Directions without preference, lengths as uneven as those of word vectors."""
    alarms = 0
    for seed in range(HEALTHY // 2):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((500, 50))
        X *= (rng.lognormal(0, 0.3, 500) / np.linalg.norm(X, axis=1))[:, None]
        alarms += bool(found(X))
    assert rarely(alarms, HEALTHY // 2)


def hits(plant, *codes: str, metric: str = "cosine") -> int:
    total = 0
    for seed in range(PLANTED):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((400, 40))
        plant(X, rng)
        total += bool({f.code for f in found(X, *codes, metric=metric)} >= set(codes))
    return total


def test_finds_a_common_mean_and_its_hubs():
    def plant(X, rng):
        X += 1.2 * rng.standard_normal(40) + 0.6

    assert usually(hits(plant, "LA115", "LA116"), PLANTED)


def test_finds_one_overwhelming_direction():
    def plant(X, rng):
        X += 12 * rng.standard_normal((400, 1)) * rng.standard_normal(40) / np.sqrt(40)

    assert usually(hits(plant, "LA115", metric="euclidean"), PLANTED)


def test_finds_collapsed_coordinates_and_copies():
    def plant(X, rng):
        X[:, rng.integers(40)] *= 1e-3
        X[:4] = X[4:8]

    assert usually(hits(plant, "LA103", "LA104"), PLANTED)


def test_finds_a_cloud_in_few_dimensions():
    def plant(X, rng):
        X[:] = rng.standard_normal((400, 6)) @ rng.standard_normal((6, 40)) + 0.01 * X

    assert usually(hits(plant, "LA109"), PLANTED)
