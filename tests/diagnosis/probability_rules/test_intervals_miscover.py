"""PR312: the numbers it reports, the halves it takes them from, its words, its remedy, and who explains it."""

import numpy as np
import pytest
from scipy import stats

from simulated import case_of, findings, table_case
from whyfit.diagnosis.diagnose import standing
from whyfit.diagnosis.held_out_intervals import intervals_of
from whyfit.diagnosis.probability_rules import intervals_miscover
from whyfit.diagnosis.probability_rules.intervals_miscover import RULE, where
from whyfit.probability.coverage import Slice


def uneven(seed=0, n=2000, middle=False):
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(n, 3))
    wide = np.abs(X[:, 1] - 0.5) < 0.1 if middle else X[:, 1] > 0.8
    return X, X.sum(axis=1) + np.where(wide, 4.0, 1.0) * rng.normal(size=n)


def test_the_slice_is_chosen_in_one_half_and_counted_in_the_other():
    case = case_of(*uneven())
    ((confirmed),) = standing(case, (RULE,))
    finding, made = confirmed.finding, intervals_of(case)
    assert finding.subject == ("x2", "y")
    seen = finding.evidence[0]
    x = case.sample.X[made.place, 1]
    low, high = x[made.fold % 2 == 0][x[made.fold % 2 == 0] >= 0.79].min(), x.max()
    mine = (made.fold % 2 == 1) & (x >= low) & (x <= high)
    assert seen.value == pytest.approx(made.covered[mine].mean(), abs=0.03)
    # spread 4 among 1: σ² = 0.8 + 0.2·16, and the slice keeps 2Φ(1.96 σ/4) − 1
    assert seen.low - 0.02 < 2 * stats.norm.cdf(1.96 * 2 / 4) - 1 < seen.high + 0.02
    assert seen.limit == pytest.approx(0.9)


def test_p_values_are_binomial():
    assert intervals_miscover._off(930, 930, 1000, 0.95) == 1.0
    short = stats.binom.cdf(900, 1000, 0.925)
    assert intervals_miscover._off(900, 900, 1000, 0.95) == pytest.approx(2 * short)
    over = stats.binom.sf(994, 1000, 0.975)
    assert intervals_miscover._off(999, 995, 1000, 0.95) == pytest.approx(2 * over)


def test_whole_ends_make_no_interval_of_counts_too_long():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(4000, 2))
    y = rng.poisson(np.exp(0.5 + 0.4 * X[:, 0])).astype(float)
    case = case_of(X, y, loss="poisson")
    made = intervals_of(case)
    assert made.covered.mean() > 0.98  # an atom of the law on either end
    assert not findings(case, "PR312")
    # counts that spread less than the law says, far from 0: shorter intervals would hold them too
    even = case_of(
        X, np.round(50 * np.exp(0.1 * X[:, 0])) + rng.integers(-3, 4, 4000), loss="poisson"
    )
    inside = (intervals_of(even).low < even.sample.y) & (even.sample.y < intervals_of(even).high)
    assert intervals_miscover._needless(even, intervals_of(even)) == inside.sum() > 0


def test_conformal_intervals_repair_a_spread_that_grows():
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(2500, 2))
    y = X.sum(axis=1) + np.exp(2.5 * X[:, 0]) * rng.normal(size=2500)
    (finding,) = findings(case_of(X, y), "PR312")
    assert finding.remedy.edit == {"intervals": "conformal"}
    assert finding.remedy.trial.helped
    assert finding.remedy.trial.after < 0.9 * finding.remedy.trial.before
    assert not findings(case_of(X, y, intervals="conformal"), "PR312")


def test_uneven_spread_speaks_instead_where_it_is_named():
    rng = np.random.default_rng(2)
    X = rng.uniform(size=(1500, 3))
    y = X.sum(axis=1) + np.exp(2 * X[:, 1]) * rng.normal(size=1500)
    assert [f.code for f in findings(case_of(X, y), "PR304", "PR312")] == ["PR304"]
    # in the middle of a column only this rule looks
    found = findings(case_of(*uneven(3, middle=True)), "PR304", "PR312")
    assert [(f.code, f.subject) for f in found] == [("PR312", ("x2", "y"))]


def test_places_in_words():
    def piece(name, low, high):
        return Slice(name, low, high, 50, 0.8, 0.7, 0.9, 0.01)

    assert where(piece("income", 2.5, 4.125), "y") == "income is 2.5 to 4.12"
    assert where(piece("kind=oak", 1, 1), "y") == "kind=oak"
    assert where(piece("kind=oak", 0, 0), "y") == "not kind=oak"
    assert where(piece("rooms", 3, 3), "y") == "rooms is 3"
    assert where(piece("prediction", 0, 1), "price") == "the predicted price is 0 to 1"


def test_a_category_is_named_by_its_source():
    rng = np.random.default_rng(4)
    kind = rng.choice(["oak", "fir", "elm"], 2400)
    x = rng.normal(size=2400)
    y = x + np.where(kind == "elm", 4.0, 0.7) * rng.normal(size=2400)
    (confirmed,) = standing(table_case({"kind": kind, "x": x, "y": y}, "y"), (RULE,))
    assert confirmed.finding.subject == ("kind", "y")
    assert confirmed.finding.message.split("where ")[1].startswith(("kind=elm", "not kind="))


@pytest.mark.parametrize("shape", [(60, 2), (40, 50), (3, 1)])
def test_few_rows_are_not_judged(shape):
    rng = np.random.default_rng(5)
    case = case_of(rng.normal(size=shape), rng.uniform(size=shape[0]))
    assert list(RULE.check(case)) == []


def test_constant_columns_and_ties_have_no_slices():
    rng = np.random.default_rng(6)
    X = np.column_stack([np.ones(400), rng.integers(0, 2, 400)])
    assert not list(standing(case_of(X, rng.normal(size=400)), (RULE,)))
