"""The 10 nearest neighbours of every row, exactly: whyfit beside its peers.

Every contender returns the distances, so that they are compared too. The peers that expand the square
(scikit-learn, NumPy) lose digits where neighbours are near and the origin is far; this data is kind
to them. A k-d tree needs no comparison of all pairs, which pays in few dimensions only.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

K = 10
SPEED = {300: {"scikit-learn, brute force": 1.0, "SciPy k-d tree": 5.0}}
MEMORY = {300: 50.0}


@cache
def data(n: int, p: int) -> np.ndarray:
    """Rows of 20 clusters, as word vectors have them."""
    rng = np.random.default_rng(20260101)
    centres = rng.normal(size=(20, p))
    return centres[rng.integers(0, 20, size=n)] + rng.normal(size=(n, p))


def problem(n: int, p: int):
    from scipy.spatial import cKDTree
    from sklearn.neighbors import NearestNeighbors

    X = data(n, p)
    k = min(K, n - 1)

    def ours():
        from whyfit.linalg.neighbours import nearest

        return nearest(X, X, k, exclude_self=True).distance

    def brute_force():
        peer = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(X)
        return peer.kneighbors()[0]

    def by_hand():
        squares = (X**2).sum(axis=1)
        D = squares[:, None] + squares - 2 * (X @ X.T)
        np.fill_diagonal(D, np.inf)
        found = np.sort(np.partition(D, k - 1, axis=1)[:, :k], axis=1)
        return np.sqrt(np.maximum(found, 0.0))

    return {
        "whyfit": ours,
        "scikit-learn, brute force": brute_force,
        "NumPy by hand": by_hand,
        "SciPy k-d tree": lambda: cKDTree(X).query(X, k + 1, workers=-1)[0][:, 1:],
    }


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scipy", "scikit-learn"),
        rows=3_000,
        columns=(4, 300),
        speed_targets=SPEED,
        memory_targets=MEMORY,
    )
