"""Softmax regression: H and its products, the penalty that knows no first class, and steps by conjugate gradients."""

import numpy as np
import pytest
import sklearn.linear_model
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

from whyfit.calculus import multinomial
from whyfit.data.arrays import ArrayRows
from whyfit.engines.local import LocalEngine
from whyfit.fold import Rows


def made(seed, n=300, p=3, classes=4, size=0.7):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    eta = np.column_stack([np.zeros(n), X @ (size * rng.standard_normal((p, classes - 1)))])
    y = (eta + rng.gumbel(size=eta.shape)).argmax(axis=1)
    y[:classes] = np.arange(classes)
    return X, y.astype(float)


def minimise(X, y, ridge, classes=4, **rest):
    p = X.shape[1]
    rows = ArrayRows(X, y, 2)
    return multinomial.newton(rows, classes, np.zeros(p), np.ones(p), LocalEngine(), ridge, **rest)


def block(X, y):
    return Rows(X, y, np.arange(len(y)), np.arange(len(y)) % 3)


def naive_hessian(B, X, y, weight):
    Z = np.column_stack([np.ones(len(y)), X])
    eta = np.column_stack([np.zeros(len(y)), Z @ B.T])
    P = np.exp(eta - eta.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    H = np.zeros((B.size, B.size))
    for z, pi, w in zip(Z, P[:, 1:], weight, strict=True):
        H += w * np.kron(np.diag(pi) - np.outer(pi, pi), np.outer(z, z))
    return H


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), without=st.sampled_from([-1, 1]), flat=st.booleans())
def test_the_hessian_is_the_sum_over_rows_and_products_are_its_products(seed, without, flat):
    X, y = made(seed, n=40)
    rng = np.random.default_rng(seed + 1)
    B = np.zeros((3, 4)) if flat else rng.standard_normal((3, 4))
    rows = block(X, y)
    weight = (rows.fold != without).astype(float)
    H = multinomial.sums_at(B, np.zeros(3), without)(rows).hessian
    assert_allclose(H, naive_hessian(B, X, y, weight), atol=1e-11 * np.abs(H).max())
    V = rng.standard_normal(B.shape)
    HV = multinomial.products_at(B, V, np.zeros(3), without)(rows)
    assert_allclose(HV.ravel(), H @ V.ravel(), atol=1e-10 * np.abs(H).max())


def test_long_products_are_cut_into_pieces(monkeypatch):
    X, y = made(3, n=500)
    B = np.random.default_rng(0).standard_normal((3, 4))
    whole = multinomial.sums_at(B, np.zeros(3))(block(X, y)).hessian
    monkeypatch.setattr(multinomial, "KRONECKER_BYTES", 1)
    pieces = multinomial.sums_at(B, np.zeros(3))(block(X, y)).hessian
    assert_allclose(pieces, whole, rtol=1e-10, atol=1e-10)


def test_sparse_columns_have_the_same_hessian():
    X, y = made(4, n=60)
    X[np.abs(X) < 0.8] = 0
    rows = block(X, y)
    sparse = Rows(X[:, :1], y, rows.index, rows.fold, csr_array(X[:, 1:]))
    B = np.random.default_rng(0).standard_normal((3, 4))
    here, there = (multinomial.sums_at(B, np.full(3, 0.1))(r).hessian for r in (rows, sparse))
    assert_allclose(there, here, atol=1e-10)


@pytest.mark.parametrize("ridge", [0.3, 5.0])
def test_the_penalty_is_scikit_learns(ridge):
    X, y = made(5)
    theirs = sklearn.linear_model.LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=10_000)
    theirs.fit(X, y)
    o = minimise(X, y, ridge)
    assert_allclose(o.B[:, 1:], theirs.coef_[1:] - theirs.coef_[0], atol=1e-5)
    w, b = theirs.coef_, theirs.intercept_
    eta = X @ w.T + b
    loss = -(eta[np.arange(len(y)), y.astype(int)] - np.logaddexp.reduce(eta, axis=1)).sum()
    assert o.loss == pytest.approx(loss + ridge / 2 * (w**2).sum(), rel=1e-9)


def test_it_does_not_matter_which_class_comes_first():
    X, y = made(6)
    here, there = minimise(X, y, 2.0), minimise(X, 3 - y, 2.0)
    full = np.vstack([np.zeros(4), there.B])[::-1]
    assert_allclose(full[1:] - full[0], here.B, atol=1e-9)


@pytest.mark.parametrize(("ridge", "size"), [(0.0, 0.7), (1.0, 0.7), (1.0, 4.0), (1e-3, 4.0)])
@pytest.mark.parametrize("seed", range(3))
def test_conjugate_gradients_lead_where_exact_hessians_lead(monkeypatch, seed, ridge, size):
    X, y = made(seed, size=size)
    direct = minimise(X, y, ridge)
    monkeypatch.setattr(multinomial, "DEAR", 0.0)
    by_products = minimise(X, y, ridge)
    assert direct.converged
    assert by_products.converged
    assert_allclose(by_products.B, direct.B, rtol=1e-8, atol=1e-9)
    assert_allclose(by_products.hessian, direct.hessian, rtol=1e-6, atol=1e-6)


def test_they_too_notice_that_there_is_no_maximum(monkeypatch):
    X, _ = made(7)
    y = np.digitize(X[:, 0], [-0.5, 0.5, 1.0]).astype(float)
    monkeypatch.setattr(multinomial, "DEAR", 0.0)
    o = minimise(X, y, 0.0)
    assert o.runaway
    assert not o.converged


def test_few_products_make_it_take_a_hessian(monkeypatch):
    X, y = made(8, size=2.0)
    direct = minimise(X, y, 0.1)
    monkeypatch.setattr(multinomial, "DEAR", 0.0)
    monkeypatch.setattr(multinomial, "MOST_PRODUCTS", 1)
    o = minimise(X, y, 0.1)
    assert o.converged
    assert_allclose(o.B, direct.B, rtol=1e-8, atol=1e-9)
