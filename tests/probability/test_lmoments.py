"""L-moments: definition, theory of known laws, invariance, standard errors, and the laws that have them."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from whyfit.probability.lmoments import gamma_of, lmoments, of_quantiles, student_of


def by_definition(x):
    """λ_r = (1/r) Σ_k (−1)^k C(r−1, k) E X_{r−k:r}, over all subsets of r values (Hosking 1990, eq. 2.1)."""
    out = []
    for r in (1, 2, 3, 4):
        total, m = 0.0, 0
        for subset in combinations(np.sort(x), r):
            total += sum((-1) ** k * special.comb(r - 1, k) * subset[r - 1 - k] for k in range(r))
            m += 1
        out.append(total / r / m)
    return out


def test_equals_the_definition_over_all_subsets():
    x = np.random.default_rng(0).gamma(2.0, size=11)
    l1, l2, l3, l4 = by_definition(x)
    got = lmoments(x)
    assert (got.mean, got.scale) == pytest.approx((l1, l2))
    assert (got.skew, got.tails) == pytest.approx((l3 / l2, l4 / l2))


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [  # Hosking (1990), table 1
        (special.ndtri, (0, 1 / np.sqrt(np.pi), 0, 0.1226017)),
        (lambda u: u, (1 / 2, 1 / 6, 0, 0)),
        (lambda u: -np.log1p(-u), (1, 1 / 2, 1 / 3, 1 / 6)),
        (special.logit, (0, 1, 0, 1 / 6)),
        (lambda u: -np.log(-np.log(u)), (np.euler_gamma, np.log(2), 0.1699250, 0.1503750)),
    ],
)
def test_laws_have_the_published_values(quantile, expected):
    assert of_quantiles(quantile) == pytest.approx(expected, abs=2e-5)


@given(st.floats(0.01, 100), st.floats(-1e3, 1e3), st.booleans())
def test_ratios_ignore_scale_and_origin(scale, origin, turned):
    x = np.random.default_rng(1).gamma(1.0, size=40)
    sign = -1 if turned else 1
    a, b = lmoments(x), lmoments(origin + sign * scale * x)
    assert b.skew == pytest.approx(sign * a.skew, abs=1e-6)
    assert b.tails == pytest.approx(a.tails, abs=1e-6)
    assert b.scale == pytest.approx(scale * a.scale, rel=1e-6)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0, 4.0], np.ones(50)])
def test_too_little_to_tell_is_nan(values):
    made = lmoments(np.array(values))
    assert np.isnan([made.skew, made.tails, made.skew_error, made.tails_error]).all()


@pytest.mark.parametrize(
    ("law", "skew", "tails"),
    [(stats.norm, 0.0, 0.1226), (stats.expon, 1 / 3, 1 / 6), (stats.t(5), 0.0, 0.1936)],
)
def test_standard_errors_are_the_spread_over_samples(law, skew, tails):
    rng = np.random.default_rng(2)
    made = [lmoments(law.rvs(size=400, random_state=rng)) for _ in range(400)]
    for name, true in (("skew", skew), ("tails", tails)):
        values = np.array([getattr(m, name) for m in made])
        errors = np.array([getattr(m, f"{name}_error") for m in made])
        assert abs(values.mean() - true) < 4 * values.std() / 20 + 0.003
        assert errors.mean() == pytest.approx(values.std(), rel=0.15)


@pytest.mark.parametrize("df", [2.5, 4.0, 10.0])
def test_the_t_law_is_found_again(df):
    x = 3 + 2 * stats.t(df).ppf((np.arange(20_000) + 0.5) / 20_000)
    law = student_of(lmoments(x))
    assert (law.df, law.centre, law.scale) == pytest.approx((df, 3, 2), rel=0.03)
    low, high = law.beyond(-4, 9)
    assert low == pytest.approx(stats.t(df).cdf(-3.5), rel=0.1)
    assert high == pytest.approx(stats.t(df).sf(3.0), rel=0.1)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("shape", [0.7, 3.0, 40.0])
def test_the_gamma_law_is_found_again(shape, sign):
    x = sign * stats.gamma(shape).ppf((np.arange(20_000) + 0.5) / 20_000)
    law = gamma_of(lmoments(x))
    assert (law.shape, law.scale) == pytest.approx((shape, sign), rel=0.05)
    below, above = law.beyond(*sorted((sign * shape / 2, sign * 2 * shape)))
    expected = (stats.gamma(shape).cdf(shape / 2), stats.gamma(shape).sf(2 * shape))
    assert (below, above) == pytest.approx(expected[::sign], rel=0.1, abs=1e-5)


def test_light_tails_end_at_the_normal_law():
    assert student_of(lmoments(np.linspace(0, 1, 1000))).df == 200.0
