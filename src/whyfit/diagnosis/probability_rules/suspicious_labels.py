"""Some rows carry a class that everything else in the table speaks against.

What it says

How many labels are wrong, as if so many had been replaced at random, and which rows those are, the surest first.

The mathematics

Every row is predicted by a fit that did not see it. If a share ε of the labels had been replaced, the label given would
follow

    P(given = y | x) = (1 − ε) p*_y + ε (1 − p*_y)/(C − 1),     p* ∝ p^a

with p the held-out probabilities and a their temperature, since noise flattens a fit. ε and a maximise the likelihood;
the rule speaks where both its ratio to ε = 1 % and the number of rows whose label is improbable (against Poisson's
bound on what that law expects) exclude 1 %. The label of row i is wrong with probability

    r_i = ε (1 − p*_i)/(C − 1) / P(given = y_i | x_i)

and the mean r of the rows listed is the share of them expected to be wrong.

The predictions: a fit without the listed rows should lose on all others what the law with ε = 0 says; it has to make
a quarter of that gain. And wrong labels lie anywhere, so the rows around a listed one should hardly ever carry its
label: if many more of its nearest neighbours do than the law expects, a region is predicted badly (a bend, an
interaction), the labels are right, and nothing is said.
References: Northcutt, Jiang & Chuang (2021), JAIR 70, 1373-1411; Hausman, Abrevaya & Scott-Morton (1998), J.
Econometrics 87, 239-269.

Why it hurts

A fit on wrong labels is less sure than the truth allows, a sure prediction is punished where it is right, and the
held-out score has a ceiling that no model passes. Rows whose outcome is a matter of luck look the same: look before
you correct.

What to do

Check the listed labels at their source. Leaving the rows out of the fit is tried, and judged on the rows not listed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int
from scipy.spatial import KDTree

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Evidence
from whyfit.diagnosis.held_out import log_losses, of_classes
from whyfit.diagnosis.measures import Measure
from whyfit.diagnosis.rows import spans
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.diagnosis.words import number, percent
from whyfit.errors import InputError
from whyfit.probability.label_noise import LabelNoise, label_noise
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.multinomial import MultinomialFit

#: Share of wrong labels that is tolerated: well-kept benchmarks have some per cent (Northcutt, Athalye & Mueller 2021).
LIMIT = 0.01
#: Rows below which a share of one per cent is less than a row.
FEWEST = 50
#: Rows looked at; more are sampled.
ROWS = 20_000
#: Neighbours of a listed row that are asked.
NEIGHBOURS = 5
#: They may carry its label this many times more often than the law expects: it is linear, and knows no regions.
AGREES = 2.0
#: Share of the gain promised for the other rows that a fit without the listed ones has to make.
LEAST = 0.25
#: Listed rows kept out at most.
MOST_LISTED = 0.2


def check(case: Case) -> Iterator[Suspicion]:
    """One hypothesis: at most one per cent of the labels is wrong."""
    if not isinstance(case.fit, LogisticFit | MultinomialFit) or not case.fit.converged:
        return  # separated classes are CA205's
    y = case.sample.y[:ROWS].astype(int)
    count = np.bincount(y, minlength=len(case.design.classes))
    if len(y) < FEWEST or np.sort(count)[-2] < NEIGHBOURS:
        return
    P = of_classes(case.out_of_fold)[:ROWS]
    noise = label_noise(y, P, LIMIT, case.spec.confidence)
    if noise is None:
        yield Suspicion(lambda: None, 1.0)
    else:
        yield Suspicion(lambda: _confirm(case, y, noise), noise.p_value)


def _confirm(case: Case, y: Int[np.ndarray, " s"], noise: LabelNoise) -> Confirmed | None:
    listed = noise.listed()
    if not 0 < len(listed) <= MOST_LISTED * len(y):
        return None
    told, seen, asked = _around(case, y, noise, listed)
    error = np.sqrt(max(told * (1 - told), 1 / asked) / asked)
    if seen > AGREES * told + 2 * error:
        return None
    sure = noise.precision(listed)
    rows = case.sample.index[listed]
    measure = _loss_elsewhere(case, rows)
    before, promised = _promised(case, y, noise, listed)
    without = _without(case, rows, measure)
    looked_at = len(y) / case.n  # of a large table only the rows looked at can be left out
    if not (promised < before and before - without >= LEAST * looked_at * (before - promised)):
        return None
    target, wrong = case.spec.target, sure * len(listed)
    of = "" if looked_at == 1 else f" ({len(y):,} looked at)"
    message = (
        f"{percent(noise.share)} [{percent(noise.low)}, {percent(noise.high)}] of the labels of {target} look"
        f" replaced (limit {percent(LIMIT)}); of {len(rows):,} rows listed{of} about {wrong:.0f} are wrong: row"
        f"{'s' * (len(rows) > 1)} {spans(np.sort(rows[:6]).tolist())}{', …' * (len(rows) > 6)}"
    )
    c = noise.counted
    finding = RULE.finding(
        "warning",
        tuple(f"row {r + 1}" for r in rows),
        message,
        evidence=(
            Evidence(
                "share of labels replaced", noise.share, LIMIT, None, noise.low, noise.high,
                rf"\hat\varepsilon = {noise.share:.3f}",
            ),
            Evidence(f"rows whose label has at most {percent(c.threshold)}", c.rows, predicted=c.expected, unit="rows"),
            Evidence("expected share of wrong labels among the rows listed", sure),
            Evidence("neighbours of listed rows with their label", seen, predicted=told),
            Evidence("temperature that noise took from the probabilities", noise.temperature, predicted=1.0),
        ),
        prediction=f"predicted log loss on the other rows {number(before, 3)} → {number(promised, 3)} without them"
        f"   observed {number(without, 3)}"
        if looked_at == 1
        else f"predicted {percent(told)} of the rows around them carry their label   observed {percent(seen)}",
        explains=("PR308",),
    )  # fmt: skip
    name = f"leave the {len(rows):,} rows listed out of the fit"
    return Confirmed(finding, (Proposal(name, {"exclude_rows": tuple(map(int, rows))}, measure),))


def _around(
    case: Case, y: np.ndarray, noise: LabelNoise, listed: Int[np.ndarray, " m"]
) -> tuple[float, float, int]:
    """Share of the neighbours of listed rows that carry their label: expected, observed, and of how many."""
    X = case.sample.X[: len(y)]
    scale = X.std(axis=0)
    Z = X[:, scale > 0] / scale[scale > 0]
    if Z.shape[1] > 30:  # nearness in many columns means little: along those the fit uses
        Z = np.log(np.clip(noise.clean, 1e-12, 1))
    k = min(NEIGHBOURS + 1, len(Z))
    near = KDTree(Z).query(Z[listed], k)[1].reshape(len(listed), k)[:, 1:]
    own = y[listed][:, None]
    C = noise.clean.shape[1]
    p = noise.clean[near, own]
    expected = (1 - noise.share) * p + noise.share / (C - 1) * (1 - p)
    return float(expected.mean()), float((y[near] == own).mean()), near.size


def _promised(
    case: Case, y: np.ndarray, noise: LabelNoise, listed: Int[np.ndarray, " m"]
) -> tuple[float, float]:
    """Log loss of the rows not listed: as held out, and under the law without noise."""
    rest = np.ones(len(y), bool)
    rest[listed] = False
    held, law = case.out_of_fold[: len(y)], noise.clean
    before, after = (float(log_losses(y[rest], p[rest]).mean()) for p in (held, law))
    return before, after


def _without(case: Case, rows: Int[np.ndarray, " m"], measure: Measure) -> float:
    """The same, held out, of fits without the rows listed; NaN where there is none."""
    try:
        return float(np.nanmean(measure.of(case.rerun({"exclude_rows": tuple(map(int, rows))}))))
    except InputError:
        return float("nan")


def _loss_elsewhere(control: Case, rows: Int[np.ndarray, " m"]) -> Measure:
    """Held-out log loss per fold on the rows that were looked at and are not listed."""

    def of(case: Case) -> np.ndarray:
        s = case.sample
        mine = ~np.isin(s.index, rows) & np.isin(s.index, control.sample.index[:ROWS])
        lost, out = log_losses(s.y[mine], case.out_of_fold[mine]), np.full(control.k, np.nan)
        for j in np.unique(s.fold[mine]):
            out[j] = float(lost[s.fold[mine] == j].mean())
        return out

    return Measure("held-out log loss on the other rows", of, "lower")


RULE = Rule(
    "PR316", "suspicious-labels", "probability", "warning", check, __doc__ or "",
    reference="Northcutt, Jiang & Chuang (2021), JAIR 70, 1373-1411",
    tasks=("binary", "multiclass"),
)  # fmt: skip
