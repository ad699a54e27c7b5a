"""Realised coverage: how many rows their intervals or sets held, overall and where they held fewest.

The share of rows covered has Wilson's interval. Every column is cut at its quantiles into slices of equal size (or by
its values if there are few), and of all slices the one with the smallest p-value of "covered with at least the level"
is the worst; its interval and p-value are widened for having looked at all of them (Bonferroni), so the p-value is
valid.

Reference: Wilson (1927), JASA 22; Cauchois, Gupta & Duchi (2021), JMLR 22(81), for worst-slice coverage.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from whyfit.errors import ShapeError
from whyfit.probability.association import wilson
from whyfit.probability.scores.score import check_level

#: Slices per column, and the fewest rows of one: a share of 30 rows has a standard error of 4 % at 95 %.
SLICES = 5
FEWEST = 30


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows with `low` ≤ column ≤ `high`, and how often they were covered."""

    name: str
    low: float
    high: float
    rows: int
    covered: float
    covered_low: float
    covered_high: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Realised:
    """Coverage with its binomial interval against the nominal `level`; `worst` None where no slice has enough rows."""

    covered: float
    low: float
    high: float
    rows: int
    level: float
    p_value: float
    worst: Slice | None
    slices: int


def realised(
    covered: Bool[np.ndarray, " n"],
    level: float,
    columns: Float[np.ndarray, "n q"] | None = None,
    names: tuple[str, ...] = (),
    confidence: float = 0.95,
) -> Realised:
    """How often `covered` is true, of all rows and of the worst slice of `columns`.

    `p_value` is of "coverage is at least `level`" (binomial, one-sided). No rows: NaN in (0, 1).
    """
    hit = np.asarray(covered, dtype=bool)
    level, confidence = check_level(level), check_level(confidence)
    n = len(hit)
    found = slices(hit, level, columns, names, confidence) if columns is not None else ()
    low, high = wilson(int(hit.sum()), n, confidence)
    share = float(hit.mean()) if n else float("nan")
    p_value = too_few(int(hit.sum()), n, level)
    return Realised(share, low, high, n, level, p_value, found[0] if found else None, len(found))


def slices(
    covered: Bool[np.ndarray, " n"],
    level: float,
    columns: Float[np.ndarray, "n q"],
    names: tuple[str, ...] = (),
    confidence: float = 0.95,
) -> tuple[Slice, ...]:
    """All slices of all columns, the worst first, each with interval and p-value widened for the number of them."""
    found = list(_slices(np.asarray(covered, dtype=bool), columns, names))
    m = len(found)
    out = []
    for name, a, b, rows, inside in found:
        ends = wilson(inside, rows, 1 - (1 - confidence) / m)
        p = too_few(inside, rows, level)
        out.append((p, Slice(name, a, b, rows, inside / rows, *ends, min(1.0, m * p))))
    return tuple(s for _, s in sorted(out, key=lambda t: (t[0], t[1].covered)))


def interval_score(
    y: Float[np.ndarray, " n"],
    low: Float[np.ndarray, " n"],
    high: Float[np.ndarray, " n"],
    level: float,
) -> Float[np.ndarray, " n"]:
    """Of every row: the length of its interval, and 2/α times the distance by which it misses y.

    A proper score: least on average for the α/2 and 1 − α/2 quantiles of the law of y. In units of y.

    Reference: Winkler (1972), JASA 67, 187-191; Gneiting & Raftery (2007), JASA 102, 359-378, §6.2.
    """
    alpha = 1 - check_level(level)
    return (high - low) + 2 / alpha * (np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0))


def too_few(hits: int, rows: int, level: float) -> float:
    """P-value of "covered with at least the level": P(Binomial(rows, level) ≤ hits)."""
    return float(special.bdtr(hits, rows, level)) if rows else 1.0


def _slices(hit: np.ndarray, columns: np.ndarray, names: tuple[str, ...]):
    Z = np.asarray(columns, dtype=float)
    if Z.ndim != 2 or len(Z) != len(hit) or (names and len(names) != Z.shape[1]):
        raise ShapeError(f"columns have shape {Z.shape}; expected ({len(hit)}, number of names).")
    for j, z in enumerate(Z.T):
        values = np.unique(z[np.isfinite(z)])
        if len(values) < 2:
            continue
        if len(values) <= SLICES:
            label = np.searchsorted(values, z)
        else:
            edges = np.unique(np.nanquantile(z, np.arange(1, SLICES) / SLICES))
            label = np.searchsorted(edges, z)
        for v in np.unique(label[np.isfinite(z)]):
            rows = (label == v) & np.isfinite(z)
            m = int(rows.sum())
            if m >= FEWEST:
                own = z[rows]
                name = names[j] if names else f"column {j}"
                yield name, float(own.min()), float(own.max()), m, int(hit[rows].sum())
