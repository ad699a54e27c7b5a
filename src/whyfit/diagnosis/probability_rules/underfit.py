"""The features know more of the target than the model takes from them.

What it says

Rows that are alike in their features err alike: at least 10 % of the held-out squared error is shared between near
neighbours, so it is no noise. Training and held-out error both lie above the floor, more rows or a penalty cannot help,
and the bends and products that CA206 tries do not close the gap.

The mathematics

With held-out residuals r_i = g(x_i) + ε_i, g what the model misses, and j the nearest row to i of another fold,

    E ½(r_i − r_j)² = σ² + ½ E (g(x_i) − g(x_j))²,      share = Σ r_i r_j / Σ r_i² ≤ E g² / (E g² + σ²)

The floor (1 − share) · MSE is that of replicates where features are equal, and errs upwards where neighbours are only
near: what is reported is a lower limit. Null: share ≤ 10 %, tested over folds with the corrected interval of Nadeau &
Bengio (2003). The prediction: averaging the residuals of m neighbours must lower the held-out squared error by
s²/(s + (1 − s)/m), s their mean share. References: Rice (1984), Annals of Statistics 12; Evans & Jones (2002), Proc. R.
Soc. A 458 (the Gamma test).

Why it hurts

The model is wrong in a way that the features at hand could mend. Its residuals are not noise, its standard errors call
bias noise, and its intervals are too wide in some regions and too narrow in others.

What to do

A model that can bend in many features at once: trees, boosting, nearest neighbours, splines; or columns that say what
neighbours have in common (a place, a season, a product of several features). CA206's terms are tried where it has some.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whyfit.diagnosis.bends import edit_of, named, screen_of
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.measures import skill_of
from whyfit.diagnosis.rule import OF_LEAST_SQUARES, Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import listed, number, percent
from whyfit.probability.linear import LinearFit
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.noise_floor import NoiseFloor, noise_floor

#: Share of the held-out squared error that is not noise: f² = 0.11, near Cohen's (1988, §9.2) medium effect of 0.15.
LIMIT = 0.10
#: ... and a warning from a quarter on, near his large effect (f² = 0.35).
WARNING = 0.25
#: CA206 speaks instead where its terms take this much of the share.
CLOSED = 0.5
#: What the neighbours' mean must bring of what the share promises.
KEPT = 0.5
#: Rows: fewer have no near neighbours; more take longer than the question is worth.
FEWEST_ROWS, MOST_ROWS = 100, 3_000
#: In more dimensions no two rows are near (Beyer et al. 1999, ICDT).
MOST_COLUMNS = 40
#: Below this share of the variance the residuals are rounding.
_EXACT = 1e-20


def check(case: Case) -> Iterator[Suspicion]:
    """One test: the error shared with the nearest row of another fold."""
    if case.k < 3 or not 0 < case.linear.rank <= MOST_COLUMNS or case.n < FEWEST_ROWS:
        return
    if case.task == "regression" and not case.linear.rss > _EXACT * case.linear.tss:
        return
    if (
        isinstance(case.fit, LogisticFit) and not case.fit.converged
    ):  # separated classes are CA205's
        return
    floor = floor_of(case)
    if floor is not None and np.isfinite(floor.share.std_error):
        yield Suspicion(lambda: _confirm(case, floor), floor.share.p_above(LIMIT))


def floor_of(case: Case) -> NoiseFloor | None:
    """Of a random part of the sample, the live columns in units of their standard deviation."""
    s, held = case.sample, case.held_out
    if held.ndim != 1 or not np.isfinite(held).all():
        return None
    pick = np.arange(len(s.y))
    if len(pick) > MOST_ROWS:
        pick = np.sort(case.rng(RULE.code).permutation(len(pick))[:MOST_ROWS])
    X = s.X[pick][:, ~case.linear.dropped]
    sd = X.std(axis=0)
    Z = (X[:, sd > 0] - X[:, sd > 0].mean(axis=0)) / sd[sd > 0]
    if not Z.shape[1]:
        return None
    target = s.y[pick] if case.task == "regression" else None
    return noise_floor(
        Z, s.y[pick] - held[pick], s.fold[pick], case.k, case.spec.confidence, target
    )


def _training_square(case: Case) -> float:
    """Mean squared error of the fit on the rows it was made from: those of the sample."""
    if isinstance(case.fit, LinearFit):
        return case.fit.rss / case.n
    s = case.sample
    eta = case.fit.linear_predictor(s.X)  # pyright: ignore[reportAttributeAccessIssue]
    pi = 1 / (1 + np.exp(-np.clip(eta, -700, 700)))
    return float(np.mean((s.y - pi) ** 2))


@dataclass(frozen=True, slots=True)
class _Terms:
    """What CA206 would take of the held-out loss, and its proposals."""

    fall: float
    proposals: tuple[Proposal, ...]


def _terms(case: Case) -> _Terms:
    screen = screen_of(case)
    if screen is None or screen.relative.p_above(0.0) > 0.05:
        return _Terms(0.0, ())
    terms, _ = named(screen, case.task)
    if not terms:
        return _Terms(0.0, ())
    name = f"add {listed([t.name for t in terms], 3)}"
    return _Terms(screen.relative.value, (Proposal(name, edit_of(terms), skill_of(case)),))


def _confirm(case: Case, floor: NoiseFloor) -> Confirmed | None:
    share, fall = floor.share, floor.smoothed
    lowest = floor.mean_square * (1 - share.value)
    train = _training_square(case)
    if not train > lowest / (1 - LIMIT / 2):  # only the held-out error is high: PR302's
        return None
    expected = floor.expected_fall
    if not (fall.low > 0 and fall.value >= KEPT * expected):
        return None
    terms = _terms(case)
    if terms.fall >= CLOSED * share.value:
        return None
    error = "squared error" if case.task == "regression" else "Brier score"
    message = (
        f"at least {percent(share.value)} [{number(100 * share.low, 2)}, {number(100 * min(share.high, 1.0), 2)}]"
        f" of the held-out {error} is not noise (limit {percent(LIMIT)}): rows alike in their features err alike"
    )
    if terms.fall > 0:
        message += f"; bends and products take only {percent(terms.fall)}"
    return Confirmed(
        RULE.finding(
            "warning" if share.low > WARNING else "note",
            (),
            message,
            evidence=tuple(_evidence(floor, train, lowest, error)),
            prediction=(
                f"predicted {percent(expected)} lower {error} by the neighbours' residuals"
                f"   observed {percent(fall.value)} [{100 * fall.low:.1f}, {100 * fall.high:.1f}] held-out"
            ),
        ),
        terms.proposals,
    )


def _evidence(floor: NoiseFloor, train: float, lowest: float, error: str) -> Iterator[Evidence]:
    share = floor.share
    yield Evidence(
        f"share of the held-out {error} that neighbours share", share.value, limit=LIMIT,
        low=share.low, high=share.high,
        formula=rf"\frac{{\sum_i r_i r_{{j(i)}}}}{{\sum_i r_i^2}} = {share.value:.3g}",
    )  # fmt: skip
    yield Evidence("... at distance 0, by extrapolation", floor.extrapolated)
    yield Evidence(f"held-out {error}", floor.mean_square, limit=lowest)
    yield Evidence(f"training {error}", train, limit=lowest)
    yield Evidence("noise floor, at most", lowest)
    if floor.replicates:
        yield Evidence(
            "rows with a neighbour of equal features", float(floor.replicates), unit="rows"
        )


RULE = Rule(
    "PR303",
    "underfit",
    "probability",
    "warning",
    check,
    __doc__ or "",
    reference="Rice (1984), Annals of Statistics 12, 1215-1230; Evans & Jones (2002), Proc. R. Soc. A 458, 2759-2799.",
    tasks=("regression", "binary"),
    losses=OF_LEAST_SQUARES,
)  # fmt: skip
