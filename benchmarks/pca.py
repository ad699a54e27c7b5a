"""Ten principal components of an array: whyfit with intervals, beside scikit-learn's modes.

The last column compares explained variances. IncrementalPCA is given the same rows in its default batches;
"partial_fit" is whyfit fed with batches of 10,000 rows.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from _harness import compare

COMPONENTS = 10
SPEED = {100: {"auto": 1.5, "covariance_eigh": 1.5, "randomized": 15, "IncrementalPCA": 20}}
MEMORY = {100: 20.0}
BLOCK = 1 << 16
BATCH = 10_000


@cache
def data(n: int, p: int) -> np.ndarray:
    """X (n, p): ten factors of falling strength beside noise of variance 1, off zero."""
    rng = np.random.default_rng(20260102)
    loadings = rng.normal(size=(COMPONENTS, p)) * np.linspace(2, 0.5, COMPONENTS)[:, None]
    X = np.empty((n, p))
    for start in range(0, n, BLOCK):
        block = X[start : start + BLOCK]
        rng.standard_normal(out=block)
        block += rng.standard_normal((len(block), COMPONENTS)) @ loadings + 2.0
    return X


def problem(n: int, p: int):
    from sklearn.decomposition import PCA as Peer
    from sklearn.decomposition import IncrementalPCA

    from whyfit.models import PCA

    X, k = data(n, p), min(COMPONENTS, p)

    def in_batches():
        model = PCA(k)
        for start in range(0, n, BATCH):
            model.partial_fit(X[start : start + BATCH])
        return model.explained_variance_

    def peer(solver: str):
        return Peer(k, svd_solver=solver, random_state=0).fit(X).explained_variance_  # type: ignore[arg-type]

    return {
        "whyfit": lambda: PCA(k).fit(X).explained_variance_,
        "whyfit, partial_fit": in_batches,
        "auto": lambda: peer("auto"),
        "covariance_eigh": lambda: peer("covariance_eigh"),
        "randomized": lambda: peer("randomized"),
        "IncrementalPCA": lambda: IncrementalPCA(k).fit(X).explained_variance_,
    }


if __name__ == "__main__":
    compare(
        __doc__.splitlines()[0],
        problem,
        ("numpy", "scikit-learn"),
        rows=1_000_000,
        columns=(100,),
        speed_targets=SPEED,
        memory_targets=MEMORY,
    )
