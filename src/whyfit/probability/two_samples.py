"""Whether two samples of rows come from one law, by how well they can be told apart; and how far apart they are.

A direction w = (S + λI)⁻¹(m_B − m_A) is learned in one half of the rows, on columns and their squares in unit variance
(a shift of means or spreads, or of products through both), and judged in the other half, which did not see it:

    AUC = P(w'z_B > w'z_A),    two halves, each with DeLong's interval

Rows of one law have AUC ½ whatever w, and no direction can separate better than the laws allow: a test of "AUC ≤ a" is
conservative. The halves are taken as two tests (the smaller p-value, doubled). For two normal laws of one variance a
shift by d standard deviations along w has AUC = Φ(d/√2).

Of one column, with shares p, q of the samples in the K tenths of the first (or levels):

    JS = ½ Σ p log p/m + ½ Σ q log q/m     less its bias (K − 1)/8 · (1/n_A + 1/n_B)
    PSI = Σ (q − p) log q/p                 less (K − 1)(1/n_A + 1/n_B)
    W₁/s = ∫ |F_A − F_B| / s                of the values, in standard deviations of the first

References: Lopez-Paz & Oquab (2017), ICLR; Kim, Ramdas, Singh & Wasserman (2021), Annals of Statistics 49, 411-434;
DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44; Lin (1991), IEEE Trans. Inf. Theory 37 for JS.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from scipy import special

from whyfit.probability.divergences import jensen_shannon
from whyfit.probability.scores.ranking import auc
from whyfit.probability.scores.score import Score

#: Columns a direction is made of at most; of more, those whose means differ most in the half that learns.
MOST_COLUMNS = 200
#: Columns up to which squares are looked at as well.
MOST_SQUARED = 60
#: Ridge on the correlations: what is certain of directions without spread.
_RIDGE = 1e-3
#: Cells of a divergence, as equally full in the first sample as ties allow.
CELLS = 10
#: Standard deviations beyond which a value counts as that far: one cell must not make a direction.
_FAR = 6.0


@dataclass(frozen=True, slots=True)
class Apart:
    """How well rows are told apart that did not teach the direction: one Score for each half.

    `told` is the AUC that the half which taught the direction promises (see `promised`).
    """

    halves: tuple[Score, Score]
    told: float
    pairs: int  # disjoint pairs of rows in the smaller half

    @property
    def value(self) -> float:
        return (self.halves[0].value + self.halves[1].value) / 2

    @property
    def low(self) -> float:
        return (self.halves[0].low + self.halves[1].low) / 2

    @property
    def high(self) -> float:
        return (self.halves[0].high + self.halves[1].high) / 2

    def p_above(self, limit: float) -> float:
        """Of "AUC ≤ limit": the halves are two tests of it."""
        return min(1.0, 2 * min(auc_above(s, limit, self.pairs) for s in self.halves))


def auc_above(score: Score, limit: float, pairs: int) -> float:
    """One-sided p-value of "AUC ≤ limit", on the logit scale; 1 where there is no spread.

    Of samples that are separated: each of `pairs` disjoint pairs of rows is in order with chance AUC.
    """
    a = score.value
    if not np.isfinite(a) or a <= limit:
        return 1.0
    if a > 1 - 1e-12:
        return float(limit**pairs)
    if not score.std_error > 0:
        return 1.0
    z = (special.logit(a) - special.logit(limit)) * a * (1 - a) / score.std_error
    return float(special.ndtr(-z))


def apart(
    A: Float[np.ndarray, "m p"], B: Float[np.ndarray, "k p"], level: float = 0.95
) -> Apart | None:
    """How well the rows of B can be told from those of A; None if a sample has under four rows.

    Every second row is one half, so that an order within the samples does not matter.
    """
    if min(len(A), len(B)) < 4 or not A.shape[1]:
        return None
    scores, told = [], []
    for learn, judge in ((0, 1), (1, 0)):
        features = _Features.of(A[learn::2], B[learn::2])
        a, b = features(A[learn::2]), features(B[learn::2])
        gap = b.mean(axis=0) - a.mean(axis=0)
        S = _pooled(a, b)
        w = np.linalg.solve(S + _RIDGE * np.eye(len(S)), gap)
        told.append(promised(float(gap @ w), len(a), len(b), len(gap)))
        held = [features(half[judge::2]) @ w for half in (A, B)]
        y = np.repeat([0.0, 1.0], [len(h) for h in held])
        scores.append(auc(y, np.concatenate(held), level))
    return Apart((scores[0], scores[1]), float(np.mean(told)), min(len(A), len(B)) // 2)


def promised(squared: float, m: int, k: int, f: int) -> float:
    """AUC on fresh rows of a direction learned from m + k rows of f columns, if their laws are normal.

    The squared distance D² of the means is too large by about f(1/m + 1/k) and by the S it is measured in; the
    direction misses the best one by as much: Φ(δ²√(1 − f/N)/√(δ² + f(1/m + 1/k))/√2) (Okamoto 1963; Raudys 1972).
    """
    N, error = m + k, f * (1 / m + 1 / k)
    share = max(1 - (f + 3) / N, 0.0)
    true = max(squared * share - error, 0.0)
    return float(special.ndtr(true * np.sqrt(share) / np.sqrt(2 * max(true + error, 1e-300))))


@dataclass(frozen=True, slots=True)
class _Features:
    """Columns in unit variance of the rows that teach, and their squares if there are few."""

    keep: np.ndarray
    centre: Float[np.ndarray, " q"]
    scale: Float[np.ndarray, " q"]
    squares: Bool[np.ndarray, " q"]

    @classmethod
    def of(cls, A: np.ndarray, B: np.ndarray) -> _Features:
        centre = A.mean(axis=0)
        spread = np.sqrt((A.var(axis=0) * len(A) + B.var(axis=0) * len(B)) / (len(A) + len(B)))
        gap = np.abs(B.mean(axis=0) - centre)
        # a column without spread in either that differs all the same separates: its unit is the gap itself
        scale = np.where(spread > 1e-12 * (np.abs(centre) + gap), spread, gap)
        keep = np.flatnonzero(scale > 0)
        if keep.size > MOST_COLUMNS:
            keep = np.sort(keep[np.argsort(-gap[keep] / scale[keep])[:MOST_COLUMNS]])
        squares = np.zeros(keep.size, bool)
        if keep.size <= MOST_SQUARED:
            squares = np.array([len(np.unique(A[:256, j])) > 2 for j in keep], dtype=bool)
        return cls(keep, centre[keep], scale[keep], squares)

    def __call__(self, X: np.ndarray) -> Float[np.ndarray, "m f"]:
        Z = np.clip((X[:, self.keep] - self.centre) / self.scale, -_FAR, _FAR)
        return np.hstack([Z, Z[:, self.squares] ** 2])


def _pooled(a: np.ndarray, b: np.ndarray) -> Float[np.ndarray, "f f"]:
    """Covariance within the samples."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return (a.T @ a + b.T @ b) / max(len(a) + len(b) - 2, 1)


