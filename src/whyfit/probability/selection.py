"""Forward selection of added columns, from Gram matrices alone, judged by held-out error.

Columns are split into a base B (always fitted, the intercept among them), candidates T and the target y. For each
fold j keep the Gram matrix G_j of [B T y]; training Grams are sums over the other folds. Fitting the base is one
Schur complement,

    S = G_tt − G_tb G_bb⁻¹ G_bt   over t = [T y],

a candidate i then lowers the residual sum of squares by S_iy²/S_ii, and taking it in is one more rank-one step. The
selection stops when the best candidate does not pay

    m log(RSS/(RSS − gain)) > 2 log c + 6     (c candidates, m rows; the risk inflation criterion plus a margin)

so that without any structure a candidate is taken in about one of a hundred selections. Every fold's own selection is
then scored on the rows it has not seen: looking at many candidates is paid for.

Reference: Foster & George (1994), Annals of Statistics 22, 1947-1975.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.linalg.solve import solve_gram

_MARGIN = 6.0
_DEPENDENT = 1e-8  # share of a candidate's variance that must be left beside what is fitted already


@dataclass(frozen=True, slots=True)
class FoldGrams:
    """G of [base, candidates, y] per fold; `base` counts the leading base columns."""

    n: Float[np.ndarray, " k"]
    G: Float[np.ndarray, "k c c"]
    base: int

    @classmethod
    def of(
        cls,
        Z: Float[np.ndarray, "s c"],
        label: np.ndarray,
        k: int,
        base: int,
    ) -> FoldGrams:
        """From rows Z (s, c), target last, with fold labels (s,); the first `base` columns are always in."""
        G = np.zeros((k, Z.shape[1], Z.shape[1]))
        order = np.argsort(label, kind="stable")
        cut = np.concatenate([[0], np.cumsum(np.bincount(label, minlength=k))])
        Z = Z[order]
        for j in range(k):
            part = Z[cut[j] : cut[j + 1]]
            G[j] = part.T @ part
        return cls(np.bincount(label, minlength=k).astype(float), G, base)

    @property
    def candidates(self) -> int:
        return self.G.shape[1] - self.base - 1


def forward(
    G: Float[np.ndarray, "c c"],
    n: float,
    base: int,
    most: int,
    favour: Float[np.ndarray, " t"],
) -> tuple[list[int], list[float]]:
    """Candidates taken in, in order, and the residual sum of squares before and after each.

    `favour` (about 1) multiplies gains: among near equals the more readable form wins.
    """
    t = G.shape[0] - base - 1
    B = G[:base, :base]
    d = np.sqrt(np.maximum(np.diag(B), np.finfo(float).tiny))
    link = G[:base, base:]
    S = G[base:, base:] - link.T @ (solve_gram(B / d / d[:, None], link / d[:, None]) / d[:, None])
    whole = np.diag(G)[base:-1]
    rss = [float(max(S[-1, -1], 0.0))]
    taken: list[int] = []
    while len(taken) < most and t:
        left = np.diag(S)[:-1]
        usable = left > _DEPENDENT * np.maximum(whole, np.finfo(float).tiny)
        usable[taken] = False
        gain = np.where(usable, S[:-1, -1] ** 2 / np.where(usable, left, 1.0), 0.0)
        i = int(np.argmax(gain * favour))
        after = rss[-1] - float(gain[i])
        if not (gain[i] > 0 and rss[-1] > 0):
            break
        if after > 0 and n * np.log(rss[-1] / after) <= 2 * np.log(t) + _MARGIN:
            break
        taken.append(i)
        rss.append(max(after, 0.0))
        S = S - np.outer(S[:, i], S[i]) / S[i, i]
    return taken, rss


def coefficients(
    G: Float[np.ndarray, "c c"], base: int, taken: list[int]
) -> tuple[np.ndarray, Float[np.ndarray, " b"]]:
    """Columns and least-squares coefficients of base and taken candidates."""
    columns = np.concatenate([np.arange(base), base + np.array(taken, dtype=int)])
    A = G[np.ix_(columns, columns)]
    d = np.sqrt(np.maximum(np.diag(A), np.finfo(float).tiny))
    return columns, solve_gram(A / d / d[:, None], G[columns, -1] / d) / d


def squared_error(G: Float[np.ndarray, "c c"], columns: np.ndarray, b: np.ndarray) -> float:
    """Sum of squares of y − Zb over the rows of G."""
    a = np.zeros(G.shape[0])
    a[columns], a[-1] = -b, 1.0
    return float(max(a @ G @ a, 0.0))


@dataclass(frozen=True, slots=True)
class Gain:
    """Per fold: held-out squared error per row with the base alone and with that fold's own selection;
    `trained` is the relative fall expected from the training rows, adjusted for the columns fitted."""

    before: Float[np.ndarray, " k"]
    after: Float[np.ndarray, " k"]
    trained: Float[np.ndarray, " k"]
    taken: tuple[tuple[int, ...], ...]


def cross_selected(
    grams: FoldGrams, most: int, favour: Float[np.ndarray, " t"], fixed: list[int] | None = None
) -> Gain:
    """Held-out errors; every training set selects anew, unless `fixed` names what is taken."""
    k, total = len(grams.n), grams.G.sum(axis=0)
    before, after, trained = (np.full(k, np.nan) for _ in range(3))
    chosen = []
    for j in range(k):
        train, m = total - grams.G[j], float(grams.n.sum() - grams.n[j])
        taken = forward(train, m, grams.base, most, favour)[0] if fixed is None else fixed
        chosen.append(tuple(taken))
        if not grams.n[j]:
            continue
        errors = []
        for some in ([], taken):
            columns, b = coefficients(train, grams.base, some)
            left = max(m - len(columns), 1.0)
            errors.append(
                (squared_error(grams.G[j], columns, b), squared_error(train, columns, b) / left)
            )
        before[j], after[j] = errors[0][0] / grams.n[j], errors[1][0] / grams.n[j]
        trained[j] = 1 - errors[1][1] / errors[0][1] if errors[0][1] > 0 else np.nan
    return Gain(before, after, trained, tuple(chosen))
