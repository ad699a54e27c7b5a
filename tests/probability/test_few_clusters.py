"""CR2 with Satterthwaite degrees of freedom: the n × n textbook form, Welch's test, HC2, and coverage."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.stats import ttest_1samp, ttest_ind

from sandwiches import ONE, Cut, coverage, fitted, of_clusters, slope_of, table, within
from whyfit.errors import ShapeError
from whyfit.probability import few_clusters
from whyfit.probability.few_clusters import cr2_meat, inverse_root
from whyfit.probability.linear import fit_moments, gather
from whyfit.probability.sandwich import cluster_meat


def textbook(D, y, g):
    """Covariance and degrees of freedom with every n × n matrix written out (Pustejovsky & Tipton 2018, §2-3)."""
    V, M, parts = of_clusters(D, y, g)
    dfs = []
    for j in range(len(V)):
        P = np.column_stack([part[:, j] for part in parts])
        dfs.append(np.trace(P.T @ P) ** 2 / ((P.T @ P) ** 2).sum())
    return V @ M @ V, np.array(dfs)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("sizes", [(300,), (7, 64)])
def test_textbook_form_is_met_without_its_matrices(intercept, sizes):
    X, y, g = table()
    fit, rows = fitted(X, y, intercept)
    C, dfs = textbook(np.column_stack([np.ones(300), X]) if intercept else X, y, g)
    shuffled = np.random.default_rng(0).permutation(41)[g]  # the names of clusters are no matter
    meat = cr2_meat(fit, Cut(rows, sizes), [f"cluster {v}" for v in shuffled])
    k = 0 if intercept else 1
    np.testing.assert_allclose(meat.covariance(fit)[k:, k:], C, rtol=1e-7)
    np.testing.assert_allclose(meat.dfs[k:], dfs, rtol=1e-9)
    found = meat.inference(fit)
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(C)), rtol=1e-8)
    assert (meat.clusters, meat.kind, meat.df) == (len(np.unique(g)), "CR2", meat.dfs[k:].min())
    assert (found.df, found.covariance) == (meat.df, "CR2")
    np.testing.assert_array_equal(found.dfs, meat.dfs[k:])


def test_passes_over_some_of_the_clusters_add_up(monkeypatch):
    X, y, g = table()
    fit, rows = fitted(X, y)
    whole = cr2_meat(fit, rows, g)
    monkeypatch.setattr(few_clusters, "_HELD", 20 * 16)  # twenty clusters a pass, four at a time
    parts = cr2_meat(fit, Cut(rows, (31,)), g)
    np.testing.assert_allclose(parts.matrix, whole.matrix, rtol=1e-10)
    np.testing.assert_allclose(parts.dfs, whole.dfs, rtol=1e-10)
    monkeypatch.setattr(few_clusters, "_HELD", 4 * 16)  # now they are too many
    other = cr2_meat(fit, rows, g)
    np.testing.assert_array_equal(other.matrix, cluster_meat(fit, rows, g).matrix)
    assert (other.kind, other.dfs) == ("CR1", None)


def test_two_groups_are_welch():
    """A dummy and one row a cluster: Welch's standard error, and degrees of freedom in closed form.

    (n₀ + n₁)²(n₀ − 1)(n₁ − 1) / (n₁²(n₁ − 1) + n₀²(n₀ − 1)); 2.5 for n₀ = 27, n₁ = 3 (Imbens & Kolesár 2016, Table 1).
    """
    rng = np.random.default_rng(4)
    for n0, n1, known in ((27, 3, 2.5), (12, 9, None)):
        x = np.repeat([0.0, 1.0], [n0, n1])
        y = rng.normal(size=n0 + n1) * (1 + x)
        fit, rows = fitted(x[:, None], y)
        meat = cr2_meat(fit, rows, np.arange(n0 + n1))
        formula = (n0 + n1) ** 2 * (n0 - 1) * (n1 - 1)
        formula /= n1**2 * (n1 - 1) + n0**2 * (n0 - 1)
        assert meat.dfs[1] == pytest.approx(formula, rel=1e-10)
        assert known is None or round(meat.dfs[1], 1) == known
        welch = ttest_ind(y[x == 1], y[x == 0], equal_var=False)
        assert meat.inference(fit).statistic[1] == pytest.approx(welch.statistic, rel=1e-9)


def test_one_row_a_cluster_is_hc2():
    X, y, _ = table(60)
    fit, rows = fitted(X, y)
    theirs = sm.OLS(y, sm.add_constant(X)).fit()
    ours = cr2_meat(fit, rows, np.arange(60)).inference(fit)
    np.testing.assert_allclose(ours.std_error, theirs.HC2_se, rtol=1e-9)


def test_balanced_clusters_with_means_only_are_the_t_test_of_means():
    """A column constant within clusters, equal sizes: exactly the two-sample test of cluster means, G₀ and G₁ apart."""
    rng = np.random.default_rng(5)
    g, treated = np.repeat(np.arange(9), 4), np.arange(9) < 4
    y = rng.normal(size=9)[g] + rng.normal(size=36)
    fit, rows = fitted(treated[g].astype(float)[:, None], y)
    means = y.reshape(9, 4).mean(axis=1)
    welch = ttest_ind(means[treated], means[~treated], equal_var=False)
    meat = cr2_meat(fit, rows, g)
    found = meat.inference(fit)
    assert found.statistic[1] == pytest.approx(welch.statistic, rel=1e-9)
    assert meat.dfs[1] == pytest.approx(81 * 4 * 3 / (16 * 3 + 25 * 4), rel=1e-9)


def test_subjects_on_the_same_days_are_one_slope_each(shared_data):
    """sleepstudy: 18 subjects on days 0 … 9. Equal clusters: the t test of the 18 slopes, G − 1 degrees of freedom."""
    path = shared_data / "sleepstudy"
    if not path.exists():
        pytest.skip(f"no sleepstudy at {path}")
    (file,) = path.glob("*.csv")
    with open(file, newline="") as stream:
        read = list(csv.DictReader(stream))
    y, day = (np.array([float(r[k]) for r in read]) for k in ("Reaction", "Days"))
    subject = np.array([r["Subject"] for r in read])
    slopes = [np.polyfit(day[subject == s], y[subject == s], 1)[0] for s in np.unique(subject)]
    fit, rows = fitted(day[:, None], y)
    found = cr2_meat(fit, rows, subject).inference(fit)
    one = ttest_1samp(slopes, 0.0)
    assert found.statistic[1] == pytest.approx(one.statistic, rel=1e-9)
    assert found.p_value[1] == pytest.approx(one.pvalue, rel=1e-6)
    np.testing.assert_allclose(found.dfs, 17.0, rtol=1e-9)


def test_a_cluster_with_a_dummy_of_its_own_leaves_the_others_their_numbers():
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(8), 5)
    x = rng.normal(size=40)
    y = x + rng.normal(size=8)[g] + rng.normal(size=40)
    fit, rows = fitted(np.column_stack([x, g == 0]).astype(float), y)
    found = cr2_meat(fit, rows, g).inference(fit)
    assert np.isnan(found.std_error[2])  # residuals of cluster 0 sum to 0 whatever its mean
    assert np.isnan(found.p_value[2])
    C, _ = textbook_pseudo(np.column_stack([np.ones(40), x, g == 0]), y, g)
    np.testing.assert_allclose(found.std_error[:2], np.sqrt(np.diag(C))[:2], rtol=1e-8)
    assert (found.dfs[:2] > 1).all()


def textbook_pseudo(D, y, g):
    V = np.linalg.inv(D.T @ D)
    H = D @ V @ D.T
    e, M = y - H @ y, np.zeros_like(V)
    for v in np.unique(g):
        i = g == v
        values, U = np.linalg.eigh(np.eye(i.sum()) - H[np.ix_(i, i)])
        A = (U * np.where(values > 1e-9, np.maximum(values, 1e-9) ** -0.5, 0)) @ U.T
        M += np.outer(D[i].T @ A @ e[i], D[i].T @ A @ e[i])
    return V @ M @ V, None


def test_inverse_roots_are_what_they_say():
    rng = np.random.default_rng(7)
    B = rng.normal(size=(6, 5, 4)) * np.array([1e-4, 1e-3, 0.03, 0.1, 0.2, 0.2])[:, None, None]
    K = B.transpose(0, 2, 1) @ B
    for k, F in zip(K, inverse_root(K), strict=True):
        np.testing.assert_allclose(F @ (np.eye(4) - k) @ F, np.eye(4), atol=1e-12)
    alone = inverse_root(np.diag([1.0, 0.5])[None])[0]
    np.testing.assert_allclose(alone, np.diag([0.0, np.sqrt(2)]))


def test_dropped_columns_are_nan_and_penalised_fits_get_cr1():
    X, y, g = table(60)
    X[:, 2] = 2 * X[:, 1]
    fit, rows = fitted(X, y)
    found = cr2_meat(fit, rows, g).inference(fit)
    assert np.array_equal(np.isnan(found.std_error), np.append(False, fit.dropped))
    assert np.array_equal(np.isnan(found.dfs), np.append(False, fit.dropped))
    X, y, g = table(60)
    rows = fitted(X, y)[1]
    ridge = fit_moments(gather(rows, 1).total, rows.names, 1.0, rows)
    assert cr2_meat(ridge, rows, g).kind == "CR1"


def test_unbiased_under_independent_errors_of_one_variance():
    """E[V M V] = σ²V, exactly: a variance is a quadratic form of y, whose mean is its sum over unit vectors."""
    rng = np.random.default_rng(8)
    g = np.repeat(np.arange(6), [2, 3, 4, 6, 8, 12])
    X = np.exp(rng.normal(size=(35, 2)))
    V = np.linalg.inv((D := np.column_stack([np.ones(35), X])).T @ D)
    ours, plain = np.zeros((3, 3)), np.zeros((3, 3))
    for unit in np.eye(35):
        fit, rows = fitted(X, unit)
        ours += cr2_meat(fit, rows, g, ONE).covariance(fit)
        plain += cluster_meat(fit, rows, g, engine=ONE).covariance(fit)
    np.testing.assert_allclose(ours, V, rtol=1e-7)
    assert (np.diag(plain)[1:] < 0.9 * np.diag(V)[1:]).all()  # CR1 is not


@pytest.mark.parametrize(("kind", "clusters"), [("normal", 10), ("long", 10), ("few", 20)])
def test_coverage_is_nominal_where_cr1_is_not(kind, clusters):
    def simulate(rng):
        g = np.repeat(np.arange(clusters), 5)
        x = rng.normal(size=clusters)[g] + rng.normal(size=5 * clusters)
        if kind == "long":
            x = np.exp(x / 2 + rng.normal(size=clusters)[g] / 2)
        if kind == "few":
            x = (g < clusters // 5).astype(float)
        return x[:, None], x + rng.normal(size=clusters)[g] + rng.normal(size=5 * clusters), g

    cr1 = slope_of(lambda f, r, g: cluster_meat(f, r, g, True, ONE))
    cr2 = slope_of(lambda f, r, g: cr2_meat(f, r, g, ONE))
    plain, better = coverage(simulate, 250, 9, cr1, cr2)
    assert within(plain, 250, 0.80, 0.935)
    assert within(better, 250, 0.945, 0.99)


def test_messages():
    X, y, g = table(50)
    fit, rows = fitted(X, y)
    with pytest.raises(ShapeError, match="row 49 has no cluster: there are 49 labels"):
        cr2_meat(fit, rows, g[:49])
    with pytest.raises(ShapeError, match="there are 1 clusters"):
        cr2_meat(fit, rows, np.zeros(50))
