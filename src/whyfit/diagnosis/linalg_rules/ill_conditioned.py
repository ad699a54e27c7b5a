"""Features so nearly say the same thing that their coefficients are poorly determined.

What it says

A few columns nearly satisfy a linear relation. Their joint effect is well determined; how it is shared among them
is not. The group is named, the relation is written out, and the widening of the standard error is given.

The mathematics

Scale every column to mean 0 and unit length and let C be their correlation matrix, C = V diag(μ) Vᵀ. Then

    var(ŵ_j) = (σ²/S_jj) · VIF_j,      VIF_j = (C⁻¹)_jj = 1/(1 − R_j²),      S_jj = Σ (x_ij − x̄_j)²

where R_j² is the share of column j that the other columns explain. σ²/S_jj is what the variance would be if column
j were uncorrelated with the others, so its standard error is √VIF times wider. The condition index
η_k = √(μ_max/μ_k) tells how near to zero a direction is, and π_jk = (V_jk²/μ_k)/VIF_j which share of the variance
of ŵ_j comes from it. Harm is commonly seen from VIF = 10 on (a warning); η ≥ 30 with two or more coefficients that
owe more than half of their variance to it is Belsley's mark of a damaging relation (an error, as is a VIF surely
above 100: a coefficient ten uncorrelated standard errors from zero then looks like nothing). whyfit asks that the
lower end of the interval of VIF, from Fisher's z for R_j, be at least 10, so that chance relations in few rows do
not count.
References: Belsley, Kuh & Welsch (1980), Regression Diagnostics, ch. 3; Marquardt (1970), Technometrics 12, 591-612.

The prediction is checked on rows drawn anew (pairs bootstrap): the coefficient must vary √VIF times as much as one of
an uncorrelated column with the same residuals would.

Why it hurts

The intervals of these coefficients are so wide that signs flip from sample to sample, and real effects look like
nothing. Statements such as "one more room at the same number of bedrooms" ask about rows the data hardly have.
Predictions for rows like the training rows do not suffer.

What to do

Nothing, if only predictions matter. Otherwise combine the columns into what you mean (their sum, a ratio), drop one
of them, or add a ridge penalty: it accepts a little bias for much less variance. For powers and products of a
column, subtracting its mean first removes most of the relation without changing the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import special

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.columns import but_for, feature_of, features_of, kinds_of, rests_on, written
from whyfit.diagnosis.finding import Evidence, Severity
from whyfit.diagnosis.measures import skill_of, widest_std_error
from whyfit.diagnosis.rule import Confirmed, Proposal, Rule, Suspicion
from whyfit.linalg.conditioning import live_columns
from whyfit.linalg.rank import EPS
from whyfit.linalg.relations import Relation, participants, relation, whole
from whyfit.linalg.solve import solve_gram
from whyfit.probability.bootstrap import pairs_bootstrap
from whyfit.probability.evidence import ridge_by_evidence
from whyfit.probability.inflation import Inflation

#: Marquardt (1970): VIF from 10 on (standard errors 3.2 times wider) marks a coefficient as poorly determined.
VIF_LIMIT = 10.0
#: Belsley, Kuh & Welsch (1980), §3.2: condition indices of 30 and more mark moderate to strong relations ...
INDEX_LIMIT = 30.0
#: ... and damage where two or more coefficients owe more than half of their variance to them.
PROPORTION = 0.5
#: Without Belsley's two signs: from here standard errors are √100 = 10 times wider and a coefficient ten of its
#: uncorrelated standard errors away from zero looks like nothing (whyfit's design).
VIF_ERROR = 100.0
#: Columns belong together if their partial correlation exceeds this: a tenth of the variance in common.
PARTIAL = 0.316
MOST_FINDINGS = 3
MOST_MEMBERS = 10  # columns of a group that the bootstrap refits; the others are partialled out
REPLICATES = 300
#: Bootstrap spread over predicted spread. Below one half, √VIF is not what widens the coefficient and nothing is
#: reported (residuals that grow with x may cost a factor up to about two, White 1980). Above two, something
#: adds to it, a few rows far out or unequal variances, and the finding says so.
AGREE = (0.5, 2.0)
#: 1 − R² of a relation from which dropping one column is proposed: VIF 20.
NEARLY_EXACT = 0.05
#: A penalty is proposed if it narrows the widest standard error by this factor at least (whyfit's design).
WORTHWHILE = 0.9
#: A relation broken by at most this many rows: the coefficients rest on those rows alone.
FEW_ROWS = 10


@dataclass(frozen=True)
class _Geometry:
    """The columns that are fitted, and their inflation as the penalty in force leaves it."""

    columns: Int[np.ndarray, " m"]
    C: Float[np.ndarray, "m m"]
    inflation: Inflation

    @classmethod
    def of(cls, case: Case) -> _Geometry:
        c = np.flatnonzero(~case.linear.dropped & live_columns(case.moments.total))
        C = case.linear.correlation[:-1, :-1][np.ix_(c, c)]
        if case.spec.ridge:
            return cls(c, C, Inflation.of(C, case.n, case.spec.ridge))
        return cls(c, C, Inflation(C, case.linear.solution.G[np.ix_(c, c)], case.n))

    @property
    def vif(self) -> Float[np.ndarray, " m"]:
        return self.inflation.vif


@dataclass(frozen=True, slots=True)
class _Group:
    """Places (within the fitted columns) of the columns of one near-relation, highest VIF first."""

    places: tuple[int, ...]
    p_value: float


def check(case: Case) -> Iterator[Suspicion]:
    """One hypothesis for every group of columns, at the p-value of its worst column times their number."""
    g = _Geometry.of(case)
    m = len(g.columns)
    if m < 2 or case.n - m - 2 <= 0 or not np.isfinite(g.vif).all():
        return
    p_values = np.minimum(1.0, m * g.inflation.p_values(VIF_LIMIT))
    groups = _groups(case, g, p_values)
    if not groups:
        yield Suspicion(lambda: None, float(p_values.min()))
    for group in groups[:MOST_FINDINGS]:
        yield Suspicion(lambda group=group: _confirm(case, g, group), group.p_value)


def _groups(case: Case, g: _Geometry, p_values: np.ndarray) -> list[_Group]:
    """Columns with VIF ≥ VIF_LIMIT, joined where their partial correlation or their feature is shared."""
    high = np.flatnonzero(g.vif >= VIF_LIMIT)
    if not high.size:
        return []
    G = g.inflation.inverse[np.ix_(high, high)]
    d = np.sqrt(np.diag(G))
    joined = np.abs(G / d / d[:, None]) >= PARTIAL
    feature = np.array([feature_of(case, g.columns[i]) for i in high])
    joined |= feature[:, None] == feature
    groups = []
    for part in _components(joined):
        places = high[part]
        if len({*feature[part]}) == 1:
            # its partners have low VIFs each, or are levels of the same category
            own = feature[part][0]
            others = [i for i, j in enumerate(g.columns) if feature_of(case, j) != own]
            few, unexplained = participants(g.C, int(places[np.argmax(g.vif[places])]), others)
            if unexplained > 1 / VIF_LIMIT:
                continue
            places = np.concatenate([places, np.array(few, dtype=int)])
        if kinds_of(case, g.columns[places]) <= {"indicator"}:
            continue  # cells that go missing together: not what anybody interprets
        order = places[np.argsort(-g.vif[places], kind="stable")]
        groups.append(_Group(tuple(order.tolist()), float(p_values[order].min())))
    groups.sort(key=lambda group: -g.vif[group.places[0]])
    first = {group.places[0]: group for group in reversed(groups)}  # partners may be shared
    return [group for group in groups if first[group.places[0]] is group]


def _components(joined: Bool[np.ndarray, "h h"]) -> list[np.ndarray]:
    left, parts = set(range(len(joined))), []
    while left:
        part = frontier = {min(left)}
        while frontier:
            frontier = {int(j) for i in frontier for j in np.flatnonzero(joined[i])} - part
            part = part | frontier
        left -= part
        parts.append(np.array(sorted(part)))
    return parts


def _confirm(case: Case, g: _Geometry, group: _Group) -> Confirmed | None:
    worst = group.places[0]
    column = int(g.columns[worst])
    r = _relation(case, g, group)
    vif = float(g.vif[worst])
    low = float(g.inflation.interval(case.spec.confidence)[0][worst])
    if low < VIF_LIMIT:
        return None
    index, share = _belsley(g, group)
    broken = r.rows - r.holds
    if r.mostly and 0 < broken <= FEW_ROWS:
        prediction = rests_on(case, r)
        observed = None
    else:
        observed = _observed(case, g, group)
        prediction = ""
        if observed is not None:
            if observed < AGREE[0] * np.sqrt(vif):
                return None
            more = bool(observed > AGREE[1] * np.sqrt(vif))
            prediction = (
                f"predicted se({case.names[column]}) {_times(np.sqrt(vif))} × wider than if uncorrelated"
                f"   observed {_times(observed)} ×" + ": other causes add to it" * more
            )
    text = written(case, r)
    if r.mostly and not r.exact:
        text += but_for(case, r)
    strong = index >= INDEX_LIMIT and share >= 2
    gauge = (
        f"condition index {index:,.0f} (limit {INDEX_LIMIT:.0f})"
        if strong
        else f"VIF {vif:,.0f} (limit {VIF_LIMIT:.0f})"
    )
    names = tuple(case.names[g.columns[i]] for i in group.places)
    return Confirmed(
        RULE.finding(
            _severity(case, g, group, strong, low),
            features_of(case, [*r.columns, *(g.columns[i] for i in group.places)]),
            f"{gauge}: {text}",
            evidence=_evidence(case, g, group, r, observed),
            prediction=prediction,
        ),
        _proposals(case, g, group, names, r),
    )  # fmt: skip


def _evidence(
    case: Case, g: _Geometry, group: _Group, r: Relation, observed: float | None
) -> tuple[Evidence, ...]:
    worst = group.places[0]
    name, vif = case.names[int(g.columns[worst])], float(g.vif[worst])
    low, high = (float(v[worst]) for v in g.inflation.interval(case.spec.confidence))
    index, share = _belsley(g, group)
    # few rows per column flatter R²: the interval is that of the population and may lie below
    where = "" if low <= vif <= high else " in these rows [in the population]"
    return (
        Evidence(
            f"VIF of {name}{where}", vif, limit=VIF_LIMIT, low=low, high=high,
            formula=rf"\frac{{1}}{{1-R^2}} = \frac{{1}}{{1-{1 - 1 / vif:.6g}}} = {vif:.4g}",
        ),
        Evidence(
            "condition index", index, limit=INDEX_LIMIT,
            formula=rf"\sqrt{{\mu_{{\max}}/\mu_k}} = {index:.4g}",
        ),
        Evidence("coefficients owing over half of their variance to it", share, limit=2),
        Evidence(
            f"widening of se({name})",
            np.sqrt(vif) if observed is None else observed,
            predicted=float(np.sqrt(vif)), low=float(np.sqrt(low)), high=float(np.sqrt(high)),
            formula=rf"\sqrt{{\mathrm{{VIF}}}} = \sqrt{{{vif:.4g}}} = {np.sqrt(vif):.3g}", unit="×",
        ),
        Evidence(f"share of {case.names[r.column]} the relation leaves open", r.unexplained),
    )  # fmt: skip


def _relation(case: Case, g: _Geometry, group: _Group) -> Relation:
    """The most readable form: one that holds row by row, with few terms to take away, solved for a high VIF."""
    numeric = [int(j) for j in g.columns[list(group.places)] if case.design.kinds[j] == "numeric"]
    if (parts := whole(case.sample.X, numeric)) is not None:
        return parts
    best, key = None, None
    for place in group.places[:MOST_MEMBERS]:
        if g.vif[place] < VIF_LIMIT:
            continue
        members = [i for i in group.places if i != place]
        few, unexplained = participants(g.C, place, members)
        if unexplained > 1 / VIF_LIMIT:  # the group alone does not carry it
            few, unexplained = participants(
                g.C, place, [i for i in range(len(g.columns)) if i != place]
            )
        r = relation(case.sample.X, int(g.columns[place]), [int(g.columns[i]) for i in few])
        length = len(r.text(case.names)) - sum(len(case.names[j]) for j in r.columns)
        order = (
            not r.mostly,
            *((sum(c < 0 for c in r.coefficients), length) if r.mostly else (0, 0)),
            -g.vif[place],
        )
        if key is None or order < key:
            best, key = r, order
    assert best is not None
    return best


def _belsley(g: _Geometry, group: _Group) -> tuple[float, int]:
    """The condition index behind the group, and how many of its coefficients owe it over half their variance.

    Directions with indices of the same size mix, so proportions are summed over all from INDEX_LIMIT on
    (Belsley 1991, §5.3: competing dependencies).
    """
    c = g.inflation.conditioning
    places = list(group.places)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = c.directions[places] ** 2 / c.eigenvalues
    k = int(np.argmax(parts[0]))
    index = float(c.indices[k])
    if (
        c.eigenvalues[k] <= len(g.C) * EPS * c.eigenvalues.max()
    ):  # rounding: 1/μ_k ≥ VIF is known better
        index = float(np.sqrt(c.eigenvalues.max() * g.vif[places[0]]))
    strong = c.indices >= min(INDEX_LIMIT, index)
    return index, int((c.proportions[places][:, strong].sum(axis=1) > PROPORTION).sum())


def _severity(case: Case, g: _Geometry, group: _Group, strong: bool, low: float) -> Severity:
    kinds = kinds_of(case, g.columns[list(group.places)])
    if "term" in kinds:
        return "note"  # powers and products the user asked for; see "What to do"
    return "error" if strong or low >= VIF_ERROR else "warning"


def _observed(case: Case, g: _Geometry, group: _Group) -> float | None:
    """Bootstrap spread of the worst coefficient over that of an uncorrelated column with the same residuals.

    Columns outside the group are swept out of the group and of y once (Frisch-Waugh), not per replicate.
    """
    X, y = case.sample.X, case.sample.y
    some = list(group.places[:MOST_MEMBERS])
    if len(y) <= 3 * len(some) + 3 or len(y) <= len(g.columns) + 2:
        return None
    rest = [i for i in range(len(g.columns)) if i not in set(some)]
    total = case.moments.total
    scale = np.sqrt(np.diag(total.scatter))
    Z = X[:, g.columns] - total.mean[g.columns]
    Z /= scale[g.columns]
    v = (y - total.mean[-1]) / (scale[-1] or 1.0)
    inside = Z[:, some]
    if rest:
        c = case.linear.correlation[g.columns, -1]
        B = solve_gram(g.C[np.ix_(rest, rest)], np.column_stack([g.C[np.ix_(rest, some)], c[rest]]))
        swept = Z[:, rest] @ B
        inside, v = inside - swept[:, :-1], v - swept[:, -1]
    W = pairs_bootstrap(inside, v, REPLICATES, case.rng(RULE.code))
    spread = _robust_sd(W[:, 1])
    e = v - W.mean(axis=0)[0] - inside @ np.median(W[:, 1:], axis=0)
    x = Z[:, some[0]]
    alone = np.sqrt(float(((e * x) ** 2).sum())) / float((x * x).sum())
    return spread / alone if alone > 0 and np.isfinite(spread) else None


def _robust_sd(w: Float[np.ndarray, " b"]) -> float:
    """Standard deviation from the middle two thirds: a replicate that lost a rare row must not decide."""
    low, high = np.quantile(w, [special.ndtr(-1), special.ndtr(1)])
    return float(high - low) / 2


def _proposals(
    case: Case, g: _Geometry, group: _Group, names: tuple[str, ...], r: Relation
) -> tuple[Proposal, ...]:
    measure, guard = widest_std_error(names), skill_of(case)
    penalty = ridge_by_evidence(case.moments.total)
    if case.task != "regression":
        # The evidence is that of least squares on the class; in the logit a coefficient is 1/(π(1−π)) as large
        # and the noise variance is π(1−π), so the same prior has the precision π(1−π)λ.
        share = float(np.mean(case.sample.y == case.sample.y.max()))
        penalty *= max(share * (1 - share), 1e-3)
    out = []
    if penalty > 1.5 * case.spec.ridge and _narrowing(case, g, group, penalty) <= WORTHWHILE:
        out.append(
            Proposal(f"ridge, λ = {penalty:.3g} by evidence", {"ridge": penalty}, measure, guard)
        )
    if r.exact:  # all that is lost is the rounding of the last digit: nothing to guard
        computed = feature_of(case, r.column)
        out.insert(0, Proposal(f"drop {computed}", {"drop": [computed]}, measure))
    elif r.unexplained <= NEARLY_EXACT:
        feature = feature_of(case, r.column) if r.mostly else _cheapest(case, g, r)
        out.append(Proposal(f"drop {feature}", {"drop": [feature]}, measure, guard))
    return tuple(out)


def _narrowing(case: Case, g: _Geometry, group: _Group, penalty: float) -> float:
    """Widest standard error of the group under the penalty, relative to the one in force."""
    places = list(group.places)
    treated = np.linalg.inv(g.C + penalty / case.n * np.eye(len(g.C)))
    return float(np.sqrt(np.diag(treated)[places].max() / g.vif[places].max()))


def _times(x: float) -> str:
    return f"{x:.1f}" if x < 100 else f"{x:,.0f}"


def _cheapest(case: Case, g: _Geometry, r: Relation) -> str:
    """The feature of the relation whose coefficient is nearest to zero in standard errors."""
    z = g.inflation.inverse @ case.linear.correlation[g.columns, -1]
    t = np.abs(z) / np.sqrt(g.vif)
    cost: dict[str, float] = {}
    for j in r.columns:
        feature = feature_of(case, j)
        cost[feature] = max(cost.get(feature, 0.0), float(t[np.flatnonzero(g.columns == j)[0]]))
    return min(cost, key=lambda f: cost[f])


RULE = Rule(
    "LA107",
    "ill-conditioned",
    "linear algebra",
    "error",
    check,
    __doc__ or "",
    reference="Belsley, Kuh & Welsch (1980), Regression Diagnostics, ch. 3.",
)
