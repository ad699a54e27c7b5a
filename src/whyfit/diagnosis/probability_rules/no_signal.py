"""The model predicts no better than a constant.

What it says

On rows that were held out, the model scores no better than always predicting the mean (or the base rates), a
test over all coefficients agrees, and shuffling the target gives the same score. It also says how much signal
could still hide in so many rows.

The mathematics

Held-out R² (or skill, 1 − log loss / log loss of the base rate) has an interval over the folds that includes 0,
and the overall test does not reject "all slopes are 0" at 5 %:

    F = ((TSS − RSS)/k) / (RSS/(n − k − 1))   or   2(ℓ − ℓ₀) ~ χ²_k

Without signal the held-out R² is not 0 but about −k/n: k coefficients have fitted noise. The exact expectation
on these rows comes from permuted targets, cross-validated on the same folds; p = (1 + #{better})/(B + 1). The
largest R² still possible inverts the noncentral distribution of F (or χ²): n ρ²/(1 − ρ²) = δ, P(F ≤ f; δ) = 5 %.
References: Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9(1); Steiger (2004), Psychological Methods 9.

Why it hurts

Coefficients, importances and predictions of such a model describe this sample's noise. Choosing among many such
models makes one of them look good by luck.

What to do

No change of the fit can help a linear model that has nothing to work with: collect other features, or rows if
the signal that could still hide is worth finding. Look at CA206 (non-linear structure) first, and at the
target's own tails: a few extreme values can drown an effect that a transformed target would show.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Rule, Suspicion
from whyfit.diagnosis.words import between, signed
from whyfit.probability.evidence import ridge_by_evidence
from whyfit.probability.hidden import largest_r2, largest_skill
from whyfit.probability.linear import LinearFit
from whyfit.probability.shuffled import Shuffled, shuffled_scores
from whyfit.probability.validation import Estimate, cross_validate, over_folds

#: Level of the overall test and of the permutation test: either rejecting counts as signal.
LEVEL = 0.05
#: Fewer rows than this say next to nothing either way (two folds of ten).
FEWEST = 20


def check(case: Case) -> Iterator[Suspicion]:
    """Speaks about an absence, so it is no test that could raise a false alarm on data with signal."""
    if case.n < FEWEST:
        return
    score = over_folds(skill_of(case).of(case), case.spec.confidence)
    if not np.isfinite(score.low) or score.low > 0 or _overall(case)[-1] < LEVEL:
        return
    yield Suspicion(lambda: _confirm(case, score))


def _overall(case: Case) -> tuple[str, float, tuple[float, ...], float]:
    """Name, statistic, degrees of freedom and p-value of the test of all slopes; NaN if there is none."""
    fit = case.linear if case.task == "regression" else case.fit
    if isinstance(fit, LinearFit):
        f, df, p = fit.f_test()
        return ("F", f, df, p) if not case.spec.ridge else _NO_TEST
    if case.spec.ridge or not fit.converged:
        return _NO_TEST
    stat, df, p = fit.likelihood_ratio()
    return "likelihood ratio", stat, (df,), p


_NO_TEST = ("", float("nan"), (), float("nan"))


def _shuffle(case: Case) -> Shuffled:
    s = case.sample
    classes = np.arange(len(case.design.classes))
    Y = (s.y[:, None] == classes).astype(float) if case.task == "multiclass" else s.y[:, None]
    return shuffled_scores(
        s.X[:, ~case.linear.dropped], Y, s.fold, case.rng(RULE.code), case.spec.ridge
    )


def _confirm(case: Case, score: Estimate) -> Confirmed | None:
    if _shrunken_has_signal(case):  # too many coefficients for the rows, not too little signal
        return None
    shuffled = _shuffle(case)
    if not len(shuffled.null) or shuffled.p_value < LEVEL:
        return None
    measure, target = skill_of(case), case.spec.target
    constant = "the mean" if case.task == "regression" else "the base rate"
    hidden = _hidden(case)
    message = (
        f"no better than predicting {constant}: {measure.name} {signed(score.value, 2)}"
        f" {between(score.low, score.high, 2)}"
    )
    if np.isfinite(hidden):
        short = measure.name.removeprefix("held-out ")
        message += f"; {case.n:,} rows could still hide {short} up to {hidden:.2f}"
    low, high = np.quantile(shuffled.null, [0.025, 0.975])
    mean = float(shuffled.null.mean())
    return Confirmed(
        RULE.finding(
            "warning",
            (target,),
            message,
            evidence=tuple(_evidence(case, score, shuffled, hidden)),
            prediction=f"predicted {_r2(case)} {signed(mean)} {between(float(low), float(high))} as with shuffled"
            f" targets   observed {signed(shuffled.score)}",
            explains=("PR302", "PR310"),
        )
    )


def _r2(case: Case) -> str:
    return "held-out R²" if case.task == "regression" else "held-out Brier skill"


def _shrunken_has_signal(case: Case) -> bool:
    """Whether ridge by evidence does beat the constant (regression and 0/1 targets)."""
    if case.task == "multiclass":
        return False
    ridge = ridge_by_evidence(case.moments.total)
    r2 = cross_validate(case.moments, ridge, case.excluded)["r2"]
    return bool(over_folds(r2, case.spec.confidence).low > 0)


def _hidden(case: Case) -> float:
    name, statistic, df, _ = _overall(case)
    alpha = 1 - case.spec.confidence
    if name == "F":
        return largest_r2(statistic, df[0], df[1], case.n, alpha)
    if name:
        entropy = float(np.nanmean(case.scores["null_log_loss"]))
        return largest_skill(statistic, df[0], case.n, entropy, alpha)
    return float("nan")


def _evidence(case: Case, score: Estimate, shuffled: Shuffled, hidden: float) -> Iterator[Evidence]:
    yield Evidence(skill_of(case).name, score.value, limit=0.0, low=score.low, high=score.high)
    name, statistic, df, p = _overall(case)
    if np.isfinite(p):
        under = ", ".join(f"{d:g}" for d in df)
        formula = (
            rf"F = \frac{{(\mathrm{{TSS}} - \mathrm{{RSS}})/{df[0]:g}}}{{\mathrm{{RSS}}/{df[1]:g}}} = {statistic:.3g}"
            if name == "F"
            else rf"2(\ell - \ell_0) = {statistic:.3g}"
        )
        yield Evidence(f"p-value of the overall {name} ({under})", p, limit=LEVEL, formula=formula)
    yield Evidence(
        f"{_r2(case)} against {len(shuffled.null)} shuffled targets",
        shuffled.score,
        predicted=float(shuffled.null.mean()),
        low=float(shuffled.null.min()),
        high=float(shuffled.null.max()),
    )
    yield Evidence("permutation p-value", shuffled.p_value, limit=LEVEL)
    if np.isfinite(hidden):
        short = skill_of(case).name.removeprefix("held-out ")
        yield Evidence(f"largest {short} not ruled out", hidden)


RULE = Rule(
    "PR301",
    "no-signal",
    "probability",
    "warning",
    check,
    __doc__ or "",
    reference="Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9(1); Steiger (2004).",
)
