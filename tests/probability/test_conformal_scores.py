"""Conformal scores that are kept: order statistics, intervals, sets, the spread, and their coverage by simulation.

Measured coverage of nominal 95 % (new rows, averaged over tables) is at least the nominal one within its Monte-Carlo
error for normal, skewed and heavy-tailed errors and errors whose spread depends on x: leaving one out at n = 30, 150,
from held-out scores at n = 800.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from simulated import case_of
from whyfit.diagnosis.held_out_intervals import conformal_of
from whyfit.errors import SpecError
from whyfit.probability.conformal import JackknifePlus, class_sets
from whyfit.probability.conformal_scores import (
    BEYOND,
    MOST,
    OUTER,
    ClassScores,
    HeldOutScores,
    LeaveOneOut,
    OrderStatistics,
    from_scale,
    ranks_of,
    rows_needed,
    to_scale,
    too_few,
)
from whyfit.probability.linear import fit_arrays
from whyfit.probability.spread_model import LogSpread


@given(st.integers(1, 3 * MOST), st.integers(1, 3 * MOST))
def test_order_statistics_that_were_kept_are_exact_and_others_lie_outwards(n, rank):
    v = np.random.default_rng(n).normal(size=n)
    kept, sorted_ = OrderStatistics.of(v), np.sort(v)
    rank = min(rank, n)
    assert kept.at_most(rank) <= sorted_[rank - 1] <= kept.at_least(rank)
    if rank <= OUTER or rank > n - OUTER or n <= MOST:
        assert kept.at_most(rank) == sorted_[rank - 1] == kept.at_least(rank)
    gap = np.searchsorted(sorted_, [kept.at_most(rank), kept.at_least(rank)])
    assert gap[1] - gap[0] <= 2 * n / MOST + 2
    assert len(kept.values) == min(n, MOST)


def test_beyond_the_ends_is_infinite():
    kept = OrderStatistics.of(np.arange(5.0))
    assert kept.at_most(0) == -np.inf
    assert kept.at_least(6) == np.inf
    assert OrderStatistics.of(np.zeros(0)).ends(0.9) == (-np.inf, np.inf)


@pytest.mark.parametrize("n", [18, 19, 118, 119, 1000, 50_000])
def test_ends_are_those_of_the_paper(n):
    v = np.random.default_rng(n).exponential(size=n) - 1
    low, high = OrderStatistics.of(v).ends(0.95)
    k = int(np.floor(0.025 * (n + 1)))
    if n < rows_needed(0.95):
        assert (low, high) == (-np.inf, np.inf)
    elif k < BEYOND:
        q = np.sort(np.abs(v))[int(np.ceil(0.95 * (n + 1))) - 1]
        assert (low, high) == (-q, q)
    else:
        exact = np.sort(v)[[k - 1, n - k]]
        assert low <= exact[0]
        assert high >= exact[1]
        assert (low, high) == pytest.approx(exact, abs=0.03 if n > MOST else 0)


def test_rows_needed_are_the_fewest_with_a_finite_interval():
    for level, n in ((0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999)):
        assert rows_needed(level) == n
        assert ranks_of(n, level)[1] <= n < ranks_of(n - 1, level)[1] + 1
    said = str(too_few(0.95, 12))
    assert "need 19 held-out rows and there are 12" in said
    assert "0.92" in said


@pytest.mark.parametrize("scale", ["identity", "log", "root", "counts"])
def test_scales_go_there_and_back(scale):
    y = np.array([1.0, 2.0, 7.0, 4000.0])
    assert from_scale(to_scale(y, scale), scale) == pytest.approx(y)
    assert (np.diff(to_scale(y, scale)) > 0).all()


def test_counts_have_whole_ends_that_hold_the_same_counts():
    scores = OrderStatistics.of(np.random.default_rng(0).normal(size=500))
    mu = np.array([0.2, 3.0, 11.3, 200.0])
    X = np.zeros((4, 1))
    whole = HeldOutScores("counts", scores).interval(X, mu, 0.9)
    real = HeldOutScores("root", scores).interval(X, mu, 0.9)
    for end in whole[1:]:
        assert (end[1:] == np.round(end[1:]) + 0.0).all()
        assert not np.signbit(end).any()
    assert (np.floor(real.high) <= whole.high).all()
    assert (np.ceil(real.low) >= whole.low).all()
    assert whole.low[2:] == pytest.approx(np.ceil(real.low[2:]))


def twin(X, y, new, level):
    """Jackknife+ with an end of its own on either side, by refits."""
    n = len(y)
    A, N = np.column_stack([np.ones(n), X]), np.column_stack([np.ones(len(new)), new])
    v = np.empty((len(new), n))
    for i in range(n):
        keep = np.arange(n) != i
        b = np.linalg.lstsq(A[keep], y[keep], rcond=None)[0]
        v[:, i] = N @ b + (y[i] - A[i] @ b)
    k = int(np.floor((1 - level) / 2 * (n + 1) + 1e-9))
    v.sort(axis=1)
    return v[:, k - 1], v[:, n - k]


def test_leaving_one_out_equals_refits():
    rng = np.random.default_rng(3)
    X, new = rng.normal(size=(60, 3)), rng.normal(size=(5, 3))
    y = X @ [1, 2, 3] + rng.exponential(size=60)
    fit = fit_arrays(X, y).fit
    made = LeaveOneOut.of(JackknifePlus.of(fit, X, y), "identity")
    low, high = twin(X, y, new, 0.8)
    got = made.interval(new, fit.predict(new), 0.8)
    assert got.low == pytest.approx(low)
    assert got.high == pytest.approx(high)
    few = made.interval(new, fit.predict(new), 0.95)  # symmetric, as 60 rows are few for 2.5 %
    plain = JackknifePlus.of(fit, X, y).interval(new, 0.95)
    assert few.low == pytest.approx(plain.low)
    assert few.high == pytest.approx(plain.high)


def test_a_row_that_fits_itself_makes_outer_order_statistics_infinite_only():
    rng = np.random.default_rng(4)
    X = np.column_stack([rng.normal(size=80), np.arange(80) == 0])
    y = X[:, 0] + rng.normal(size=80)
    fit = fit_arrays(X, y).fit
    made = LeaveOneOut.of(JackknifePlus.of(fit, X, y), "identity")
    assert np.isinf(made.signed).sum() == 1
    got = made.interval(X[1:4], fit.predict(X[1:4]), 0.8)
    assert np.isfinite(got.low).all()
    assert np.isfinite(got.high).all()


LAWS = {
    "normal": lambda rng, X: rng.normal(size=len(X)),
    "skewed": lambda rng, X: rng.exponential(size=len(X)),
    "t3": lambda rng, X: rng.standard_t(3, size=len(X)),
    "spread": lambda rng, X: np.exp(0.8 * X[:, 0]) * rng.normal(size=len(X)),
}


def share_covered(made, fit, new, later):
    got = made.interval(new, fit.predict(new), 0.95)
    return np.mean((got.low <= later) & (later <= got.high))


@pytest.mark.parametrize(("n", "most"), [(30, 0.98), (150, 0.97)])
@pytest.mark.parametrize("law", LAWS)
def test_coverage_leaving_one_out(law, n, most):
    """New rows lie within the interval as often as promised, and little more often: of 200 tables."""
    rng = np.random.default_rng([n, len(law)])
    shares = []
    for _ in range(200):
        X, new = rng.normal(size=(n, 2)), rng.normal(size=(40, 2))
        y, later = (Z @ [1.0, 2.0] + LAWS[law](rng, Z) for Z in (X, new))
        fit = fit_arrays(X, y).fit
        made = LeaveOneOut.of(JackknifePlus.of(fit, X, y), "identity")
        shares.append(share_covered(made, fit, new, later))
    mean, error = np.mean(shares), np.std(shares, ddof=1) / np.sqrt(200)
    assert mean + 2.6 * error > 0.95
    assert mean - 2.6 * error < most


@pytest.mark.parametrize("law", LAWS)
def test_coverage_of_held_out_scores(law):
    rng = np.random.default_rng(len(law))
    shares = []
    for _ in range(10):
        X, new = rng.normal(size=(800, 2)), rng.normal(size=(500, 2))
        y, later = (Z @ [1.0, 2.0] + LAWS[law](rng, Z) for Z in (X, new))
        case = case_of(X, y)
        shares.append(share_covered(conformal_of(case), case.fit, new, later))
    mean, error = np.mean(shares), np.std(shares, ddof=1) / np.sqrt(10)
    assert abs(mean - 0.95) < 3.2 * error + 0.002


def test_skewed_errors_get_an_end_of_their_own_on_either_side():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(3000, 1))
    y = X[:, 0] + rng.exponential(size=3000)
    case = case_of(X, y)
    low, high = conformal_of(case).scores.ends(0.95)
    # of e − 1, e exponential: its quantiles at 2.5 and 97.5 %
    assert (low, high) == pytest.approx((-np.log(0.975) * 1 - 1, -np.log(0.025) - 1), abs=0.25)


def test_intervals_follow_a_spread_that_depends_on_a_column():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(4000, 2))
    y = X @ [1, 2] + np.exp(0.7 * X[:, 0]) * rng.normal(size=4000)
    made = conformal_of(case_of(X, y))
    assert isinstance(made, HeldOutScores)
    assert made.spread is not None
    s = made.spread.at(np.array([[-1.0, 0.0], [1.0, 0.0], [100.0, 0.0], [np.nan, 0.0]]))
    assert s[1] / s[0] == pytest.approx(np.exp(1.4), rel=0.1)
    assert s[2] <= np.exp(made.spread.high) * (1 + 1e-12)
    assert np.isnan(s[3])


def test_even_errors_have_no_spread_model():
    rng = np.random.default_rng(8)
    with_model = 0
    for _ in range(20):
        X = rng.normal(size=(600, 3))
        made = conformal_of(case_of(X, X.sum(axis=1) + rng.standard_t(5, size=600)))
        with_model += isinstance(made, HeldOutScores) and made.spread is not None
    assert with_model <= 1


def test_spread_model_needs_errors():
    X = np.random.default_rng(9).normal(size=(50, 2))
    assert LogSpread.of(X, np.zeros(50)) is None
    assert LogSpread.of(np.zeros((0, 2)), np.zeros(0)) is None


def probabilities(rng, n):
    eta = rng.normal(size=(n, 3)) * 1.5
    eta[:, 2] -= 2  # a rare class
    P = special.softmax(eta, axis=1)
    return (P.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), P


def test_class_sets_equal_those_from_all_rows_and_cover_every_class():
    rng = np.random.default_rng(10)
    hits = np.zeros((3, 2))
    for _ in range(60):
        code, P = probabilities(rng, 400)
        new, Q = probabilities(rng, 200)
        got = ClassScores.of(code, P).sets(Q, 0.9)
        assert (got == class_sets(code, P, Q, 0.9)).all()
        for c in range(3):
            hits[c] += [got[new == c, c].sum(), (new == c).sum()]
    share, error = hits[:, 0] / hits[:, 1], np.sqrt(0.09 / hits[:, 1])
    assert (share > 0.9 - 3.5 * error).all()
    assert (share < 0.94 + 3.5 * error).all()


def test_a_class_with_few_rows_is_in_every_set_and_without_any_that_has_enough_there_are_none():
    rng = np.random.default_rng(11)
    P = special.softmax(rng.normal(size=(120, 3)), axis=1)
    code = np.repeat([0, 1, 2], [60, 55, 5])
    sets = ClassScores.of(code, P).sets(P, 0.95)
    assert sets[:, 2].all()
    assert not sets[:, :2].all()
    unknown = ClassScores.of(code, P).sets(np.full((1, 3), np.nan), 0.95)
    assert not unknown.any()
    with pytest.raises(SpecError, match="need 999 held-out rows of a class and there are 60"):
        ClassScores.of(code, P).sets(P, 0.999)
