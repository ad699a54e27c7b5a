"""Convolution against four nested loops and SciPy; its singular values against those of the matrix."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import correlate2d

from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.linalg.convolution import (
    Convolution,
    bounds_by_torus,
    singular_values,
    torus_singular_values,
)
from whyfit.linalg.lanczos import extreme_eigenvalues
from whyfit.linalg.maps import adjoint_test


def naive(conv: Convolution, x: np.ndarray) -> np.ndarray:
    o, c, kh, kw = conv.kernel.shape
    h, w = conv.size
    y = np.zeros((o, *conv.size_out))
    for out, i, j in itertools.product(*map(range, y.shape)):
        for channel, a, b in itertools.product(range(c), range(kh), range(kw)):
            row = conv.stride * i + a - (kh - 1) // 2
            column = conv.stride * j + b - (kw - 1) // 2
            if conv.padding == "circular":
                pixel = x[channel, row % h, column % w]
            else:
                pixel = x[channel, row, column] if 0 <= row < h and 0 <= column < w else 0.0
            y[out, i, j] += conv.kernel[out, channel, a, b] * pixel
    return y


@st.composite
def convolutions(draw):
    shape = [draw(st.integers(1, 3)), draw(st.integers(1, 3))]
    shape += [draw(st.integers(1, 4)), draw(st.integers(1, 4))]
    size = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    padding = draw(st.sampled_from(["zero", "circular"]))
    return Convolution(rng.normal(size=shape), size, padding, draw(st.integers(1, 3)))


@given(convolutions())
def test_loops_map_and_matrix_are_one(conv):
    x = np.random.default_rng(0).normal(size=(conv.kernel.shape[1], *conv.size))
    y = naive(conv, x)
    np.testing.assert_allclose(conv.apply(x), y, atol=1e-12)
    matrix = conv.matrix()
    assert matrix.shape == conv.shape
    np.testing.assert_allclose(matrix @ x.ravel(), y.ravel(), atol=1e-12)
    linear = conv.linear_map()
    np.testing.assert_allclose(linear.dense(), matrix.toarray(), atol=1e-13)
    np.testing.assert_allclose(linear.T.dense(), matrix.toarray().T, atol=1e-13)
    assert adjoint_test(linear).passed


@pytest.mark.parametrize(("padding", "boundary"), [("zero", "fill"), ("circular", "wrap")])
@pytest.mark.parametrize("kernel", [(3, 3), (5, 1), (1, 3)])
def test_agrees_with_scipy(padding, boundary, kernel):
    rng = np.random.default_rng(1)
    K, x = rng.normal(size=(1, 1, *kernel)), rng.normal(size=(1, 9, 7))
    expected = correlate2d(x[0], K[0, 0], mode="same", boundary=boundary)
    np.testing.assert_allclose(Convolution(K, (9, 7), padding).apply(x)[0], expected, atol=1e-13)


@given(convolutions())
def test_singular_values_are_those_of_the_matrix(conv):
    expected = np.linalg.svd(conv.matrix().toarray(), compute_uv=False)
    found = singular_values(conv)
    scale = 1 + expected[0]
    np.testing.assert_allclose(found.lower, expected, atol=1e-13 * scale)
    assert found.exact
    divides = conv.size[0] % conv.stride == conv.size[1] % conv.stride == 0
    by_fourier = conv.padding == "circular" and divides
    assert found.how == ("Fourier transform" if by_fourier else "matrix")
    if not by_fourier:
        bounds = bounds_by_torus(conv)
        assert not bounds.exact
        assert (bounds.lower <= expected + 1e-13 * scale).all()
        assert (bounds.upper >= expected - 1e-13 * scale).all()


def test_frobenius_norm_is_counted_pixel_by_pixel():
    """Σσ² = h w Σ K² on a torus, whatever the kernel."""
    K = np.random.default_rng(2).normal(size=(4, 3, 3, 3))
    values = torus_singular_values(Convolution(K, (16, 10)))
    assert values.shape == (480,)
    assert (values**2).sum() == pytest.approx(160 * (K**2).sum(), rel=1e-13)


def test_known_kernels():
    """A shift turns nothing into nothing: all σ = 1. The mean of 3 × 3 has (1 + 2cos)(1 + 2cos)/9."""
    shift = np.zeros((1, 1, 3, 3))
    shift[0, 0, 0, 2] = 1.0
    found = singular_values(Convolution(shift, (8, 5)))
    np.testing.assert_allclose(found.upper, 1.0)
    assert found.condition == pytest.approx(1.0)
    mean = np.full((1, 1, 3, 3), 1 / 9)
    one = (1 + 2 * np.cos(2 * np.pi * np.arange(12) / 12)) / 3
    expected = np.sort(np.abs(np.outer(one, one)).ravel())[::-1]
    found = singular_values(Convolution(mean, (12, 12)))
    np.testing.assert_allclose(found.upper, expected, atol=1e-15)
    assert found.lipschitz == pytest.approx(1.0)
    assert singular_values(Convolution(shift * 0, (3, 3))).condition == np.inf


def test_a_large_image_with_zeros_gets_bounds_that_hold():
    K = np.random.default_rng(3).normal(size=(2, 2, 3, 3))
    conv = Convolution(K, (40, 40), "zero")
    found = singular_values(conv)
    assert found.how == "bounds by a torus"
    linear = conv.linear_map()
    largest = extreme_eigenvalues(linear.T @ linear, largest=1, smallest=0, tolerance=1e-6)
    sigma = np.sqrt(largest.values[0])
    assert found.lower[0] <= sigma <= found.lipschitz
    assert found.lipschitz < 1.01 * sigma  # borders hardly matter to the largest one
    assert found.condition >= found.lipschitz / found.upper[-1]


def test_messages():
    K = np.ones((1, 1, 3, 3))
    with pytest.raises(ShapeError, match=r"a kernel of shape \(1, 3, 3\)"):
        Convolution(K[0], (4, 4))
    with pytest.raises(NotFiniteError, match="the kernel holds NaN"):
        Convolution(K * np.nan, (4, 4))
    with pytest.raises(SpecError, match="padding is 'reflect'"):
        Convolution(K, (4, 4), "reflect")  # pyright: ignore[reportArgumentType]
    with pytest.raises(SpecError, match="stride 0"):
        Convolution(K, (4, 4), stride=0)
    with pytest.raises(ShapeError, match=r"an image of shape \(1, 4, 5\); expected \(1, 4, 4\)"):
        Convolution(K, (4, 4)).apply(np.ones((4, 5)))
    with pytest.raises(SpecError, match="is no torus"):
        torus_singular_values(Convolution(K, (4, 4), "zero"))


def test_a_kernel_of_one_channel_needs_no_channels():
    blur = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    plain, full = Convolution(blur, 6), Convolution(blur[None, None], (6, 6))
    image = np.arange(36.0).reshape(6, 6)
    np.testing.assert_array_equal(plain.apply(image), full.apply(image[None])[0])
    np.testing.assert_array_equal(plain.singular_values().upper, singular_values(full).upper)
    assert plain.singular_values().lipschitz == pytest.approx(1)  # its weights add up to 1
