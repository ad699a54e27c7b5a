"""A score that one would look at says other than the fit is worth.

What it says

Which score misleads, which does not, and by how much. There are four such ways:

- accuracy is that of always calling the largest class, though the probabilities tell the rows apart;
- ranking (AUC) or accuracy are good, though the probabilities cost more than those who know the shares only;
- R² comes from a few rows far from the mean, and is next to nothing without them;
- the training score promises more than twice what held-out rows keep.

The mathematics

Log loss, the squared error and the Brier score are proper: no other forecast than the true one does better in the long
run. Accuracy sees only on which side of ½ a probability lies, the AUC only the order of rows. Where no probability
passes ½ accuracy is exactly that of the constant, max(π, 1 − π); if probabilities mean what they say it is

    mean of max_c p_c        predicted, beside the share of calls observed to be right

R² = 1 − Σ(y − ŷ)²/Σ(y − ȳ)² weighs rows by the square of their distance. Without the hundredth of the rows that are
farthest from the mean, with a share τ of the variance left, a linear law of normal errors would leave

    1 − (1 − R²)² − R²(1 − R²)/τ

Theory also says how far the training score is above that of new rows: 2σ²k/n for k coefficients. Every claim has two
parts (one score praises, another does not); its p-value is the larger of theirs. References: Gneiting & Raftery
(2007), JASA 102; Efron (1986), JASA 81; Berger (1982), Technometrics 24.

Why it hurts

Models are chosen, and their use decided, by the score that is looked at. Accuracy discards a useful model, AUC and the
training score sell a useless one, and R² hides that all but a few predictions are no better than the mean.

What to do

Look at the score named: log loss or skill for probabilities, the mean absolute error beside R², held-out scores instead
of training scores. Where calls are made, choose the threshold by what mistakes cost (`--costs`). Probabilities that
rank well and cost too much want recalibration (`--recalibrate`) or a penalty.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import SKILL, skill_of
from whyfit.diagnosis.misleading import (
    FEWEST,
    LEFT_OF_FEW,
    LEFT_OF_TRAINING,
    Probabilities,
    Training,
    Trimmed,
    blind,
    praised,
    training,
    trimmed,
)
from whyfit.diagnosis.probability_rules import imbalanced_classes as imbalance
from whyfit.diagnosis.probability_rules.overfit import predicted_gap, right_size, unit_loss
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import between, fixed, signed
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.scores import auc, mae, r2
from whyfit.probability.scores.score import mean_of

#: An observed gap of more than so many times the predicted one has another cause than optimism.
_BEYOND = 4.0
#: Where this sure that a good score goes with costly probabilities that is said, and not the gap behind it too.
_SAID = 0.01
#: Accuracy may miss the one its probabilities predict by this much (PR308 speaks of larger gaps).
_NEAR = 0.05


def check(case: Case) -> Iterator[Suspicion]:
    """One or two tests for each task."""
    gap = training(case)
    if gap is not None:
        yield Suspicion(lambda: _of_training(case, gap), gap.p_value)
    if case.task == "regression":
        found = trimmed(case.sample.y, case.held_out)
        if found is not None:
            yield Suspicion(lambda: _of_few_rows(case, found), found.p_value)
        return
    if isinstance(case.fit, LinearFit) or not getattr(case.fit, "converged", True):
        return  # separated classes are CA205's
    q = Probabilities.of(case)
    if len(q.code) < FEWEST or len(np.unique(q.code)) < 2:
        return
    if case.spec.threshold is None and case.spec.costs is None and not _rare(case):
        yield Suspicion(lambda: _of_accuracy(case, q), blind(q))
    yield Suspicion(lambda: _of_praise(case, q), praised(q))


def _rare(case: Case) -> bool:
    """Whether PR309 says so already."""
    shares = imbalance.class_shares(case)
    return shares.relative < imbalance.NOTABLE


def _of_accuracy(case: Case, q: Probabilities) -> Confirmed | None:
    level, names = case.spec.confidence, case.design.classes
    accuracy, constant = mean_of(q.right, level), float(q.largest.mean())
    predicted = float(q.P.max(axis=1).mean())
    if abs(predicted - accuracy.value) > _NEAR:
        return None
    largest = names[int(np.bincount(q.code).argmax())]
    saved = mean_of((q.base - q.loss) / q.unit, level)
    evidence = [
        Evidence(
            "accuracy", accuracy.value, constant, predicted, accuracy.low, accuracy.high,
            rf"\overline{{\max_c p_c}} = {predicted:.3f}",
        ),
        Evidence("held-out skill", saved.value, 0.0, None, saved.low, saved.high),
        Evidence(
            f"rows called other than “{largest}”",
            float(np.mean(q.called != np.bincount(q.code).argmax())),
            unit="of the rows",
        ),
    ]  # fmt: skip
    if q.P.shape[1] == 2:
        area = auc(q.code.astype(float), q.P[:, 1], level)
        evidence.append(Evidence("AUC", area.value, 0.5, None, area.low, area.high))
    proposals = ()
    if case.task == "binary":
        proposals = (imbalance.from_base_rate(case, imbalance.class_shares(case)),)
    return Confirmed(
        RULE.finding(
            "note",
            (case.spec.target,),
            f"accuracy {accuracy.value:.3f} is that of always saying “{largest}” ({constant:.3f}) and hides what the"
            f" probabilities know: skill {saved.value:.2f} {between(saved.low, saved.high, 2)}",
            evidence=tuple(evidence),
            prediction=f"predicted accuracy {predicted:.3f} by the probabilities   observed {accuracy.value:.3f}",
        ),
        proposals,
    )


def _of_praise(case: Case, q: Probabilities) -> Confirmed:
    level = case.spec.confidence
    cost = mean_of((q.loss - q.base) / q.unit, level)
    binary = q.P.shape[1] == 2
    accuracy, constant = mean_of(q.right, level), float(q.largest.mean())
    said = f"accuracy {accuracy.value:.2f} (largest class {constant:.2f})"
    evidence = [
        Evidence("held-out skill", -cost.value, 0.0, None, -cost.high, -cost.low),
        Evidence("accuracy", accuracy.value, constant, None, accuracy.low, accuracy.high),
    ]
    if binary:
        area = auc(q.code.astype(float), q.P[:, 1], level)
        said = f"AUC {area.value:.2f} {between(area.low, area.high, 2)}"
        evidence.append(Evidence("AUC", area.value, 0.5, None, area.low, area.high))
    sure = q.P.max(axis=1)
    worst = q.loss > np.quantile(q.loss, 0.95)
    evidence.append(
        Evidence("log loss owed to the worst twentieth of the rows", float(q.loss[worst].sum() / q.loss.sum()))
    )  # fmt: skip
    name = "temperature" if not binary else "platt"
    return Confirmed(
        RULE.finding(
            "warning",
            (),
            f"{said} looks good, but the probabilities cost {1 + cost.value:.3g} times the log loss of knowing only the"
            f" shares of the classes (skill {signed(-cost.value, 2)})",
            evidence=tuple(evidence),
            prediction=f"predicted accuracy {float(sure.mean()):.2f} by the probabilities   observed"
            f" {accuracy.value:.2f}",
        ),
        (
            Proposal(
                f"recalibrate by {name} scaling on held-out rows", {"recalibrate": name}, SKILL
            ),
        ),
    )


def _of_few_rows(case: Case, found: Trimmed) -> Confirmed:
    y, f, level = case.sample.y, case.held_out, case.spec.confidence
    whole, miss = r2(y, f, level), mae(y, f, level)
    return Confirmed(
        RULE.finding(
            "warning",
            (case.spec.target,),
            f"R² {whole.value:.2f} rests on {found.rows:,} of {len(y):,} rows: without those farthest from the mean it"
            f" is {signed(found.rest, 2)}",
            evidence=(
                Evidence("held-out R²", whole.value, None, None, whole.low, whole.high),
                Evidence(
                    "held-out R² of the other rows",
                    found.rest,
                    LEFT_OF_FEW * whole.value,
                    found.predicted,
                ),
                Evidence("squares about the mean that the few rows hold", found.held),
                Evidence(
                    "mean absolute error", miss.value, miss.trivial, None, miss.low, miss.high
                ),
            ),
            prediction=f"predicted R² {signed(found.predicted, 2)} of the other rows by a linear law"
            f"   observed {signed(found.rest, 2)}",
        )
    )


def _of_training(case: Case, gap: Training) -> Confirmed | None:
    classes = max(len(case.design.classes) - 1, 1)
    free = float(case.linear.rank * classes + classes - 1)
    unit, seen = unit_loss(case), gap.seen - gap.kept.value
    predicted = predicted_gap(case, free) / unit
    if not seen <= _BEYOND * predicted or (
        case.task != "regression" and praised(Probabilities.of(case)) <= _SAID
    ):
        return None
    short = skill_of(case).name.removeprefix("held-out ")
    proposals = ()
    if isinstance(case.fit, LinearFit | LogisticFit) and (sized := right_size(case)) is not None:
        proposals = (
            Proposal(
                f"ridge, λ = {sized.ridge:.3g} by evidence", {"ridge": sized.ridge}, skill_of(case)
            ),
        )
    kept = gap.kept
    foretold = fixed(predicted, 2) if np.isfinite(predicted) else "∞"
    return Confirmed(
        RULE.finding(
            "warning",
            (),
            f"training {short} {gap.seen:.2f} misleads: held-out rows keep {signed(kept.value, 2)}"
            f" {between(kept.low, kept.high, 2)} of it",
            evidence=(
                Evidence(f"training {short}", gap.seen),
                Evidence(
                    f"held-out {short}", kept.value, LEFT_OF_TRAINING * gap.seen, None, kept.low, kept.high
                ),
                Evidence(f"gap of {short}", seen, None, predicted if np.isfinite(predicted) else None),
            ),
            prediction=f"predicted gap {foretold}   observed {fixed(seen, 2)}",
        ),
        proposals,
    )  # fmt: skip


RULE = Rule(
    "PR310",
    "misleading-score",
    "probability",
    "warning",
    check,
    __doc__ or "",
    reference="Gneiting & Raftery (2007), JASA 102, 359-378; Berger (1982), Technometrics 24, 295-300.",
    losses=OF_LEAST_SQUARES,
)
