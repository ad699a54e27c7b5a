"""Learning curves of least squares and ridge from moments: the error as a function of the rows trained on.

The moments of the parts of `learning_sets` add up to those of every training set, so that a curve costs one solve of
p × p per training set and no row is read again. Beside the curve stands what theory expects of a correct model with
normal columns, intercept included,

    E held-out MSE = σ² (1 + 1/n)(1 + p/(n − p − 2)),     E training MSE = σ² (1 − (p + 1)/n)

and the law of `learning_law`, which is made to predict the largest size before it may speak about sizes beyond.

Measured, 100 to 200 data sets each of normal errors, n = 60 to 2,000, p = 5 to 40, 95 % intervals: the point held back
was inside in 95–100 %, the expected error at twice the rows in 91–99 %, the relative gain of doubling in 99–100 % (its
intervals are about 1.7 times as wide as they need be).

References: Stein (1960), in Contributions to Probability and Statistics, 424-443 for E(1/Wishart);
Perlich, Provost & Simonoff (2003), JMLR 4, 211-255 for curves of linear models.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from whyfit.data.repeats import mix
from whyfit.engines.local import LocalEngine
from whyfit.fold import Engine, Rows, RowSource
from whyfit.linalg.conditioning import correlation
from whyfit.linalg.moments import FoldMoments
from whyfit.probability.distributions import t_quantile
from whyfit.probability.evidence import effective_parameters
from whyfit.probability.learning_law import (
    LEAST_SPARE,
    PRIOR_SPREAD,
    PRIOR_SPREAD_LEAST_SQUARES,
    HeldBack,
    Points,
    PowerLaw,
    beyond_first_order,
    fit_law,
    held_back,
)
from whyfit.probability.learning_sets import (
    ORDERS,
    Sets,
    quadratic_form,
    relation,
    single_parts,
    windows,
)
from whyfit.probability.linear import gather
from whyfit.probability.training_sets import squared_errors
from whyfit.probability.validation import held_out_error

#: Sizes below this many rows per coefficient are left out: the excess error is no power law there.
LEAST_PER_COEFFICIENT = 1.25
#: Sizes reach down to this share of the rows at most.
LEAST_SHARE = 1 / 64
#: Folds are halved at most so often.
MOST_HALVINGS = 5
#: Below this share of the variance the errors are rounding.
EXACT = 1e-13
#: Bytes of the moments of all parts.
PART_BYTES = 64 << 20
#: Floating-point operations of all solves together: about half a second.
MOST_WORK = 1e10


@dataclass(frozen=True)
class LearningCurve:
    """Errors by rows trained on.

    Attributes
    ----------
    sizes : (s,) rows trained on, rising. error : (s,) mean held-out loss. spread : (s,) its standard deviation over
    the training sets of the size. trained : (s,) mean loss on the rows trained on. expected : (s,) held-out error of
    theory, NaN where there is none. rows : all rows, on which the model itself is fitted. law, held_back : None where
    the sizes are too few.
    """

    sizes: Float[np.ndarray, " s"]
    error: Float[np.ndarray, " s"]
    spread: Float[np.ndarray, " s"]
    trained: Float[np.ndarray, " s"]
    expected: Float[np.ndarray, " s"]
    rows: int
    law: PowerLaw | None
    held_back: HeldBack | None


def expected_error(sigma2: float, p: int, n: Float[np.ndarray, " s"]) -> Float[np.ndarray, " s"]:
    """E (y − ŷ)² of new rows by least squares with an intercept on n rows of p normal columns; ∞ for n ≤ p + 2."""
    n = np.asarray(n, dtype=float)
    spare = n - p - 2
    with np.errstate(divide="ignore"):
        return np.where(
            spare > 0, sigma2 * (1 + 1 / n) * (1 + p / np.maximum(spare, 1e-300)), np.inf
        )


def halvings(rows_of_fold: int, rows: int, p: int, k: int) -> int:
    """How often each fold is halved, given its rows at hand and the rows of the whole table."""
    least = max(LEAST_PER_COEFFICIENT * (p + 2), LEAST_SHARE * rows, 8)
    room = PART_BYTES / (8 * k * (p + 1) ** 2)
    times = np.log2(max(min(rows_of_fold / least, room), 1.0))
    return int(min(times, MOST_HALVINGS))


@dataclass(frozen=True)
class Parts:
    """A RowSource whose rows carry, in place of their fold j, the number j · 2ᴸ + b of a random part b of it."""

    source: RowSource
    times: int
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        return self.source.names

    def blocks(self) -> Iterator[Rows]:
        for rows in self.source.blocks():
            key = mix(rows.index.astype(np.uint64), self.seed & 0xFFFF)
            part = (key >> np.uint64(40)) & np.uint64(2**self.times - 1)
            label = rows.fold.astype(np.int64) * 2**self.times + part.astype(np.int64)
            yield replace(rows, fold=label)


def part_moments(
    source: RowSource, k: int, times: int, seed: int = 0, engine: Engine | None = None
) -> FoldMoments:
    """One pass: moments of k · 2^times parts, those of fold j at j · 2^times on."""
    return gather(Parts(source, times, seed), k * 2**times, engine or LocalEngine())


def learning_curve(
    folds: FoldMoments, ridge: float = 0.0, parts: FoldMoments | None = None, seed: int = 0
) -> LearningCurve | None:
    """The curve of least squares, or of ridge with the same λ at every size.

    Parameters
    ----------
    folds : moments of [X y] per fold. parts : of `part_moments`, of all rows of the folds or of a sample of them; None:
        sizes from one fold up.

    None where fewer than two sizes have rows enough for the columns, or y is fitted exactly.
    """
    total, k = folds.total, folds.k
    p = len(folds.shift) - 1
    C = correlation(total.scatter)[:-1, :-1]
    free = effective_parameters(C, ridge, total.n) if ridge else float(p)
    sigma2 = _noise(folds, ridge, free)
    if k < 3 or not sigma2 > EXACT * total.scatter[-1, -1] / max(total.n, 1):
        return None
    work = (p + 1) ** 3 + 20 * (p + 1) ** 2
    sets = list(_all_sets(folds, parts, max(1, min(ORDERS, int(MOST_WORK / work / (5 * k)))), seed))
    least = max(LEAST_PER_COEFFICIENT * (free + 2), free + 1 + LEAST_SPARE)
    made = [m for s in sets if (m := _measured(s, folds, parts, ridge, least)) is not None]
    if len(made) < 2:
        return None
    part_rows = np.zeros(0) if parts is None else parts.n.astype(float)
    origin = 0.0 if ridge else p + 2.0
    spread = PRIOR_SPREAD if ridge else PRIOR_SPREAD_LEAST_SQUARES
    expected = (lambda m: expected_error(sigma2, p, m)) if not ridge else None
    return assembled(made, folds.n, part_rows, Terms(free, sigma2, origin, spread), expected)


@dataclass(frozen=True, slots=True)
class Measured:
    """Losses of the training sets of one size; `size` is the harmonic mean of their rows."""

    sets: Sets
    size: float
    error: float
    trained: float
    each: np.ndarray  # held-out error of every training set


@dataclass(frozen=True, slots=True)
class Terms:
    """What is known beforehand: free slopes, excess loss per coefficient and row, n₀, spread of the prior of c."""

    free: float
    cost: float
    origin: float
    prior_spread: float


def assembled(
    made: list[Measured],
    fold_rows: np.ndarray,
    part_rows: np.ndarray,
    terms: Terms,
    expected: Callable[[np.ndarray], np.ndarray] | None = None,
) -> LearningCurve:
    """The curve of measured sizes, with its law."""
    made = sorted(made, key=lambda m: m.size)
    sizes, error = np.array([m.size for m in made]), np.array([m.error for m in made])
    forms = [quadratic_form(m.sets, fold_rows.astype(float), part_rows)[0] for m in made]
    c = terms.free + 1
    points = Points(
        sizes,
        error,
        relation(forms),
        _freedom(made, c),
        terms.cost * c / np.maximum(sizes - terms.origin, 1.0),
        beyond_first_order(c, sizes),
        terms.origin,
        _level_error(made[-1]),
        terms.prior_spread,
    )
    return LearningCurve(
        sizes,
        error,
        np.array([m.each.std(ddof=1) for m in made]),
        np.array([m.trained for m in made]),
        np.full(len(sizes), np.nan) if expected is None else expected(sizes),
        int(fold_rows.sum()),
        fit_law(points),
        held_back(points),
    )


def _all_sets(
    folds: FoldMoments, parts: FoldMoments | None, orders: int, seed: int
) -> Iterator[Sets]:
    yield from windows(folds.k, orders, np.random.default_rng([seed, 311]))
    if parts is not None:
        per_fold = parts.k // folds.k
        whole = int(parts.n.sum()) == int(folds.n.sum())
        levels = range(1 if whole else 0, int(np.log2(per_fold)) + 1)
        yield from (single_parts(folds.k, per_fold, level) for level in levels)


def _measured(
    sets: Sets, folds: FoldMoments, parts: FoldMoments | None, ridge: float, least: float
) -> Measured | None:
    source = folds if not sets.of_parts or parts is None else parts
    rows = np.array([float(source.n[t].sum()) for t in sets.train])
    if not len(rows) or rows.min() < least:
        return None
    own = np.zeros((len(rows), source.k), dtype=bool)
    held = np.zeros((len(rows), folds.k), dtype=bool)
    for i, (t, u) in enumerate(zip(sets.train, sets.test, strict=True)):
        own[i, t] = held[i, u] = True
    squares, trained = squared_errors(source, own, folds, ridge)
    each = (squares * held).sum(axis=1) / (held @ folds.n)
    trained = trained / rows
    if not np.isfinite(each).all():
        return None
    size = len(rows) / float((1 / rows).sum())
    return Measured(sets, size, float(each.mean()), float(trained.mean()), each)


def _noise(folds: FoldMoments, ridge: float, free: float) -> float:
    total = folds.total
    _, trained = held_out_error(total, total, total, ridge)
    return trained * total.n / max(total.n - 1 - free, 1.0)


def _freedom(made: list[Measured], free: float) -> float:
    """ν: the coefficients, or fewer if training sets tested on the same rows differ more than those would.

    Sums of ν squares scatter by 2/ν of their square, and 1 + 2 n_T/n_U times that on rows with noise.
    """
    for m in made:
        if not m.sets.of_parts:
            break
        groups: dict[bytes, list[float]] = {}
        for u, e in zip(m.sets.test, m.each, strict=True):
            groups.setdefault(u.tobytes(), []).append(e)
        within = [g for g in groups.values() if len(g) > 1]
        excess = m.error - made[-1].error
        df = sum(len(g) - 1 for g in within)
        if df < 10 or not excess > 0:
            continue
        scatter = sum(float(np.var(g) * len(g)) for g in within) / df
        excess /= max(1 - m.size / made[-1].size, 0.5)
        kappa = 1 + float(beyond_first_order(free, np.array([m.size]))[0])
        seen = 2 * excess**2 * (kappa + 2 * m.size / made[-1].size) / scatter
        return float(np.clip(seen, 1.0, free))
    return free


def _level_error(largest: Measured) -> float:
    """Standard error of the noise common to all points: folds are independent but for their training sets.

    So much larger that normal quantiles of it are those of Student's t.
    """
    k = len(largest.each)
    wider = t_quantile(0.95, k - 1) / t_quantile(0.95, np.inf)
    return float(largest.each.std(ddof=1) / np.sqrt(k) * wider)
