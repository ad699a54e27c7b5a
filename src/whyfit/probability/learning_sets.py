"""Which parts of the rows train, and which are tested, at every size of a learning curve.

The rows are split into k folds and each fold, if it is large enough, into 2ᴸ parts of equal size at random (and the
rest of it). Sizes from one fold up are cyclic windows of w folds in a few random orders, tested on the other folds:
every prefix of every rotation of an order, so the sets of one order are nested. Smaller sizes are single parts, 2ˡ to
a fold, tested on all other folds. At each size every fold is tested equally often, so that the noise of the tested
rows is the same number at every size and drops out of the shape of the curve.

With g_B ~ N(0, σ²/n_B) the error of part B (in each of p directions), T a training set and U the rows it is tested on,
to first order

    mean loss over U − level_U = ‖g_T‖² − 2 g_U·g_T,     g_T = Σ_{B∈T} (n_B/n_T) g_B

so the excess of a size is a quadratic form Σ_BC (A)_BC g_B·g_C, from which `relation` takes the covariances.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

#: Random orders of the folds; each gives windows of its own at sizes between one fold and all but one.
ORDERS = 3
#: Training sets of a single part at most, spread evenly over the folds.
MOST_PARTS = 60
#: Sizes of windows at most.
_WINDOWS = 12


@dataclass(frozen=True, slots=True)
class Sets:
    """Training sets of one size: `train` are fold numbers (windows) or one part number, `test` fold numbers."""

    of_parts: bool
    train: tuple[Int[np.ndarray, " w"], ...]
    test: tuple[Int[np.ndarray, " u"], ...]


def windows(k: int, orders: int, rng: np.random.Generator) -> Iterator[Sets]:
    """Cyclic windows of w folds; w = 1 and w = k − 1 are the same sets in every order."""
    rows = [np.arange(k), *(rng.permutation(k) for _ in range(orders - 1))]
    for w in np.unique(np.round(np.geomspace(1, k - 1, _WINDOWS)).astype(int)):
        some = rows[:1] if w in (1, k - 1) else rows
        turned = [np.roll(order, -j) for order in some for j in range(k)]
        yield Sets(False, tuple(o[:w] for o in turned), tuple(o[w:] for o in turned))


def single_parts(k: int, per_fold: int, level: int, most: int = MOST_PARTS) -> Sets:
    """Unions of `per_fold`/2ˡ consecutive parts of one fold: 2ˡ to a fold, as many of them as `most` allows.

    Part b of fold j has the number j · per_fold + b.
    """
    count = 2**level
    width = per_fold // count
    taken = np.unique(np.linspace(0, count - 1, max(1, min(count, most // k))).astype(int))
    train, test = [], []
    for j in range(k):
        for b in taken:
            train.append(j * per_fold + b * width + np.arange(width))
            test.append(np.delete(np.arange(k), j))
    return Sets(True, tuple(train), tuple(test))


def quadratic_form(
    sets: Sets, fold_rows: Float[np.ndarray, " k"], part_rows: Float[np.ndarray, " f"]
) -> tuple[Float[np.ndarray, "a a"], float]:
    """A, in units of parts with g ~ N(0, I), and the mean of 1/n_T.

    The atoms are the parts of every fold and, last in the fold, what its parts leave over.
    """
    k = len(fold_rows)
    f = len(part_rows) // k
    rest = np.maximum(fold_rows - part_rows.reshape(k, f).sum(axis=1), 0.0) if f else fold_rows
    atoms = np.column_stack([part_rows.reshape(k, f), rest])  # (k, f + 1)
    number = np.arange(atoms.size).reshape(atoms.shape)
    A, inverse = np.zeros((atoms.size, atoms.size)), 0.0
    flat = atoms.ravel()
    for train, test in zip(sets.train, sets.test, strict=True):
        t, u = np.zeros(flat.size), np.zeros(flat.size)
        inside = number[:, :f].ravel()[train] if sets.of_parts else number[train].ravel()
        outside = number[test].ravel()
        t[inside], u[outside] = flat[inside], flat[outside]
        inverse += 1 / max(t.sum(), 1.0)
        t, u = t / max(t.sum(), 1.0), u / max(u.sum(), 1.0)
        A += np.outer(t, t) - np.outer(t, u) - np.outer(u, t)
    root = np.divide(1.0, np.sqrt(flat), out=np.zeros(flat.size), where=flat > 0)
    count = max(len(sets.train), 1)
    return A * np.outer(root, root) / count, inverse / count


def relation(forms: list[Float[np.ndarray, "a a"]]) -> Float[np.ndarray, "s s"]:
    """tr(A_sA_t)/(tr A_s tr A_t)."""
    flat = np.stack([A.ravel() for A in forms])
    trace = np.array([np.trace(A) for A in forms])
    return (flat @ flat.T) / np.outer(trace, trace)
