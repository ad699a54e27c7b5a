"""Entropy and the distances of distributions, in nats, and what a log loss is made of.

    H(p) = −Σ p log p      H(p, q) = −Σ p log q      KL(p‖q) = Σ p log(p/q) ≥ 0      H(p, q) = H(p) + KL(p‖q)
    JS(p, q) = ½KL(p‖m) + ½KL(q‖m), m = (p + q)/2, in [0, log 2]      I(X; Y) = H(X) + H(Y) − H(X, Y)

From n counts in K cells that occur the plug-in entropy is too small by about (K − 1)/2n (Miller & Madow); the plug-in
information too large by (K_x − 1)(K_y − 1)/2n where all cells occur. A share of 0 contributes nothing; q = 0 where p
> 0 makes cross-entropy and KL infinite.

References: Cover & Thomas (2006), Elements of Information Theory, ch. 2; Miller (1955); Lin (1991), IEEE Trans. Inf.
Theory 37, 145-151; Kullback (1959), Information Theory and Statistics, §8 for 2nI ~ χ².
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike
from scipy import special

from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.probability.distributions import chi2_upper
from whyfit.probability.scores.proper import class_probabilities, log_loss_rows, pooled
from whyfit.probability.scores.score import check_level


def distribution(weights: ArrayLike, name: str = "p") -> Float[np.ndarray, " K"]:
    """Shares that sum to 1 from numbers ≥ 0, not all 0 (probabilities or counts)."""
    p = np.asarray(weights, dtype=float)
    if p.ndim != 1 or not p.size:
        raise ShapeError(f"{name} has shape {p.shape}; expected one number per outcome.")
    if not np.isfinite(p).all():
        raise NotFiniteError(f"{name} holds NaN or infinity; expected probabilities or counts.")
    if p.min() < 0 or not p.sum() > 0:
        raise SpecError(f"{name} must hold no negative number and not only zeros.")
    return p / p.sum()


def _two(p: ArrayLike, q: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    a, b = distribution(p, "p"), distribution(q, "q")
    if a.shape != b.shape:
        raise ShapeError(f"p has {a.size} outcomes and q {b.size}; they must be the same ones.")
    return a, b


def entropy(p: ArrayLike) -> float:
    """H(p) of probabilities or counts, without correction."""
    return float(special.entr(distribution(p)).sum())


def cross_entropy(p: ArrayLike, q: ArrayLike) -> float:
    """H(p, q): nats per outcome when the truth is p and q is believed."""
    a, b = _two(p, q)
    with np.errstate(divide="ignore"):
        return float(-(a[a > 0] @ np.log(b[a > 0])))


def kl(p: ArrayLike, q: ArrayLike) -> float:
    """KL(p‖q), infinite where q excludes what p allows."""
    return float(max(special.rel_entr(*_two(p, q)).sum(), 0.0))


def jensen_shannon(p: ArrayLike, q: ArrayLike) -> float:
    """JS(p, q); its square root is a distance."""
    a, b = _two(p, q)
    m = (a + b) / 2
    return float(max((special.rel_entr(a, m) + special.rel_entr(b, m)).sum() / 2, 0.0))


def corrected_entropy(counts: ArrayLike) -> float:
    """Miller-Madow: plug-in + (K − 1)/2n, K the cells that occur."""
    c = np.asarray(counts, dtype=float)
    return entropy(c) + (np.count_nonzero(c) - 1) / (2 * float(c.sum()))


@dataclass(frozen=True, slots=True)
class Information:
    """Mutual information of two classifications of the same rows.

    `corrected` is Miller-Madow's, kept within 0 and log(fewer classes). The interval joins that of the noncentral χ²
    law of 2nI, which holds near independence, and the delta method's, which holds far from it: it covers at least as
    often as either. `p_value` is of independence.
    """

    plug_in: float
    corrected: float
    low: float
    high: float
    p_value: float
    n: int


def mutual_information(x: ArrayLike, y: ArrayLike, level: float = 0.95) -> Information:
    """I(X; Y) from two columns of labels; 0 with p-value 1 where one of them is constant.

    Coverage of 95 % in 1,500 samples of 3 × 4 cells, n = 50 and 200: 95.7-99.6 % from independence to I = 0.6.
    """
    a, b = np.asarray(x), np.asarray(y)
    if a.ndim != 1 or a.shape != b.shape or not a.size:
        raise ShapeError(f"labels have the shapes {a.shape} and {b.shape}; expected one per row.")
    i, j = (np.unique(v, return_inverse=True)[1] for v in (a, b))
    kx, ky = int(i.max()) + 1, int(j.max()) + 1
    return information_of(np.bincount(i * ky + j, minlength=kx * ky).reshape(kx, ky), level)


def information_of(counts: ArrayLike, level: float = 0.95) -> Information:
    """The same from a table of counts (rows × columns)."""
    N = np.asarray(counts, dtype=float)
    if N.ndim != 2 or not N.size or not N.sum() > 0:
        raise ShapeError(f"counts have shape {N.shape}; expected a table with some rows counted.")
    if not np.isfinite(N).all() or N.min() < 0:
        raise SpecError("counts hold a negative number or infinity; expected numbers of rows.")
    N = N[N.sum(axis=1) > 0][:, N.sum(axis=0) > 0]
    n, (kx, ky) = float(N.sum()), N.shape
    P = N / n
    outer = P.sum(axis=1)[:, None] * P.sum(axis=0)
    seen = P > 0
    gain = np.log(P[seen] / outer[seen])
    plug = float(max(P[seen] @ gain, 0.0))
    df = (kx - 1) * (ky - 1)
    if df == 0:
        return Information(0.0, 0.0, 0.0, 0.0, 1.0, int(n))
    cap = float(np.log(min(kx, ky)))
    corrected = plug + (kx + ky - int(seen.sum()) - 1) / (2 * n)
    corrected = min(max(corrected, 0.0), cap)
    tail = (1 - check_level(level)) / 2
    g = 2 * n * plug
    ends = [
        float(special.chndtrinc(g, df, t)) / (2 * n) if special.chdtr(df, g) > t else 0.0
        for t in (1 - tail, tail)
    ]
    half = -float(special.ndtri(tail)) * np.sqrt(max(float(P[seen] @ gain**2) - plug**2, 0.0) / n)
    low, high = min(ends[0], corrected - half), max(ends[1], corrected + half)
    return Information(plug, corrected, max(low, 0.0), min(high, cap), chi2_upper(g, df), int(n))


@dataclass(frozen=True, slots=True)
class LogLossParts:
    """cross_entropy = entropy + divergence = (base − information) + divergence, in nats per row.

    cross_entropy  log loss of the predictions
    base           H(Y): log loss of the base rate
    information    I(Y; G): what the groups tell of the outcome
    entropy        H(Y | G) = base − information: what stays open to anyone who knows the group only
    divergence     KL of the observed shares from what was predicted: the price of saying the wrong number. Where
                   predictions differ within a group it is the excess of the log loss over `entropy`, which then also
                   holds what they tell within; `exact` says that none do and it is Σ n_g/n KL(ȳ_g‖p_g).
    groups         number of groups; divergence and information are biased upwards by about groups/2n (two classes)
    """

    cross_entropy: float
    base: float
    information: float
    entropy: float
    divergence: float
    groups: int
    exact: bool


def log_loss_parts(y: ArrayLike, P: ArrayLike) -> LogLossParts:
    """The identity cross-entropy = entropy + KL on the user's own predictions.

    y : 0/1 with P (n,), or class codes with P (n, C). Groups are the rows of equal predictions if these repeat (ten
    rows each on average); else, for two classes, those that monotone regression of y on P pools, and the divergence
    is what recalibration would save. Otherwise, for C classes, the rows of equal most probable class.
    """
    code, Q = class_probabilities(y, P)
    n, C = Q.shape
    distinct, place, count = np.unique(
        Q[:, 1] if C == 2 else Q, axis=0, return_inverse=True, return_counts=True
    )
    place = place.ravel()
    exact = 10 * len(distinct) <= n
    if not exact and C == 2:
        share = pooled(np.bincount(place, weights=code, minlength=len(distinct)) / count, count)
        place = np.unique(share, return_inverse=True)[1][place]
    elif not exact:
        place = np.unique(Q.argmax(axis=1), return_inverse=True)[1]
    groups = int(place.max()) + 1
    N = np.bincount(place * C + code, minlength=groups * C).reshape(groups, C)
    shares = N / N.sum(axis=1, keepdims=True)
    remaining = float(N.sum(axis=1) @ special.entr(shares).sum(axis=1)) / n
    base = entropy(N.sum(axis=0))
    if exact:
        first = np.zeros(groups, dtype=np.int64)
        first[place] = np.arange(n)
        per_group = special.rel_entr(shares, Q[first]).sum(axis=1)
        divergence = (
            float(np.where(np.isinf(per_group), np.inf, per_group * N.sum(axis=1)).sum()) / n
        )
    else:
        divergence = float(log_loss_rows(code, Q).mean()) - remaining
    return LogLossParts(
        float(log_loss_rows(code, Q).mean()), base, base - remaining, remaining, divergence, groups, exact
    )  # fmt: skip
