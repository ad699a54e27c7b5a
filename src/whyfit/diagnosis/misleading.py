"""Four ways in which a score can say other than the fit is worth, each with a test of whether it does.

    blind        accuracy: the calls of a classifier are right no more often than those of the largest class, while its
                 probabilities save log loss
    praised      ranking or accuracy: clearly above knowing nothing, while the probabilities cost more than the shares
    few rows     R²: there is little of it without the hundredth of the rows farthest from the mean
    training     the training score: at least twice what held-out rows keep

Each is a conjunction, so the p-value is the largest of its parts (an intersection-union test).

Reference: Berger (1982), Technometrics 24, 295-300, for intersection-union tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from whyfit.diagnosis.calibration_gain import RELEVANT
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.held_out import log_losses, of_classes
from whyfit.diagnosis.measures import skill_of
from whyfit.probability.distributions import p_above
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.scores import auc, r2
from whyfit.probability.scores.score import mean_above
from whyfit.probability.validation import Estimate, over_folds

#: Share of the largest class's mistakes that calls must mend for accuracy to show a signal at all: less is 1 % of all
#: rows where the smaller class has 20 % (whyfit's design).
MENDED = 0.05
#: An AUC must exceed this to be praised for: 0.56 is a small effect (Rice & Harris 2005, Law and Human Behavior 29).
PRAISED = 0.56
#: An R² or skill of less than this praises nothing.
NOTABLE = 0.1
#: Of a score that misleads less than this share is left: without few rows, or held out.
LEFT_OF_FEW = 0.25
LEFT_OF_TRAINING = 0.5
#: Share of the rows that are few.
FEW = 0.01
#: Rows below which a hundredth of them is none; and below which folds say little.
FEWEST_FOR_FEW = 100
FEWEST = 30


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Held-out class probabilities of the sample, and what a row costs by them and by the shares of the classes."""

    code: np.ndarray
    P: Float[np.ndarray, "s C"]
    called: np.ndarray
    loss: Float[np.ndarray, " s"]
    base: Float[np.ndarray, " s"]

    @classmethod
    def of(cls, case: Case) -> Probabilities:
        p = case.held_out
        P = of_classes(p)
        code = case.sample.y.astype(int)
        share = np.bincount(code, minlength=P.shape[1]) / len(code)
        called = (p >= case.spec.called_from).astype(int) if p.ndim == 1 else P.argmax(axis=1)
        base = np.broadcast_to(share, P.shape)
        return cls(code, P, called, log_losses(code, P), log_losses(code, base))

    @property
    def unit(self) -> float:
        return float(self.base.mean())

    @property
    def skill(self) -> float:
        return 1 - float(self.loss.mean()) / self.unit

    @property
    def right(self) -> Float[np.ndarray, " s"]:
        return (self.called == self.code).astype(float)

    @property
    def largest(self) -> Float[np.ndarray, " s"]:
        """Rows that always calling the largest class gets right."""
        return (self.code == np.bincount(self.code).argmax()).astype(float)


def blind(q: Probabilities) -> float:
    """P-value of "accuracy shows the signal, or there is none"."""
    wrong = 1 - q.largest.mean()
    hidden = mean_above(MENDED * wrong - (q.right - q.largest))
    return max(hidden, mean_above(q.base - q.loss - RELEVANT * q.unit))


def praised(q: Probabilities) -> float:
    """P-value of "no score praises the model, or its probabilities are worth as much as the shares"."""
    costs = mean_above(q.loss - q.base - RELEVANT * q.unit)
    wrong = 1 - q.largest.mean()
    praise = mean_above(q.right - q.largest - MENDED * wrong)
    if q.P.shape[1] == 2:
        area = auc(q.code.astype(float), q.P[:, 1])
        z = (area.value - PRAISED) / area.std_error if area.std_error > 0 else -np.inf
        praise = min(1.0, 2 * min(praise, float(special.ndtr(-z))))  # the better of two
    return max(costs, praise)


@dataclass(frozen=True, slots=True)
class Trimmed:
    """R² of all rows, that of the rows not among the farthest, and what a linear law would leave of it there."""

    whole: float
    rest: float
    predicted: float
    held: float  # share of the squares about the mean that the rows left out hold
    rows: int
    p_value: float


def trimmed(y: Float[np.ndarray, " s"], f: Float[np.ndarray, " s"]) -> Trimmed | None:
    """Without the hundredth of the rows farthest from the mean; None of a constant target.

    Were y and ŷ jointly normal but for how many rows lie far out, errors of the rest would follow from R² and from the
    share τ of the variance that is left there: R²_rest = 1 − (1 − R²)² − R²(1 − R²)/τ.
    """
    n = len(y)
    score = r2(y, f)
    if not np.isfinite(score.value) or not score.value < 1 or n < FEWEST_FOR_FEW:
        return None
    far = np.argsort(-np.abs(y - y.mean()), kind="stable")[: int(FEW * n)]
    keep = np.ones(n, dtype=bool)
    keep[far] = False
    t, e2 = y[keep], (y - f)[keep] ** 2
    d2 = (t - t.mean()) ** 2
    if not d2.sum() > 0:
        return None
    ratio = float(e2.sum() / d2.sum())
    # LEFT·R² − (1 − Σe²/Σd²) by row of the rest, R² taken as known: it is the larger of the two, and counted below
    slope = (e2 - ratio * d2) / d2.mean()
    m = len(t)
    gap = LEFT_OF_FEW * score.value - (1 - ratio)
    few = p_above(gap, float(slope.std(ddof=1)) / np.sqrt(m), m - 1)
    spread = score.std_error / max(1 - score.value, 1e-12)  # of log(1 − R²)
    claimed = p_above(float(np.log((1 - NOTABLE) / (1 - score.value))), spread, n - 1)
    R, tau = score.value, float(d2.mean() / np.var(y))
    return Trimmed(
        R, 1 - ratio, 1 - (1 - R) ** 2 - R * (1 - R) / tau, 1 - float(d2.sum() / ((y - y.mean()) ** 2).sum()),
        len(far), max(few, claimed),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Training:
    """The training score, what held-out rows keep of it, and the p-value of "at least half"."""

    seen: float
    kept: Estimate
    p_value: float


def training(case: Case) -> Training | None:
    """None under losses without such a score, without degrees of freedom, and where there is little to keep."""
    fit = case.fit
    if isinstance(fit, GLMFit) or case.n < FEWEST:
        return None
    if isinstance(fit, LinearFit):
        if not fit.df > 0:
            return None
        seen = fit.r2
    else:
        if not fit.converged or fit.null_log_likelihood == 0:
            return None
        seen = 1 - fit.log_likelihood / fit.null_log_likelihood
    kept = over_folds(skill_of(case).of(case), case.spec.confidence)
    if not seen >= NOTABLE or not np.isfinite(kept.std_error):
        return None
    gap = LEFT_OF_TRAINING * seen - kept.value
    return Training(seen, kept, p_above(gap, kept.std_error, kept.df))
