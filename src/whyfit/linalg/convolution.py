"""Two-dimensional convolution as a linear map, and its singular values.

    y[o, i, j] = Σ_{c,a,b} K[o, c, a, b] x[c, si + a − p, sj + b − q],   p = (k_h − 1)//2, q = (k_w − 1)//2

for an image x of c_in channels, h × w, kernel K and stride s: the cross-correlation that image models call convolution.
What lies beyond the border is 0 ("zero") or comes from the other side ("circular"). Pixels are numbered channel by
channel, row by row.

On a torus ("circular", s dividing h and w) the discrete Fourier transform takes the map apart: every frequency has a
c_out × c_in matrix of its own, T(u, v) = Σ_{a,b} K[:, :, a, b] e^{−2πi(ua/h + vb/w)}, and all their singular values
together are those of the map. With a stride, the s² frequencies that become one in the smaller image stand side by
side, divided by s. With zeros there is no such basis, but the map is a torus of h + max(p, k_h − 1 − p) rows (columns
alike) with r rows and columns of its matrix left out, and leaving out one moves no singular value past the next one:

    σ_{i+r}(torus) ≤ σᵢ ≤ σᵢ(torus)

References: Sedghi, Gupta & Long (2019), The singular values of convolutional layers, ICLR; Thompson (1972), Linear
Algebra Appl. 5(1), 1-12 (interlacing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float, Int

from whyfit.engines.local import LocalEngine
from whyfit.errors import NotFiniteError, ShapeError, SpecError
from whyfit.linalg.maps import LinearMap
from whyfit.linalg.operators import Operator

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Padding = Literal["zero", "circular"]

#: Entries of the matrix up to which its singular values are computed from it where the Fourier transform is no help:
#: 32 MB, a few seconds.
ENTRIES = 4_000_000
#: Parts the frequencies are shared out in, a few for every core.
BANDS = 16


@dataclass(frozen=True)
class Convolution:
    """K (c_out, c_in, k_h, k_w) on images of `size` (h, w); the result has ⌈h/s⌉ × ⌈w/s⌉ pixels per channel.

    A kernel (k_h, k_w) is that of one channel, a single number as size that of a square.
    """

    kernel: Float[np.ndarray, "o c a b"]
    size: tuple[int, int]
    padding: Padding = "circular"
    stride: int = 1

    def __post_init__(self) -> None:
        kernel = np.asarray(self.kernel, dtype=np.float64)
        object.__setattr__(self, "kernel", kernel[None, None] if kernel.ndim == 2 else kernel)
        if isinstance(self.size, int):
            object.__setattr__(self, "size", (self.size, self.size))
        if self.kernel.ndim != 4 or not self.kernel.size:
            raise ShapeError(
                f"a kernel of shape {self.kernel.shape}; expected (height, width) or (channels out, "
                "channels in, height, width)."
            )
        if not np.isfinite(self.kernel).all():
            raise NotFiniteError("the kernel holds NaN or infinity.")
        if self.padding not in ("zero", "circular"):
            raise SpecError(f"padding is {self.padding!r}; expected 'zero' or 'circular'.")
        if self.stride < 1 or min(self.size) < 1:
            raise SpecError(
                f"stride {self.stride} on an image of {self.size}; expected both positive."
            )

    @property
    def size_out(self) -> tuple[int, int]:
        h, w = self.size
        return -(-h // self.stride), -(-w // self.stride)

    @property
    def shape(self) -> tuple[int, int]:
        """(c_out h_out w_out, c_in h w)."""
        o, c = self.kernel.shape[:2]
        return o * int(np.prod(self.size_out)), c * int(np.prod(self.size))

    def apply(self, x: Float[np.ndarray, "c h w"]) -> Float[np.ndarray, "o i j"]:
        """The convolved image; one of (h, w) stays without channels if there is one in and one out."""
        x = np.asarray(x, dtype=np.float64)
        if x.ndim == 2 and self.kernel.shape[:2] == (1, 1):
            return self.apply(x[None])[0]
        if x.shape != (self.kernel.shape[1], *self.size):
            raise ShapeError(
                f"an image of shape {x.shape}; expected {(self.kernel.shape[1], *self.size)}."
            )
        return self._forward(x.reshape(-1, 1)).reshape(self.kernel.shape[0], *self.size_out)

    def singular_values(self) -> ConvolutionSpectrum:
        """All of them, falling, and how they were found."""
        return singular_values(self)

    def linear_map(self) -> LinearMap:
        """x ↦ y on pixels in one column, with its adjoint (the "transposed convolution")."""
        return LinearMap(Operator(self.shape, self._forward, self._backward), "convolution")

    def matrix(self) -> csr_array:
        """The same as a sparse matrix, c_out c_in k_h k_w h_out w_out numbers: for small images."""
        from scipy.sparse import coo_array

        o, c = self.kernel.shape[:2]
        pixel_out = np.arange(self.shape[0]).reshape(o, *self.size_out)
        pixel_in = np.arange(self.shape[1]).reshape(c, *self.size)
        rows, columns, values = [], [], []
        for weights, to, source in self._taps():
            y, x = np.broadcast_arrays(pixel_out[:, None][:, :, *to], pixel_in[None][:, :, *source])
            rows.append(y.ravel())
            columns.append(x.ravel())
            values.append(np.broadcast_to(weights[:, :, None, None], y.shape).ravel())
        triple = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return coo_array(triple, shape=self.shape).tocsr()

    def _forward(self, V: Float[np.ndarray, "p r"]) -> Float[np.ndarray, "n r"]:
        o, c = self.kernel.shape[:2]
        X = np.reshape(V, (c, *self.size, -1))
        Y = np.zeros((o, *self.size_out, X.shape[-1]))
        for weights, to, source in self._taps():
            Y[:, *to] += np.tensordot(weights, X[:, *source], axes=1)
        return Y.reshape(self.shape[0], -1)

    def _backward(self, U: Float[np.ndarray, "n r"]) -> Float[np.ndarray, "p r"]:
        o, c = self.kernel.shape[:2]
        Y = np.reshape(U, (o, *self.size_out, -1))
        X = np.zeros((c, *self.size, Y.shape[-1]))
        for weights, to, source in self._taps():  # no pixel occurs twice in `source`
            X[:, *source] += np.tensordot(weights.T, Y[:, *to], axes=1)
        return X.reshape(self.shape[1], -1)

    def _taps(self):
        """For every place of the kernel: its (o, c) weights, the pixels it writes to and those it reads."""
        _, _, height, width = self.kernel.shape
        down = [self._reach(a, height, 0) for a in range(height)]
        along = [self._reach(b, width, 1) for b in range(width)]
        for a, (i, si) in enumerate(down):
            for b, (j, sj) in enumerate(along):
                yield self.kernel[:, :, a, b], np.ix_(i, j), np.ix_(si, sj)

    def _reach(
        self, place: int, length: int, axis: int
    ) -> tuple[Int[np.ndarray, " i"], Int[np.ndarray, " i"]]:
        """Output numbers along one axis and the input numbers that `place` of a kernel of `length` reads for them."""
        out = np.arange(self.size_out[axis])
        source = out * self.stride + place - (length - 1) // 2
        if self.padding == "circular":
            return out, source % self.size[axis]
        inside = (source >= 0) & (source < self.size[axis])
        return out[inside], source[inside]


@dataclass(frozen=True, slots=True)
class ConvolutionSpectrum:
    """Singular values, falling, between `lower` and `upper`; `how` says where they come from."""

    lower: Float[np.ndarray, " k"]
    upper: Float[np.ndarray, " k"]
    how: Literal["Fourier transform", "matrix", "bounds by a torus"]

    @property
    def exact(self) -> bool:
        """To rounding."""
        return self.how != "bounds by a torus"

    @property
    def lipschitz(self) -> float:
        """Certain bound on ‖Ax‖/‖x‖: the largest singular value where `exact`."""
        return float(self.upper[0])

    @property
    def condition(self) -> float:
        """σ₁/σ_min, or as much as it may be."""
        return float(self.upper[0] / self.lower[-1]) if self.lower[-1] > 0 else float("inf")


def singular_values(convolution: Convolution) -> ConvolutionSpectrum:
    """By the Fourier transform on a torus; else from the matrix if it is small, else bounds."""
    if _is_torus(convolution):
        values = torus_singular_values(convolution)
        return ConvolutionSpectrum(values, values, "Fourier transform")
    if convolution.shape[0] * convolution.shape[1] <= ENTRIES:
        values = np.linalg.svd(convolution.matrix().toarray(), compute_uv=False)
        return ConvolutionSpectrum(values, values, "matrix")
    return bounds_by_torus(convolution)


def torus_singular_values(convolution: Convolution) -> Float[np.ndarray, " k"]:
    """All singular values, falling, of a circular convolution whose stride divides the image.

    Frequencies (u, v) and (−u, −v) have conjugate matrices: half of them are enough.
    """
    if not _is_torus(convolution):
        raise SpecError(
            f"padding {convolution.padding!r}, stride {convolution.stride} on {convolution.size} is no torus; "
            "expected circular padding and a stride that divides the image: use `singular_values`."
        )
    (h, w), s, K = convolution.size, convolution.stride, convolution.kernel
    o, c, height, width = K.shape
    wrapped = np.zeros((o, c, h, w))  # a kernel larger than the image meets itself
    np.add.at(wrapped, np.ix_(range(o), range(c), np.arange(height) % h, np.arange(width) % w), K)
    T = np.fft.fft2(wrapped).reshape(o, c, s, h // s, s, w // s)
    T = T.transpose(3, 5, 0, 1, 2, 4).reshape(h // s, w // s, o, c * s * s) / s
    columns = w // s
    bands = np.array_split(T[:, : columns // 2 + 1], min(BANDS, h // s))
    half = np.concatenate(list(LocalEngine().map(_singular_values, bands)))
    twice = half[:, 1 : (columns + 1) // 2]
    return np.sort(np.concatenate([half.ravel(), twice.ravel()]))[::-1]


def _singular_values(matrices: np.ndarray) -> np.ndarray:
    return np.linalg.svd(matrices, compute_uv=False)


def bounds_by_torus(convolution: Convolution) -> ConvolutionSpectrum:
    """σ_{i+r}(torus) ≤ σᵢ ≤ σᵢ(torus), the torus just large enough not to let the borders meet."""
    s, K = convolution.stride, convolution.kernel
    if (
        convolution.padding == "circular"
    ):  # a stride that does not divide the image: rows of stride 1
        torus = Convolution(K, convolution.size)
    else:
        reach = [max((k - 1) // 2, k // 2) for k in K.shape[2:]]
        h, w = (-(-(n + r) // s) * s for n, r in zip(convolution.size, reach, strict=True))
        torus = Convolution(K, (h, w), "circular", s)
    values = torus_singular_values(torus)
    removed = sum(torus.shape) - sum(convolution.shape)
    k = min(convolution.shape)
    lower = np.zeros(k)
    left = values[removed : removed + k]
    lower[: len(left)] = left
    return ConvolutionSpectrum(lower, values[:k].copy(), "bounds by a torus")


def _is_torus(convolution: Convolution) -> bool:
    h, w = convolution.size
    s = convolution.stride
    return convolution.padding == "circular" and h % s == w % s == 0
