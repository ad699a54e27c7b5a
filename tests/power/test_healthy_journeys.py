"""The whole journey on healthy tables: no error-level finding, and warnings within the family-wise budget.

A table is healthy if its law is the model's: linear (on the log odds for two classes) with a clear signal, errors
of one variance, features of any scale and shape, correlated but not copies, categories and dates with enough rows.
"""

import datetime

import numpy as np
import polars as pl
import pytest
from scipy import special

import whyfit
from simulated import rarely

RUNS = 75  # per task
LARGEST = 3000


def features(rng: np.random.Generator, n: int) -> tuple[dict[str, object], np.ndarray]:
    """Columns by name, and their unit-variance numeric coding (n × c) that the law uses."""
    columns: dict[str, object] = {}
    p = int(rng.integers(2, 6))
    shared = rng.standard_normal((n, 1))
    Z = np.sqrt(1 - (rho := rng.uniform(0, 0.6))) * rng.standard_normal((n, p)) + rho**0.5 * shared
    coded = list(Z.T)
    for j, z in enumerate(Z.T):
        columns[f"num{j}"] = 10.0 ** rng.integers(-3, 5) * (z + rng.choice([0.0, 3.0, 20.0]))
    skewed = rng.gamma(2.0, 1.0, n)
    columns["skewed"] = 100 * skewed
    coded.append((skewed - 2) / np.sqrt(2))
    if rng.random() < 0.7:
        level = rng.choice(int(rng.integers(2, 5)), size=n)
        columns["kind"] = np.array(["oak", "fir", "elm", "ash"])[level]
        effect = rng.standard_normal(4)
        coded.append(effect[level] - effect[level].mean())
    if rng.random() < 0.5:
        flag = rng.random(n) < rng.uniform(0.3, 0.7)
        columns["flag"] = flag
        coded.append(2.0 * flag - 1)
    if rng.random() < 0.3:
        day = rng.integers(0, 1000, n)
        columns["day"] = [datetime.date(2020, 1, 1) + datetime.timedelta(int(d)) for d in day]
        coded.append((day - 500) / 289)
    return columns, np.column_stack(coded)


def rows(rng: np.random.Generator) -> int:
    return int(80 * (LARGEST / 80) ** rng.random())


def signal(rng: np.random.Generator, coded: np.ndarray) -> np.ndarray:
    """A linear law of unit variance."""
    s = coded @ (rng.choice([-1, 1], coded.shape[1]) * rng.uniform(0.3, 1.0, coded.shape[1]))
    return (s - s.mean()) / s.std()


def healthy(seed: int, task: str, error: str = "normal") -> tuple[object, str | None]:
    """A frame and its target, or every third time arrays (X, y)."""
    rng = np.random.default_rng([seed, task == "binary"])
    n = rows(rng) if task == "regression" else max(150, rows(rng))
    columns, coded = features(rng, n)
    s = signal(rng, coded)
    if task == "regression":
        noise = {
            "normal": lambda: rng.standard_normal(n),
            "t5": lambda: rng.standard_t(5, n) / np.sqrt(5 / 3),
            "gamma": lambda: (rng.gamma(4.0, 1.0, n) - 4) / 2,
        }[error]()
        r2 = rng.uniform(0.3, 0.9)
        y = 10.0 ** rng.integers(-2, 4) * (np.sqrt(r2) * s + np.sqrt(1 - r2) * noise)
        target: object = y
    else:
        y = (rng.random(n) < special.expit(rng.uniform(1.0, 2.0) * s + rng.uniform(-1, 1))).astype(
            float
        )
        target = np.where(y > 0, "yes", "no")
    if seed % 3 == 0:
        return (np.column_stack([coded[:, j] for j in range(coded.shape[1])]), y), None
    return pl.DataFrame(columns | {"target": target}), "target"


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_the_journey_of_a_healthy_table_is_quiet(task):
    warned, wrong = [], []
    for seed in range(RUNS):
        source, target = healthy(seed, task)
        found = whyfit.fit(source, target=target).findings
        wrong += [(seed, f.code) for f in found if f.severity == "error"]
        if any(f.severity == "warning" for f in found):
            warned.append((seed, [f.code for f in found if f.severity == "warning"]))
    assert not wrong
    assert rarely(len(warned), RUNS), warned
