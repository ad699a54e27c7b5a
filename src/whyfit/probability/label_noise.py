"""Labels that are wrong at random: how many, and which, from probabilities that did not see them.

If a share ε of the labels were replaced by another class, each as likely, the label given to a row would follow

    P(given = y | x) = (1 − ε) p*_y + ε (1 − p*_y)/(C − 1),      p* ∝ p^a · e^{c}

with p the out-of-fold probabilities, a their temperature (noise flattens the fit, a > 1 undoes it; log a has a normal
prior) and, for two classes, c a shift of the log odds. ε, a and c maximise ℓ, likelihood times prior; with a and c
profiled out,

    Λ = 2[ℓ(ε̂) − ℓ(ε₀)],     p-value of "ε ≤ ε₀" = 1 − Φ(√Λ)  for ε̂ > ε₀

In addition the rows whose label has little probability are counted: under the best law with ε₀ their number N is a sum
of unequal Bernoulli variables, whose upper tail Poisson's law bounds. The larger p-value counts.

Without noise, probabilities of any temperature and level are of this family at ε = 0, so that miscalibration of that
kind is no noise. A row's label is wrong with the posterior probability

    r = ε (1 − p*_y)/(C − 1) / P(given = y | x)

and among rows picked by r the mean of r is the share expected to be wrong: the precision of the list.

References: Northcutt, Jiang & Chuang (2021), J. Artificial Intelligence Research 70, 1373-1411 (confident learning);
Hausman, Abrevaya & Scott-Morton (1998), J. Econometrics 87, 239-269 (misclassification in binary response); Le Cam
(1960) for the Poisson tail of a sum of unequal Bernoulli variables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import optimize, special

from whyfit.engines.local import one_blas_thread

#: Probabilities are kept this far from 0 and 1: a fit that is surer has not seen rows enough to be.
EDGE = 1e-6
#: Larger shares of wrong labels are not looked for: classes would be labels of nothing.
MOST_NOISE = 0.35
_A = (0.2, 20.0)
#: Where the count of improbable labels is this likely, the shares are not estimated.
SCREEN = 0.2
#: Standard deviation of the prior of log a: a factor of two either way is nothing unusual. Without it, few rows and
#: weak columns let a run away, and every row on the wrong side is then called noise.
LOG_A = 0.7


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows whose given label has at most `threshold` under the law of tolerated noise, and the number it expects."""

    threshold: float
    rows: int
    expected: float
    p_value: float


@dataclass(frozen=True)
class LabelNoise:
    """`share` ε̂ of labels replaced, its profile interval [low, high], and p_value of "at most the limit".

    `clean` (n, C) are p*; `wrong` (n,) is r of each row.
    """

    share: float
    low: float
    high: float
    p_value: float
    temperature: float
    clean: Float[np.ndarray, "n C"]
    wrong: Float[np.ndarray, " n"]
    counted: Counted

    def listed(self, at_least: float = 0.5) -> Int[np.ndarray, " m"]:
        """Rows more likely wrong than not, the surest first."""
        rows = np.flatnonzero(self.wrong > at_least)
        return rows[np.argsort(-self.wrong[rows], kind="stable")]

    def precision(self, rows: Int[np.ndarray, " m"]) -> float:
        """Share of these expected to be wrong."""
        return float(self.wrong[rows].mean()) if len(rows) else float("nan")


def label_noise(
    code: Int[np.ndarray, " n"], P: Float[np.ndarray, "n C"], limit: float, level: float = 0.95
) -> LabelNoise | None:
    """Noise in class codes under out-of-fold probabilities; None where nothing says there is more than `limit`.

    False alarms at 5 % in 360 logistic samples of 100 to 1,500 rows without noise: none. The 95 % interval of the share
    covered in 88-100 % of 100 samples each of 500 and 2,000 rows with 5 and 10 % replaced.
    """
    P = np.clip(np.asarray(P, float), EDGE, 1.0)
    profile = _Profile(np.asarray(code, int), np.log(P / P.sum(axis=1, keepdims=True)))
    with one_blas_thread():  # two unknowns: threads would only wait for one another
        return _found(profile, limit, level)


def _found(profile: _Profile, limit: float, level: float) -> LabelNoise | None:
    at_limit, counted = profile(limit), improbable(profile, limit)
    if counted.p_value > SCREEN:
        return None
    if not profile(min(2 * limit, MOST_NOISE)) < at_limit:  # the likelihood falls from the limit on
        return None
    best: Any = optimize.minimize_scalar(
        profile, bounds=(limit, MOST_NOISE), method="bounded", options={"xatol": 1e-3}
    )
    share, least = float(best.x), float(best.fun)
    root = np.sqrt(max(2 * (at_limit - least), 0.0))
    drop = special.chdtri(1, 1 - level) / 2
    low, high = _ends(profile, share, least + drop)
    a, c = profile.inner(share)
    clean = profile.clean(a, c)
    given = clean[np.arange(len(clean)), profile.code]
    other = share * (1 - given) / (clean.shape[1] - 1)
    wrong = other / np.maximum(other + (1 - share) * given, 1e-300)
    p_value = max(float(special.ndtr(-root)), counted.p_value)
    return LabelNoise(share, low, high, p_value, a, clean, wrong, counted)


