import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from scipy import spatial, special, stats

from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.probability.divergences import (
    corrected_entropy,
    cross_entropy,
    entropy,
    information_of,
    jensen_shannon,
    kl,
    log_loss_parts,
    mutual_information,
)

shares = st.lists(st.floats(0.01, 1), min_size=4, max_size=4)


@given(shares, shares)
def test_laws(p, q):
    assert cross_entropy(p, q) == pytest.approx(entropy(p) + kl(p, q))
    assert kl(p, q) >= 0
    assert kl(p, p) == pytest.approx(0, abs=1e-12)
    js = jensen_shannon(p, q)
    assert js == pytest.approx(jensen_shannon(q, p))
    assert js <= np.log(2)
    assert np.sqrt(js) == pytest.approx(spatial.distance.jensenshannon(p, q), abs=1e-7)
    assert entropy(p) == pytest.approx(stats.entropy(p))


def test_zeros():
    assert entropy([1, 0]) == 0
    assert kl([1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))
    assert kl([0.5, 0.5], [1, 0]) == np.inf
    assert cross_entropy([0.5, 0.5], [1, 0]) == np.inf
    assert jensen_shannon([1, 0], [0, 1]) == pytest.approx(np.log(2))


def test_miller_and_madow_take_away_most_of_the_bias():
    rng = np.random.default_rng(0)
    p = np.array([0.4, 0.3, 0.2, 0.1])
    counts = rng.multinomial(40, p, size=4000)
    plain = np.mean([entropy(c) for c in counts]) - entropy(p)
    corrected = np.mean([corrected_entropy(c) for c in counts]) - entropy(p)
    assert plain == pytest.approx(-3 / 80, rel=0.15)
    assert abs(corrected) < 0.1 * abs(plain)


def test_information_equals_scikit_learn_and_the_g_test():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 3, 90)
    y = np.where(rng.random(90) < 0.3, x, rng.integers(0, 4, 90))
    got = mutual_information(x, y)
    assert got.plug_in == pytest.approx(sklearn.metrics.mutual_info_score(x, y))
    table = sklearn.metrics.cluster.contingency_matrix(x, y)
    g = stats.chi2_contingency(table, lambda_="log-likelihood", correction=False)
    assert got.p_value == pytest.approx(g.pvalue)
    assert got == mutual_information(x.astype(str), y.astype(str))


@pytest.mark.parametrize("mix", [0.0, 0.15, 0.8])
def test_coverage_of_information(mix):
    rng, runs = np.random.default_rng(2), 500
    free = np.outer([0.5, 0.3, 0.2], [0.4, 0.3, 0.2, 0.1])
    tied = np.array([[0.45, 0, 0, 0], [0, 0.3, 0, 0], [0, 0, 0.15, 0.1]])
    P = (1 - mix) * free + mix * tied
    truth = special.rel_entr(P, P.sum(1)[:, None] * P.sum(0)).sum()
    tables = rng.multinomial(200, P.ravel(), size=runs).reshape(runs, 3, 4)
    got = [information_of(t) for t in tables]
    assert sum(i.low <= truth + 1e-12 and truth <= i.high for i in got) >= stats.binom.ppf(
        1e-3, runs, 0.95
    )
    if mix == 0:
        assert abs(np.mean([i.plug_in for i in got]) - 6 / 400) < 2e-3
        rejected = sum(i.p_value < 0.05 for i in got)
        assert rejected <= stats.binom.ppf(0.999, runs, 0.055)


def test_constant_columns_tell_nothing():
    got = mutual_information(["a"] * 5, [1, 2, 3, 1, 2])
    assert (got.corrected, got.low, got.high, got.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize("digits", [1, 15])
def test_log_loss_is_entropy_plus_divergence(digits):
    rng = np.random.default_rng(3)
    z = rng.normal(size=500)
    y, p = rng.random(500) < special.expit(z), np.round(special.expit(2 * z), digits)
    p = np.clip(p, 0.05, 0.95)
    parts = log_loss_parts(y, p)
    assert parts.exact == (digits == 1)
    assert parts.cross_entropy == pytest.approx(sklearn.metrics.log_loss(y, p))
    assert parts.cross_entropy == pytest.approx(parts.entropy + parts.divergence)
    assert parts.entropy == pytest.approx(parts.base - parts.information)
    assert min(parts.divergence, parts.information) > 0.02
    if parts.exact:  # the four numbers from their own definitions
        direct = sum(
            (p == v).mean() * kl([1 - y[p == v].mean(), y[p == v].mean()], [1 - v, v])
            for v in np.unique(p)
        )
        assert parts.divergence == pytest.approx(direct)
        assert parts.information == pytest.approx(mutual_information(p, y).plug_in)


def test_log_loss_parts_of_three_classes_and_of_one():
    rng = np.random.default_rng(4)
    P = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])[rng.integers(0, 2, 300)]
    y = np.array([rng.choice(3, p=row) for row in P])
    parts = log_loss_parts(y, P)
    assert parts.exact
    assert parts.groups == 2
    assert parts.divergence < 10 / 600  # calibrated: about (C − 1) groups/2n
    one = log_loss_parts(np.ones(20), np.full(20, 0.5))
    assert (one.base, one.information) == (0, 0)
    assert one.divergence == pytest.approx(np.log(2))


def test_refusals():
    with pytest.raises(ShapeError, match="the same ones"):
        kl([1, 2], [1, 2, 3])
    with pytest.raises(SpecError, match="not only zeros"):
        entropy([0, 0])
    with pytest.raises(NotFiniteError):
        entropy([np.nan, 1])
    with pytest.raises(ShapeError, match="one per row"):
        mutual_information([1], [1, 2])
    with pytest.raises(SpecError, match="negative"):
        information_of([[-1, 2], [3, 4]])


def test_information_of_a_key_is_not_more_than_there_is():
    got = mutual_information(np.arange(300), np.arange(300))
    assert got.corrected <= np.log(300)
    assert got.corrected <= got.high + 1e-12