@dataclass(frozen=True, slots=True)
class Move:
    """How one column differs: AUC of its values and of their distances from the first median; divergences.

    `js` and `psi` are less their bias, at least 0; `wasserstein` in standard deviations of the first sample.
    """

    place: Score
    spread: Score
    js: float
    psi: float
    wasserstein: float
    pairs: int

    @property
    def auc(self) -> Score:
        """Of place or spread, the one further from ½, as if larger values were the second sample's."""
        return max(self.place, self.spread, key=lambda s: abs(s.value - 0.5))

    def p_above(self, limit: float) -> float:
        """Of "neither AUC is beyond the limit", either way."""
        each = [
            min(auc_above(t, limit, self.pairs) for t in (s, _mirrored(s)))
            for s in (self.place, self.spread)
        ]
        return min(1.0, 4 * min(each))


def _mirrored(s: Score) -> Score:
    return replace(s, value=1 - s.value, low=1 - s.high, high=1 - s.low)


def move_of(a: Float[np.ndarray, " m"], b: Float[np.ndarray, " k"], level: float = 0.95) -> Move:
    """How the values b differ from a."""
    y, v = np.repeat([0.0, 1.0], [len(a), len(b)]), np.concatenate([a, b])
    centre = float(np.median(a))
    cut = np.unique(np.quantile(a, np.arange(1, CELLS) / CELLS))
    if len(distinct := np.unique(v)) <= CELLS:
        cut = (distinct[1:] + distinct[:-1]) / 2
    cells = cut.size + 1
    P, Q = (np.bincount(np.searchsorted(cut, x, "left"), minlength=cells) for x in (a, b))
    inverse = 1 / len(a) + 1 / len(b)
    js = max(jensen_shannon(P, Q) - (cells - 1) / 8 * inverse, 0.0)
    p, q = (P + 0.5) / (len(a) + 0.5 * cells), (Q + 0.5) / (len(b) + 0.5 * cells)
    psi = max(float((q - p) @ np.log(q / p)) - (cells - 1) * inverse, 0.0)
    sd = float(a.std()) or float(v.std()) or 1.0
    place, spread = auc(y, v, level), auc(y, np.abs(v - centre), level)
    return Move(place, spread, js, psi, wasserstein(a, b) / sd, min(len(a), len(b)))


def wasserstein(a: Float[np.ndarray, " m"], b: Float[np.ndarray, " k"]) -> float:
    """∫ |F_A − F_B|: the mean distance values have to be moved."""
    a, b = np.sort(a), np.sort(b)
    v = np.sort(np.concatenate([a, b]))
    F, G = (np.searchsorted(x, v[:-1], "right") / len(x) for x in (a, b))
    return float(np.abs(F - G) @ np.diff(v))


def kl_of(a: Float[np.ndarray, " m"], b: Float[np.ndarray, " k"]) -> float:
    """KL(B‖A) over the tenths of A, less its bias (K − 1)/2 · (1/n_A + 1/n_B), at least 0."""
    cut = np.unique(np.quantile(a, np.arange(1, CELLS) / CELLS))
    cells = cut.size + 1
    p, q = (
        (np.bincount(np.searchsorted(cut, x, "left"), minlength=cells) + 0.5)
        / (len(x) + 0.5 * cells)
        for x in (a, b)
    )
    bias = (cells - 1) / 2 * (1 / len(a) + 1 / len(b))
    return max(float(special.rel_entr(q, p).sum()) - bias, 0.0)