class _Profile:
    """−ℓ as a function of ε, minimised over a and c."""

    def __init__(self, code: np.ndarray, log_p: np.ndarray) -> None:
        self.code, self.log_p = code, log_p
        self.classes = log_p.shape[1]
        self.known: dict[float, tuple[float, np.ndarray]] = {}
        self.start = np.array([1.0, 0.0] if self.classes == 2 else [1.0])

    def __call__(self, share: float) -> float:
        return self._at(share)[0]

    def inner(self, share: float) -> tuple[float, float]:
        """a and c that go with a share."""
        b = self._at(share)[1]
        return float(b[0]), float(b[1]) if len(b) > 1 else 0.0

    def clean(self, a: float, c: float) -> Float[np.ndarray, "n C"]:
        """p*."""
        if self.classes == 2:
            p = special.expit(a * (self.log_p[:, 1] - self.log_p[:, 0]) + c)
            return np.column_stack([1 - p, p])
        return special.softmax(a * self.log_p, axis=1)

    def _at(self, share: float) -> tuple[float, np.ndarray]:
        if share not in self.known:
            found = optimize.minimize(
                self._loss, self.start, (share,), "L-BFGS-B", True, bounds=[_A, (-5.0, 5.0)][: len(self.start)]
            )  # fmt: skip
            self.known[share] = float(found.fun), np.asarray(found.x)
            self.start = self.known[share][1]
        return self.known[share]

    def _loss(self, b: np.ndarray, share: float) -> tuple[float, np.ndarray]:
        """−ℓ, with the prior of a, and its gradient in (a, c)."""
        a, rows = float(b[0]), np.arange(len(self.code))
        if self.classes == 2:
            sign = 2.0 * self.code - 1
            margin = sign * (self.log_p[:, 1] - self.log_p[:, 0])
            own = special.expit(a * margin + sign * float(b[1]))
            da, dc = own * (1 - own) * margin, own * (1 - own) * sign
        else:
            p = self.clean(a, 0.0)
            own = p[rows, self.code]
            da, dc = own * (self.log_p[rows, self.code] - (p * self.log_p).sum(axis=1)), None
        other = share / (self.classes - 1)
        q = np.maximum((1 - share) * own + other * (1 - own), 1e-300)
        slope = (1 - share - other) / q  # dq/dp* over q
        prior = np.log(a) / LOG_A
        gradient = [prior / LOG_A / a - float(slope @ da)]
        if dc is not None:
            gradient.append(-float(slope @ dc))
        return prior**2 / 2 - float(np.log(q).sum()), np.array(gradient)


def _ends(profile: _Profile, share: float, top: float) -> tuple[float, float]:
    """Where the profile passes `top` on both sides of its minimum."""

    def above(e: float) -> float:
        return profile(e) - top

    def root(a: float, b: float) -> float:
        found: Any = optimize.root_scalar(above, bracket=(a, b), xtol=1e-4)
        return float(found.root)

    low = 0.0 if above(1e-6) <= 0 else root(1e-6, share)
    return low, root(share, MOST_NOISE) if above(MOST_NOISE) > 0 else MOST_NOISE


#: Probabilities of a given label below which rows are counted; all of them are paid for.
THRESHOLDS = (0.03, 0.1)


def improbable(profile: _Profile, limit: float) -> Counted:
    """The count at the threshold that says most."""
    clean = profile.clean(*profile.inner(limit))
    law = (1 - limit) * clean + limit / (profile.classes - 1) * (1 - clean)
    own = law[np.arange(len(law)), profile.code]
    best = Counted(THRESHOLDS[0], 0, 0.0, 1.0)
    for t in THRESHOLDS:
        rows, expected = int((own <= t).sum()), float((law * (law <= t)).sum())
        p = min(1.0, len(THRESHOLDS) * poisson_tail(rows, expected))
        if p <= best.p_value:
            best = Counted(t, rows, expected, p)
    return best


def poisson_tail(count: int, expected: float) -> float:
    """P(N ≥ count) of a sum of unequal Bernoulli variables with this mean, by Poisson's law (Le Cam)."""
    return float(special.gammainc(count, expected)) if count > 0 else 1.0
