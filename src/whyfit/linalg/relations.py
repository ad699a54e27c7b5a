"""Which columns say the same thing: relations a = c₀ + Σ_j c_j b_j, exact or nearly so, as a person would write them.

From the correlation matrix the columns that really take part are found by backward elimination: leaving out
column k from the regression of a on b raises the unexplained share by z_k²/G_kk, z = Gr, G = C_bb⁻¹. The
coefficients then come from the rows, by least squares and by least trimmed squares (which finds a relation that
holds in most rows and fails in a few), and are rounded to integers, small fractions or short decimals where the
relation then holds in as many rows.

A relation *holds* in a row if the residual is no larger than rounding can make it,

    |a − c₀ − Σ c_j b_j| ≤ RANK_TOLERANCE (|a| + |c₀| + Σ |c_j b_j|) + half a unit of the last decimal of a,

the second part only where that unit is small against the spread of a ("charge = 0.17 minutes" to the cent).

Parts of a whole nearly add up: where the variance of a plain sum of columns is below a hundredth of the sum of their
variances, "Na + Mg + Si + … ≈ 100" says more than a regression of one on the others.

References: Rousseeuw & Van Driessen (2006), Data Min. Knowl. Disc. 12, 29-45 (concentration steps); Aitchison (1986),
The Statistical Analysis of Compositional Data, §3.3 (the sum constraint).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float
from scipy.linalg import cho_solve

from whyfit.linalg.solve import RANK_TOLERANCE

#: Share of rows in which a relation must hold before it is written with "=".
MOST_ROWS = 0.9
#: A column leaves the relation while the unexplained share stays below this multiple of the full one ...
_SPARSER = 1.25
#: ... or below what rounding leaves of an exact relation in a Gram matrix.
_GRAM_FLOOR = 1e-12
#: More candidates than this are screened first: leaving them out one by one takes p² each. Those screened out
#: together use up this share of what may be lost.
_SCREENED, _NOTHING = 50, 0.01
#: Fractions up to this denominator are recognised: halves, thirds, ... twelfths.
_DENOMINATOR = 12
#: Half a unit of the last decimal counts as rounding only below this share of the standard deviation.
_FINE = 0.02
#: Var(Σ a_j) / Σ Var(a_j) below which columns are parts of a whole (whyfit's design): 1 for unrelated columns.
_PARTS = 0.01
_CONCENTRATION = 5
_IDLE = 1e-11  # a coefficient that moves a by less than this share of its spread is rounding


@dataclass(frozen=True, slots=True)
class Relation:
    """a = c₀ + Σ c_j b_j over `rows` rows; `column` and `others` are column numbers.

    `holds` rows satisfy it to rounding; `exceptions` are positions of (the first ten) rows that do not.
    `unexplained` is 1 − R² of a on the others. `residual` is the largest residual among the rows where it
    holds and `bound` the most that rounding allows there, both in units of a. `unit` is the last decimal of a if it
    holds only to half of that, as amounts of money do; else 0.
    """

    column: int
    others: tuple[int, ...]
    coefficients: tuple[float, ...]
    intercept: float
    unexplained: float
    rows: int
    holds: int
    exceptions: tuple[int, ...]
    residual: float
    bound: float
    unit: float = 0.0

    @property
    def parts(self) -> bool:
        """Whether it says that a sum of at least three columns is nearly constant."""
        return not self.mostly and len(self.others) > 1 and set(self.coefficients) == {-1.0}

    @property
    def exact(self) -> bool:
        """Whether it holds in every row."""
        return self.holds == self.rows

    @property
    def mostly(self) -> bool:
        """Whether it holds in nearly every row."""
        return self.holds >= MOST_ROWS * self.rows

    @property
    def columns(self) -> tuple[int, ...]:
        return (self.column, *self.others)

    def text(self, names: Sequence[str]) -> str:
        """ "age = education + experience + 6", or with ≈ and two digits if it only nearly holds."""
        sharp = self.mostly
        if self.parts:
            left = " + ".join(names[j] for j in sorted(self.columns))
            total = abs(self.intercept)
            size = f"{total:.3g}" if total < 1000 else f"{total:,.0f}"
            return f"{left} ≈ {'−' * (self.intercept < 0)}{size}"
        terms = list(zip(self.others, self.coefficients, strict=True))
        if sharp:
            terms.sort()  # as the columns stand in the table; otherwise strongest first
        parts = [_term(c, names[j], sharp) for j, c in terms if c]
        if sharp and self.intercept:
            parts.append(_signed(self.intercept, sharp))
        parts.sort(key=lambda p: p[1] != "+")  # stable: terms to add before terms to take away
        right = "".join(parts)
        right = right[3:] if right.startswith(" + ") else "−" + right[3:]
        return f"{names[self.column]} {'=' if sharp else '≈'} {right if parts else '0'}"


def participants(
    C: Float[np.ndarray, "p p"],
    column: int,
    candidates: Sequence[int],
    most: int = 4,
    factor: Float[np.ndarray, "c c"] | None = None,
) -> tuple[tuple[int, ...], float]:
    """The few of `candidates` that explain `column`, strongest first, and 1 − R² on them.

    C is the correlation matrix. Columns beyond `most` are left out as long as R² stays above 0.9. `factor` is the
    lower Cholesky factor of C over the candidates, if it is known and `column` is none of them.
    """
    left = [j for j in candidates if j != column]
    if not left:
        return (), 1.0
    if len(left) > _SCREENED:
        left, some = _with_a_part(C, column, left, factor)
        if some:
            return participants(C, column, left, most)
    G = np.linalg.pinv(C[np.ix_(left, left)], rcond=1e-14, hermitian=True)
    r = C[left, column]
    alive = np.ones(len(left), dtype=bool)
    z = G @ r
    full = max(1.0 - float(r @ z), 0.0)
    share = full
    limit = max(_SPARSER * full, _GRAM_FLOOR)
    while alive.sum() > 1:
        d = np.diag(G)
        with np.errstate(divide="ignore", invalid="ignore"):
            cost = np.where(alive & (d > 0), z * z / d, np.where(alive, 0.0, np.inf))
        k = int(np.argmin(cost))
        after = share + float(cost[k])
        crowded = alive.sum() > most and after <= 0.1
        if after > limit and not crowded:
            break
        share, alive[k] = after, False
        if d[k] > 0:
            z = z - G[:, k] * (z[k] / d[k])
            G = G - np.outer(G[:, k], G[k]) / d[k]
        z[~alive] = 0.0
    order = [i for i in np.argsort(-np.abs(z)) if alive[i]]
    return tuple(int(left[i]) for i in order), share


def _with_a_part(
    C: Float[np.ndarray, "p p"],
    column: int,
    left: list[int],
    factor: Float[np.ndarray, "c c"] | None,
) -> tuple[list[int], bool]:
    """`left` without the columns that together cost next to nothing, and whether there were such.

    Leaving out the columns S costs z_Sᵀ((C⁻¹)_SS)⁻¹z_S ≤ λ_max(C) ‖z_S‖² of R², and λ_max is at most their number.
    """
    r = C[left, column]
    if factor is not None:
        z = cho_solve((factor, True), r, check_finite=False)
    else:
        z = np.linalg.pinv(C[np.ix_(left, left)], rcond=1e-14, hermitian=True) @ r
    full = max(1.0 - float(r @ z), 0.0)
    allowed = _NOTHING * (max(_SPARSER * full, _GRAM_FLOOR) - full)
    order = np.argsort(z * z)
    idle = int((len(left) * np.cumsum(z[order] ** 2) <= allowed).sum())
    keep = np.sort(order[min(idle, len(left) - 1) :])
    return [left[i] for i in keep], len(keep) < len(left)


def relation(X: Float[np.ndarray, "s p"], column: int, others: Sequence[int]) -> Relation:
    """The relation of `column` to `others` over the rows of X, in its most readable form.

    `others` must be linearly independent columns; an empty sequence or no rows give an empty relation.
    """
    a, B = np.ascontiguousarray(X[:, column]), np.ascontiguousarray(X[:, list(others)])
    if not len(a) or not B.shape[1]:
        return Relation(
            column, (), (), float(a.mean()) if len(a) else 0.0, 1.0, len(a), 0, (), 0.0, 0.0
        )
    c, c0, residual = _fit(a, B, np.ones(len(a), dtype=bool))
    idle = np.abs(c) * B.std(axis=0) <= _IDLE * a.std()
    if idle.any() and not idle.all():
        return relation(X, column, [int(j) for j, out in zip(others, idle, strict=True) if not out])
    total = float(((a - a.mean()) ** 2).sum())
    unexplained = float((residual**2).sum()) / total if total > 0 else 1.0
    slack = _last_digit(a) / 2
    slack = slack if slack <= _FINE * a.std() else 0.0
    best = _rounded(a, B, c, c0, slack)
    if best.good.mean() < MOST_ROWS and len(a) > 2 * (B.shape[1] + 1):
        c, c0 = _trimmed(a, B, residual)
        idle = np.abs(c) * B.std(axis=0) <= _IDLE * a.std()
        if idle.any() and not idle.all():
            left = [int(j) for j, out in zip(others, idle, strict=True) if not out]
            return relation(X, column, left)
        other = _rounded(a, B, c, c0, slack)
        best = other if other.good.mean() >= MOST_ROWS else best
    if best.good.mean() < MOST_ROWS:
        c, c0, _ = _fit(a, B, np.ones(len(a), dtype=bool))
        best = _Candidate.of(a, B, c, c0, slack)
    good = best.good
    if len(a) <= B.shape[1] + 1:  # so few rows satisfy any relation
        good = np.zeros(len(a), dtype=bool)
    residual = float(np.abs(best.residual[good]).max(initial=0.0))
    rounding = float(RANK_TOLERANCE * best.size[good].max(initial=0.0))
    return Relation(
        column,
        tuple(int(j) for j in others),
        tuple(float(v) for v in best.c),
        float(best.c0),
        unexplained,
        len(a),
        int(good.sum()),
        tuple(int(i) for i in np.flatnonzero(~good)[:10]),
        residual,
        rounding + slack,
        2 * slack if residual > rounding else 0.0,
    )


def whole(X: Float[np.ndarray, "s p"], columns: Sequence[int]) -> Relation | None:
    """The relation that those of `columns` nearly add up to a constant, solved for the one that varies most.

    Columns whose absence makes the sum steadier are left out; None if fewer than three are left or the sum varies.
    """
    some = [int(j) for j in columns]
    if len(some) < 3 or len(X) <= len(some) + 1:
        return None
    S = np.atleast_2d(np.cov(X[:, some], rowvar=False))
    keep = np.ones(len(some), dtype=bool)
    while keep.sum() > 3:
        total = keep @ S @ keep
        saved = np.where(keep, 2 * (S @ keep) - np.diag(S), -np.inf)
        k = int(np.argmax(saved))
        if not saved[k] > 0 or not total > 0:
            break
        keep[k] = False
    total, alone = float(keep @ S @ keep), float(np.diag(S)[keep].sum())
    if not (alone > 0 and total <= _PARTS * alone):
        return None
    places = np.flatnonzero(keep)
    first = int(places[np.argmax(np.diag(S)[places])])
    column, others = some[first], tuple(some[i] for i in places if i != first)
    added = X[:, [column, *others]].sum(axis=1)
    middle = float(np.median(added))
    bound = RANK_TOLERANCE * np.abs(X[:, [column, *others]]).sum(axis=1)
    good = np.abs(added - middle) <= bound
    return Relation(
        column,
        others,
        (-1.0,) * len(others),
        middle,
        total / float(S[first, first]),
        len(X),
        int(good.sum()),
        tuple(int(i) for i in np.flatnonzero(~good)[:10]),
        float(np.abs(added - middle)[good].max(initial=0.0)),
        float(bound[good].max(initial=0.0)),
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    c: Float[np.ndarray, " k"]
    c0: float
    residual: Float[np.ndarray, " s"]
    size: Float[np.ndarray, " s"]
    good: Bool[np.ndarray, " s"]

    @classmethod
    def of(cls, a, B, c, c0, slack) -> _Candidate:
        residual = a - B @ c - c0
        size = np.abs(a) + np.abs(B) @ np.abs(c) + abs(c0)
        good = np.abs(residual) <= RANK_TOLERANCE * size + slack * (1 + 1e-9)
        return cls(np.asarray(c), float(c0), residual, size, good)


def _fit(a, B, use) -> tuple[np.ndarray, float, np.ndarray]:
    """Least squares of a on [1 B] over the rows `use`; residuals over all rows."""
    centre = B[use].mean(axis=0)
    scale = B[use].std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    middle = float(a[use].mean())
    c = np.linalg.lstsq((B[use] - centre) / scale, a[use] - middle, rcond=None)[0] / scale
    c0 = middle - float(centre @ c)
    return c, c0, a - B @ c - c0


def _trimmed(a, B, residual) -> tuple[np.ndarray, float]:
    """Concentration steps of least trimmed squares: refit on the nine tenths that fit best."""
    keep = int(np.ceil(MOST_ROWS * len(a)))
    c, c0 = np.zeros(B.shape[1]), 0.0
    for _ in range(_CONCENTRATION):
        use = np.zeros(len(a), dtype=bool)
        use[np.argpartition(np.abs(residual), keep - 1)[:keep]] = True
        c, c0, residual = _fit(a, B, use)
    return c, c0


def _rounded(a, B, c, c0, slack) -> _Candidate:
    """The simplest coefficients under which the relation holds in as many rows as it can."""
    plain = _Candidate.of(a, B, c, c0, slack)
    best = plain
    for simplify in (_fraction, _decimal):
        short = np.array([simplify(v) for v in c])
        if not short.all():
            continue
        rest = a - B @ short
        middle = float(np.median(rest))
        scale = max(float(np.abs(rest).max()), float(np.abs(a).max()))
        zero = 0.0 if abs(middle) <= 1e-9 * scale + slack else middle
        for start in dict.fromkeys((zero, simplify(middle), middle)):
            found = _Candidate.of(a, B, short, start, slack)
            if found.good.mean() >= MOST_ROWS and found.good.sum() >= best.good.sum():
                return found
    return best


def _fraction(v: float) -> float:
    """The nearest fraction with a small denominator; 0 if v is far from any, in relative terms."""
    near = float(Fraction(v).limit_denominator(_DENOMINATOR)) if np.isfinite(v) else 0.0
    return near if abs(near - v) <= 1e-2 * abs(v) else 0.0


def _decimal(v: float) -> float:
    """v to the fewest significant digits that stay within a thousandth of it."""
    for digits in range(1, 7):
        near = float(f"{v:.{digits}g}")
        if abs(near - v) <= 1e-3 * abs(v):
            return near
    return float(v)


def _last_digit(a: Float[np.ndarray, " s"]) -> float:
    """Unit of the last decimal recorded in a (1, 0.1, 0.01 ...); 0 if there is none up to 10⁻⁶."""
    some = a[:: max(1, len(a) // 2000)]
    for d in range(7):
        scaled = some * 10.0**d
        if np.all(np.abs(scaled - np.round(scaled)) <= 1e-9 * np.maximum(1.0, np.abs(scaled))):
            return 10.0**-d
    return 0.0


def _number(v: float, sharp: bool) -> str:
    v = abs(v)
    if not sharp:
        return f"{v:.2g}" if 1e-3 <= v < 100 else f"{v:,.0f}" if 100 <= v < 1e7 else f"{v:.1e}"
    near = Fraction(v).limit_denominator(_DENOMINATOR)
    if (
        near.denominator > 1
        and abs(float(near) - v) <= 1e-12 * v
        and near.denominator not in (2, 4, 5, 8, 10)
    ):
        return f"{near.numerator}/{near.denominator}"
    return f"{v:,.0f}" if v == round(v) and v < 1e9 else f"{v:.6g}"


def _term(c: float, name: str, sharp: bool) -> str:
    number = _number(c, sharp)
    return f" {'−' if c < 0 else '+'} " + (name if number == "1" else f"{number} {name}")


def _signed(c: float, sharp: bool) -> str:
    return f" {'−' if c < 0 else '+'} {_number(c, sharp)}"
