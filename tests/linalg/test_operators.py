"""Operators against the matrices they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from whyfit.engines.local import LocalEngine
from whyfit.errors import ShapeError
from whyfit.fold import Rows
from whyfit.linalg.maps import adjoint_test
from whyfit.linalg.operators import (
    HasProducts,
    Operator,
    as_operator,
    centred,
    gram,
    gram_of_rows,
)

rng = np.random.default_rng(0)
A = rng.normal(size=(30, 7)) * (rng.random((30, 7)) < 0.5)


class OnlyVectors:
    """A stranger without block products."""

    shape = A.shape

    def matvec(self, x):
        return A @ x

    def rmatvec(self, x):
        return A.T @ x


@pytest.mark.parametrize(
    "stranger",
    [A, sparse.csr_array(A), sparse.csc_matrix(A), aslinearoperator(A), OnlyVectors()],
    ids=lambda s: type(s).__name__,
)
def test_every_kind_gives_the_products_of_its_matrix(stranger):
    op = as_operator(stranger)
    V, U = rng.normal(size=(7, 3)), rng.normal(size=(30, 2))
    np.testing.assert_allclose(op @ V, A @ V, atol=1e-12)
    np.testing.assert_allclose(op @ V[:, 0], A @ V[:, 0], atol=1e-12)
    np.testing.assert_allclose(op.T @ U, A.T @ U, atol=1e-12)
    np.testing.assert_allclose(op.dense(), A, atol=1e-12)
    np.testing.assert_allclose(gram(stranger).dense(), A.T @ A, atol=1e-12)
    mean = A.mean(axis=0)
    np.testing.assert_allclose(centred(stranger, mean).dense(), A - mean, atol=1e-12)
    np.testing.assert_allclose(centred(stranger, mean).T.dense(), (A - mean).T, atol=1e-12)
    assert adjoint_test(op).passed


def test_scipys_operator_is_one():
    assert isinstance(aslinearoperator(A), HasProducts)
    op = as_operator(A)
    assert as_operator(op) is op


def test_a_wrong_adjoint_shows():
    wrong = Operator(A.shape, lambda V: A @ V, lambda U: -(A.T @ U))
    assert not adjoint_test(wrong).passed


@pytest.mark.parametrize("part", [0, 3, 7])
def test_the_gram_of_rows_is_the_covariance_dense_or_sparse(part):
    y = np.zeros(30)
    fold = np.zeros(30, dtype=np.int64)

    class Source:
        names = tuple("abcdefg")

        def blocks(self):
            for start in (0, 11, 25):
                s = slice(start, {0: 11, 11: 25, 25: 30}[start])
                tail = sparse.csr_array(A[s, part:]) if part < 7 else None
                yield Rows(A[s, :part], y[s], np.arange(30)[s], fold[s], tail)

    mean, scale = A.mean(axis=0), A.std(axis=0)
    C = gram_of_rows(Source(), 30, mean, scale, LocalEngine(2)).dense()
    np.testing.assert_allclose(C, np.corrcoef(A.T), atol=1e-12)


def test_refusals_say_what_was_seen():
    with pytest.raises(ShapeError, match=r"shape \(30, 7\) was applied to \(6,\); expected \(7,\)"):
        as_operator(A) @ np.ones(6)
    with pytest.raises(ShapeError, match=r"an array of shape \(3,\) is no matrix"):
        as_operator(np.ones(3))
    with pytest.raises(ShapeError, match="a dict is no linear operator"):
        as_operator({})
    with pytest.raises(ShapeError, match="7 columns"):
        centred(A, np.zeros(6))
