"""The model has more freedom than the rows can pay for.

What it says

The fit is better on the rows it was made from than on rows held out. Some gap is normal; here a model of the
right size, the same features with a penalty chosen by the evidence, predicts held-out rows measurably better.

The mathematics

A fit with k free coefficients to n rows uses up σ²k/n of the noise it sees and adds as much to new rows:

    E[held-out MSE] − E[training MSE] = 2σ²k/n                     (Efron 1986, JASA 81)

and, without that first-order approximation, (generalised cross-validation, Golub, Heath & Wahba 1979)

    held-out MSE ≈ training MSE / (1 − k/n)²

so the gap itself is what theory says, for any model. Excess is judged by what can be gained: with

    k(λ) = Σ_j μ_j/(μ_j + λ/n)

effective coefficients (μ_j eigenvalues of the columns' correlation matrix) the gap should shrink as k(λ) does.
The gate is the relative fall of the held-out loss at the λ of maximum evidence, paired over folds: its null is
"at most 2 %". A gap that does not close as predicted refutes the cause and is not reported.

Why it hurts

The training score promises what new rows will not keep, and each coefficient carries the noise it has learned.

What to do

A penalty by evidence (the remedy tried), fewer features, or more rows: the excess falls as k/n.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.calibration_gain import still_miscalibrated
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import fixed, percent
from whyfit.errors import InputError
from whyfit.probability.evidence import effective_parameters, logit_scale, ridge_by_evidence
from whyfit.probability.glm import GLMFit
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.validation import Estimate, over_folds

#: Relative fall of the held-out loss that is worth a warning: f² = 0.02 is a small effect (Cohen 1988, §9.2).
RELEVANT = 0.02
#: Below this many coefficients per row nothing relevant can be gained: the excess loss is about k/n of σ².
FEW = 0.02
#: Fewer rows make folds of one or two rows, whose losses have no usable spread.
FEWEST = 30
#: Larger designs are left to LA110: every penalty costs p³ per fold.
MOST_COLUMNS = 1500
MOST_COLUMNS_LOGISTIC = 1200


@dataclass(frozen=True, slots=True)
class Sized:
    """The case under the penalty of maximum evidence."""

    case: Case
    ridge: float
    free: float  # effective slopes
    whole: float  # those of the case itself
    before: Float[np.ndarray, " k"]  # held-out loss per fold
    after: Float[np.ndarray, " k"]

    @property
    def relative(self) -> Float[np.ndarray, " k"]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.before > 0, 1 - self.after / self.before, np.nan)


def check(case: Case) -> Iterator[Suspicion]:
    """One test, where the rows are few enough for it."""
    if case.n < FEWEST or case.linear.rank < FEW * case.n:
        return
    sized = right_size(case)
    if sized is None:
        return
    gain = over_folds(sized.relative, case.spec.confidence)
    yield Suspicion(lambda: _confirm(case, sized, gain), gain.p_above(RELEVANT))


def right_size(case: Case) -> Sized | None:
    """The same features with the penalty of maximum evidence; None if it is not larger than the present one."""
    linear = case.task == "regression"
    if case.p > (MOST_COLUMNS if linear else MOST_COLUMNS_LOGISTIC):
        return None
    if not linear and not (isinstance(case.fit, LogisticFit) and case.fit.converged):
        return None  # separated classes are CA205's
    total = case.moments.total
    ridge = ridge_by_evidence(total)
    C = case.linear.correlation
    free = effective_parameters(C[:-1, :-1], ridge, total.n)
    scale = 1.0 if linear else logit_scale(C, ridge, total)
    ridge *= scale
    whole = float(case.linear.rank)
    if case.spec.ridge:
        whole = effective_parameters(C[:-1, :-1], case.spec.ridge / scale, total.n)
    loss = "mse" if linear else "log_loss"
    ridge = float(f"{ridge:.3g}")
    if not ridge > case.spec.ridge:
        return None
    try:
        sized = case.rerun({"ridge": ridge})
        return Sized(sized, ridge, free, whole, case.scores[loss], sized.scores[loss])
    except (InputError, np.linalg.LinAlgError):
        return None


def training_loss(case: Case) -> float:
    """Mean squared error or log loss (without the penalty) on the fitted rows."""
    fit = case.fit
    assert not isinstance(fit, GLMFit)  # the rule has nothing to say there
    return (fit.rss if isinstance(fit, LinearFit) else -fit.log_likelihood) / case.n


def predicted_gap(case: Case, free: float) -> float:
    """Held-out minus training loss that theory gives for `free` slopes and the intercept.

    Training sets hold (k − 1)/k of the rows. Squared error: GCV. Log loss: Akaike's k/n, half of it in the
    optimism of the training rows and half in the excess on new ones.
    """
    n, inner = case.n, case.n * (case.k - 1) / case.k
    c = free + 1
    if case.task != "regression":
        return c / (2 * n) + c / (2 * inner)
    if c >= inner:
        return float("inf")
    sigma2 = training_loss(case) / (1 - c / n)
    return sigma2 / (1 - c / inner) - training_loss(case)


def _confirm(case: Case, sized: Sized, gain: Estimate) -> Confirmed | None:
    whole = sized.whole
    train, small = training_loss(case), training_loss(sized.case)
    gap, closed = float(np.nanmean(sized.before)) - train, float(np.nanmean(sized.after)) - small
    if not closed < gap:  # the gap does not close under the penalty: another cause
        return None
    unit = unit_loss(case)
    short = skill_of(case).name.removeprefix("held-out ")
    seen = 1 - train / unit, 1 - float(np.nanmean(sized.before)) / unit
    foretold = predicted_gap(case, whole) / unit, predicted_gap(sized.case, sized.free) / unit
    better = skill_of(sized.case).of(sized.case)
    message = (
        f"{short} {seen[0]:.2f} on the training rows, {_text(seen[1])} held out: {whole:.0f} coefficients"
        f" for {case.n:,} rows; {sized.free:.0f} predict {percent(gain.value)} better"
    )
    return Confirmed(
        RULE.finding(
            "warning",
            (),
            message,
            evidence=(
                Evidence(
                    f"fall of the held-out {'squared error' if case.task == 'regression' else 'log loss'}"
                    " at the right size",
                    gain.value,
                    limit=RELEVANT,
                    low=gain.low,
                    high=gain.high,
                ),
                Evidence(f"training {short}", seen[0]),
                Evidence(f"held-out {short}", seen[1]),
                Evidence(
                    f"gap of {short}",
                    gap / unit,
                    predicted=foretold[0] if np.isfinite(foretold[0]) else None,
                    formula=_optimism(case, whole),
                ),
                Evidence(f"gap of {short} at the right size", closed / unit, predicted=foretold[1]),
                Evidence("effective coefficients at the right size", sized.free, limit=whole),
                Evidence(f"held-out {short} at the right size", float(np.nanmean(better))),
            ),
            prediction=f"predicted gap {_text(foretold[0])} → {_text(foretold[1])} with the penalty"
            f"   observed {_text(gap / unit)} → {_text(closed / unit)}",
            explains=_explains(sized),
        ),
        (
            Proposal(
                f"ridge, λ = {sized.ridge:.3g} by evidence", {"ridge": sized.ridge}, skill_of(case)
            ),
        ),
    )


def _explains(sized: Sized) -> tuple[str, ...]:
    """A training score that misleads; probabilities that are wrong, where the penalty sets them right."""
    binary = sized.case.task == "binary"
    return ("PR308", "PR310") if binary and not still_miscalibrated(sized.case) else ("PR310",)


def unit_loss(case: Case) -> float:
    """Loss of the constant predictor on the fitted rows."""
    fit = case.fit
    assert not isinstance(fit, GLMFit)
    return (fit.tss if isinstance(fit, LinearFit) else -fit.null_log_likelihood) / case.n


def _optimism(case: Case, slopes: float) -> str:
    n, k = case.n, slopes + 1
    if case.task == "regression":
        return (
            r"\frac{2\sigma^2 k}{n \,\mathrm{var}(y)} = \frac{2 \cdot "
            rf"{case.linear.sigma2:.3g} \cdot {k:.0f}}}{{{n} \cdot {unit_loss(case):.3g}}}"
            rf" = {2 * case.linear.sigma2 * k / n / unit_loss(case):.3g}"
        )
    return rf"\frac{{k}}{{n H_0}} = \frac{{{k:.0f}}}{{{n} \cdot {unit_loss(case):.3g}}}"


def _text(x: float) -> str:
    return fixed(x, 2) if np.isfinite(x) else "∞"


RULE = Rule(
    "PR302",
    "overfit",
    "probability",
    "warning",
    check,
    __doc__ or "",
    reference="Efron (1986), JASA 81, 461-470; Golub, Heath & Wahba (1979), Technometrics 21, 215-223.",
    tasks=("regression", "binary"),
    losses=OF_LEAST_SQUARES,
)
