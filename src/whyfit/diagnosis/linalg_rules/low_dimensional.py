"""The columns move together along far fewer directions than there are columns.

What it says

A third as many principal components as there are columns, or fewer, hold 99 % of the variance, also of rows that were
not used to find them. The table is a thick drawing of a thin thing: spectra, sensors side by side, parts of one score.

The mathematics

Columns are scaled to unit variance. With the eigenvalues μ₁ ≥ … ≥ μ_p of their correlation matrix, the first k
components hold the share Σ_{j≤k} μ_j / p of the variance, the most any k directions can. Found on n rows they hold less
of new ones, and with n ≤ p they hold all of the n and little else; so the share is taken on held-out rows:

    share_k = tr(V_kᵀ M V_k)/tr(M),   V_k from the other folds, M the second moment of the fold left out,

and the lower end of its interval over folds must reach 99 %. How many directions count is also told by

    (Σμ)²/Σμ²   (participation ratio)        exp(−Σ s_j ln s_j), s_j = μ_j/p   (entropy rank).

If the rest is noise, the target cannot depend on it in a way that survives: regression on k components, in which
coefficients are a = diag(μ)⁻¹V_kᵀ corr(X, y) up to units, loses nothing held-out. The target may still live in small
components, so k is not the share's but the one of least BIC, n ln RSS_k + k ln n, up to p/3; and if that regression
does lose, on the same folds, this rule is silent. References: Jolliffe (2002), Principal Component Analysis, ch. 6
and 8; Roy & Vetterli (2007), EUSIPCO, for the entropy rank; Schwarz (1978), Annals of Statistics 6, for BIC.

Why it hurts

Predictions inside the cloud do not suffer much while rows are many. Coefficients do: each is one of many that share an
effect, wide and of arbitrary sign. With few rows the directions of noise cost variance in every prediction.

What to do

Fit on the k leading components (`components`); the model file keeps the map, so new rows are given in the old
columns. Coefficients of the columns are sums over components; read them as a curve, not one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.trial import RELEVANT_LOSS
from whyfit.diagnosis.words import between, number, percent, plural, signed
from whyfit.errors import InputError
from whyfit.linalg.conditioning import live_columns
from whyfit.linalg.moments import FoldMoments
from whyfit.linalg.rank import components_holding, effective_rank
from whyfit.probability.principal import bic_path, held_out_path, shares_held_out, spectrum
from whyfit.probability.validation import Estimate, over_folds

KEPT = 0.99  # share of the variance (whyfit's catalogue)
THIRD = 3  # components may be at most the columns divided by this
#: Fewer columns have nothing to save: two components of five are a small table, not a thin one.
FEWEST_COLUMNS = 6
#: More are not decomposed once per fold: half a minute.
_MOST_COLUMNS = 1_500


@dataclass(frozen=True)
class _Cloud:
    """The columns looked at and y, their moments, the most components allowed, and shares per fold."""

    columns: Bool[np.ndarray, " q"]
    folds: FoldMoments
    most: int
    shares: Float[np.ndarray, "g r"]

    @property
    def p(self) -> int:
        return self.shares.shape[1]

    def share(self, k: int, level: float = 0.95) -> Estimate:
        return over_folds(self.shares[:, k - 1], level)


def check(case: Case) -> Iterator[Suspicion]:
    """One hypothesis: the first p/3 components hold no more than 99 % of the variance."""
    if case.spec.components or case.design.n_dense < case.p:
        return
    total = case.moments.total
    live = live_columns(total)
    if live.sum() < total.n - 1:
        live &= ~case.linear.dropped  # exact copies are rank-deficient's
    p = int(live.sum())
    if not FEWEST_COLUMNS <= p <= _MOST_COLUMNS or case.k < 2:
        return
    columns = np.append(live, True)
    folds = case.moments.columns(columns)
    if components_holding(spectrum(folds.total)[2].values, KEPT) > p // THIRD:
        yield Suspicion(lambda: None, 1.0)  # held-out rows cannot lie nearer to them
        return
    cloud = _Cloud(columns, folds, p // THIRD, shares_held_out(folds))
    yield Suspicion(lambda: _confirm(case, cloud), cloud.share(cloud.most).p_above(KEPT))


def _confirm(case: Case, cloud: _Cloud) -> Confirmed | None:
    level = case.spec.confidence
    ends = [cloud.share(k, level).low for k in range(1, cloud.most + 1)]
    holding = next((k for k, low in enumerate(ends, 1) if low >= KEPT), cloud.most)
    k = holding
    if case.task != "multiclass":  # codes of several classes have no squared error
        k += int(np.argmin(bic_path(cloud.folds.total, cloud.most)[holding - 1 :]))
    measure = skill_of(case)
    change = _change(case, cloud, k)
    if change is None:
        return None
    loss = over_folds(change, level)  # refuted by a loss: relevant, or beyond chance
    if not (np.isfinite(loss.low) and loss.value > -RELEVANT_LOSS and loss.high > 0):
        return None
    share, p = cloud.share(holding, level), cloud.p
    rank = effective_rank(spectrum(cloud.folds.total)[2].values)
    better = loss.low > RELEVANT_LOSS
    if better:
        gain = "predicts new rows better than one on all columns"
    elif loss.low > -RELEVANT_LOSS:
        gain = "loses nothing on new rows"
    else:
        gain = "loses nothing that these rows can show"
    return Confirmed(
        RULE.finding(
            "warning" if better else "note",
            (),
            f"{plural(holding, 'direction')} of {p} hold{'s' * (holding == 1)} {percent(share.value)} of the"
            f" variance of new rows; a fit on {plural(k, 'component')} {gain}",
            evidence=(
                Evidence(
                    f"share of held-out variance along {plural(holding, 'component')}", share.value,
                    limit=KEPT, low=share.low, high=share.high,
                    formula=rf"\operatorname{{tr}}(V_k^\top M V_k)/\operatorname{{tr}} M = {share.value:.4g}",
                ),
                Evidence(
                    "components that hold it", holding, limit=cloud.most,
                    formula=rf"k \le p/3 = {p}/3", unit="components",
                ),
                Evidence("participation ratio", rank.participation, unit="directions"),
                Evidence("entropy rank", rank.entropy, unit="directions"),
                Evidence(
                    f"{measure.name} on {plural(k, 'component')} less that on all columns", loss.value,
                    predicted=0.0, low=loss.low, high=loss.high,
                ),
            ),
            prediction=(
                f"predicted no loss of {measure.name} on {plural(k, 'component')}"
                f"   observed {signed(loss.value)} {between(loss.low, loss.high)}"
                f" (participation ratio {number(rank.participation, 3)})"
            ),
        ),
        (Proposal(f"fit on {plural(k, 'principal component')}", {"components": k}, measure),),
    )  # fmt: skip


def _change(case: Case, cloud: _Cloud, k: int) -> Float[np.ndarray, " g"] | None:
    """Held-out score on k components less that of the fit as it is, per fold; None if it has none.

    A regression finds its components anew on every training set, from moments; classes take those of all rows,
    which never saw the target.
    """
    if case.task == "regression":
        scored = case.excluded.columns(cloud.columns) if case.excluded is not None else None
        after = held_out_path(cloud.folds, k, scored)[:, -1]
        change = after - case.scores["r2"]
    else:
        measure = skill_of(case)
        try:
            change = measure.of(case.rerun({"components": k})) - measure.of(case)
        except InputError:
            return None
    change = change[np.isfinite(change)]
    return change if change.size >= 2 else None


RULE = Rule(
    "LA109",
    "low-dimensional",
    "linear algebra",
    "warning",
    check,
    __doc__ or "",
    reference="Jolliffe (2002), Principal Component Analysis, ch. 6 and 8.",
)
