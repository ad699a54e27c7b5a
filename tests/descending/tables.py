"""Tables to descend on: what a user's script would be given, with the law they come from."""

from __future__ import annotations

import numpy as np


def table(kind: str, seed: int = 0, n: int = 600, p: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """X with columns of different spreads and offsets, y of a law that suits the loss `kind`."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 2.0 ** rng.integers(-1, 2, p) + rng.normal(size=p)
    eta = X @ rng.normal(size=p) / np.sqrt(p)
    match kind:
        case "squared" | "huber" | "quantile":
            y = 1 + eta + rng.normal(size=n)
        case "logistic" | "hinge":
            y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
        case "poisson":
            y = rng.poisson(np.exp(eta / 2))
        case "gamma":
            y = np.exp(eta / 2) * rng.gamma(2.0, 0.5, size=n) + 1e-6
        case _:
            y = np.argmax(np.column_stack([eta, X[:, 0], X[:, 1]]) + rng.gumbel(size=(n, 3)), 1)
    return X, y


def csv(path, kind: str, **how) -> None:
    """The table as a file with a target "y"."""
    X, y = table(kind, **how)
    names = [f"x{j + 1}" for j in range(X.shape[1])]
    lines = [",".join([*names, "y"])]
    lines += [",".join(map(repr, [*map(float, row), y[i].item()])) for i, row in enumerate(X)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
