"""CloudCase: a cloud of vectors as the rules on clouds see it.

n vectors x_1..x_n in R^p (embeddings, standardised rows of a table, images, TF-IDF documents) with mean μ and
covariance Σ = V Λ Vᵀ. Everything is worked out when asked for and kept.

    mean cosine    c = mean over pairs i ≠ j of u_i·u_j = (‖Σ u_i‖² − n) / (n (n − 1)),  u_i = x_i / ‖x_i‖
    predicted      c ≈ ‖μ‖² / E‖x‖²                       exact where all vectors have one length
    k-occurrence   N_k(j) = number of points that have j among their k nearest
    hubness        S = skewness of N_k

The mean cosine is a U-statistic of order two, so Var(c) ≈ 4 Var(u·ū) / n with ū the mean direction.

References: Hoeffding (1948), Annals of Mathematical Statistics 19, on U-statistics; Radovanović, Nanopoulos &
Ivanović (2010), Journal of Machine Learning Research 11, on k-occurrences and hubs.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from whyfit.diagnosis.cloud_copies import copies
from whyfit.linalg.neighbours import nearest
from whyfit.linalg.norms import unit_rows

#: An (n, p) array of float64, or a csr_array of that shape.
Vectors: TypeAlias = Any

Metric = Literal["euclidean", "cosine"]
Kind = Literal["vectors", "table", "images", "documents"]

#: Neighbours looked at per point: the 10 of Radovanović et al. (2010).
K = 10
#: Points on which hubs are counted and transformations tried; a cloud of more is sampled.
HUB_POINTS = 1_500
#: With fewer different points there are no neighbours to speak of.
FEWEST_DISTINCT = 3
TASK = "cloud"


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Variances λ₁ ≥ λ₂ ≥ … along the principal axes (columns of `axes`); divisor n."""

    variances: Float[np.ndarray, " r"]
    axes: Float[np.ndarray, "p r"]

    @property
    def total(self) -> float:
        return float(self.variances.sum())

    @property
    def shares(self) -> Float[np.ndarray, " r"]:
        return self.variances / self.total if self.total > 0 else self.variances


@dataclass(frozen=True, slots=True)
class Hubness:
    """How unevenly points occur in the lists of the k nearest: counts N_k, their skewness, and its influence."""

    counts: Int[np.ndarray, " n"]
    skewness: float
    influence: Float[np.ndarray, " n"]

    @classmethod
    def of(cls, neighbours: Int[np.ndarray, "m k"], n: int) -> Hubness:
        counts = np.bincount(neighbours.ravel(), minlength=n)
        value, influence = skewness(counts.astype(float))
        return cls(counts, value, influence)

    @property
    def std_error(self) -> float:
        return float(self.influence.std() / np.sqrt(self.influence.size))

    @property
    def absent(self) -> float:
        """Share of points that are in nobody's list."""
        return float(np.mean(self.counts == 0))


def skewness(a: Float[np.ndarray, " n"]) -> tuple[float, Float[np.ndarray, " n"]]:
    """Skewness m₃/m₂^{3/2} and its influence function at each value; (0, 0) for a constant.

    With z the standardised values, IF = z³ − S − 3z − (3/2) S (z² − 1).
    """
    d = a - a.mean()
    variance = float(np.mean(d * d))
    if variance <= 0:
        return 0.0, np.zeros_like(d)
    z = d / np.sqrt(variance)
    s = float(np.mean(z**3))
    return s, z**3 - s - 3 * z - 1.5 * s * (z * z - 1)


@dataclass(frozen=True, slots=True)
class MeanCosine:
    """Average cosine over all pairs, with the influence 2 (u_i·ū − mean) of each point on it."""

    value: float
    influence: Float[np.ndarray, " n"]

    @property
    def std_error(self) -> float:
        return float(self.influence.std() / np.sqrt(self.influence.size))


def mean_cosine(X: Vectors) -> MeanCosine:
    """Exact over all n (n − 1) / 2 pairs in one pass: no pair is drawn. A zero row has cosine 0."""
    U = unit_rows(X)
    total = np.asarray(U.sum(axis=0)).ravel()
    n = U.shape[0]
    alive = int(np.count_nonzero(lengths(U)))
    with_all = np.asarray(U @ total).ravel()
    c = (float(total @ total) - alive) / (n * (n - 1)) if n > 1 else 0.0
    influence = 2 * (with_all / n - with_all.mean() / n)
    return MeanCosine(c, influence)


def lengths(X: Vectors) -> Float[np.ndarray, " n"]:
    """‖x_i‖₂ of every row, dense or sparse."""
    if isinstance(X, np.ndarray):
        return np.sqrt(np.einsum("ij,ij->i", X, X))
    return np.sqrt(np.asarray(X.power(2).sum(axis=1)).ravel())


@dataclass(frozen=True)
class CloudCase:
    """A cloud and all that is measured on it.

    Attributes
    ----------
    X : the vectors, dense or sparse; finite.
    metric : what makes two points neighbours.
    labels : what the points are called.
    axes : what the coordinates are called.
    standardised : whether the columns were given unit variance before.
    kind : what the points are.
    seed : of the sample of points and of simulated clouds.
    tried : transformations already tried, by name (`cloud_trials`).
    """

    X: Vectors
    metric: Metric
    labels: tuple[str, ...]
    axes: tuple[str, ...] = ()
    standardised: bool = False
    kind: Kind = "vectors"
    seed: int = 0
    confidence: float = 0.95
    task: str = field(default=TASK, init=False)
    tried: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n(self) -> int:
        return self.X.shape[0]

    @property
    def p(self) -> int:
        return self.X.shape[1]

    @property
    def dense(self) -> bool:
        return isinstance(self.X, np.ndarray)

    def rng(self, purpose: str) -> np.random.Generator:
        """A generator that depends on the seed and the purpose only."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    @cached_property
    def mean(self) -> Float[np.ndarray, " p"]:
        return np.asarray(self.X.mean(axis=0)).ravel()

    @cached_property
    def centred(self) -> Float[np.ndarray, "n p"]:
        """X − μ; dense clouds only."""
        return np.asarray(self.X) - self.mean

    @cached_property
    def spectrum(self) -> Spectrum:
        """Principal axes, from the smaller of XᵀX and XXᵀ; dense clouds only."""
        return spectrum_of(self.centred)

    @cached_property
    def mean_cosine(self) -> MeanCosine:
        return mean_cosine(self.X)

    @cached_property
    def copies(self) -> list[Int[np.ndarray, " g"]]:
        """Groups of points that are exactly the same."""
        return copies(self.X, self.rng("copies"))

    @cached_property
    def origin(self) -> Int[np.ndarray, " n"]:
        """The first point that is the same as each."""
        first = np.arange(self.n)
        for group in self.copies:
            first[group] = group[0]
        return first

    @cached_property
    def distinct(self) -> Int[np.ndarray, " d"]:
        """One point of every group of copies, rising: which of several copies is near is not to be told.

        All points if fewer than three differ.
        """
        found = np.unique(self.origin)
        return found if found.size >= FEWEST_DISTINCT else np.arange(self.n)

    @cached_property
    def sampled(self) -> Int[np.ndarray, " m"]:
        """Indices of the distinct points on which hubs are counted, rising."""
        if self.distinct.size <= HUB_POINTS:
            return self.distinct
        return np.sort(self.rng("hubs").permutation(self.distinct)[:HUB_POINTS])

    @cached_property
    def k(self) -> int:
        """Neighbours per point: K, or fewer in a tiny cloud."""
        return max(1, min(K, self.sampled.size - 1))

    def neighbours(self, X: Vectors) -> Int[np.ndarray, "m k"]:
        """The k nearest of every row among the rows of X, itself left out, by this cloud's metric."""
        return nearest(X, X, self.k, self.metric, exclude_self=True).index

    @cached_property
    def hubness(self) -> Hubness:
        """Of the sampled points among themselves."""
        return Hubness.of(self.neighbours(self.X[self.sampled]), self.sampled.size)

    def z(self) -> float:
        """Two-sided normal quantile of the confidence level."""
        return NormalDist().inv_cdf((1 + self.confidence) / 2)

    def twin(self, *, with_mean: bool) -> Hubness:
        """Hubness of a normal cloud of as many points with this covariance, and this mean or none.

        Euclidean distances do not see the mean. Dense clouds only.
        """
        m, variances = self.sampled.size, self.spectrum.variances
        Z = self.rng("twin").standard_normal((m, variances.size)) * np.sqrt(variances)
        if with_mean:
            Z = Z + self.mean @ self.spectrum.axes
            rest = float(self.mean @ self.mean - np.sum((self.mean @ self.spectrum.axes) ** 2))
            if rest > 0:  # the part of the mean outside the span of the axes
                Z = np.hstack([Z, np.full((m, 1), np.sqrt(rest))])
        return Hubness.of(self.neighbours(Z), m)


def spectrum_of(C: Float[np.ndarray, "n p"]) -> Spectrum:
    """Principal axes of centred rows C, from the eigenvalues of the smaller of CᵀC and CCᵀ."""
    n, p = C.shape
    scale = float(np.abs(C).max(initial=0.0)) or 1.0
    S = C / scale
    if p <= n:
        values, V = np.linalg.eigh(S.T @ S)
        axes = V[:, ::-1]
        variances = np.maximum(values[::-1], 0) / n
    else:
        values, U = np.linalg.eigh(S @ S.T)
        values, U = np.maximum(values[::-1], 0), U[:, ::-1]
        keep = values > values[:1] * n * np.finfo(float).eps
        values, U = values[keep], U[:, keep]
        axes, variances = (S.T @ U) / np.sqrt(values), values / n
    return Spectrum(variances * scale**2, _signed(axes))


def _signed(axes: Float[np.ndarray, "p r"]) -> Float[np.ndarray, "p r"]:
    """Axes whose largest entry is positive, so that a picture does not depend on the routine."""
    if not axes.size:
        return axes
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], 0)
    return axes * np.where(largest < 0, -1.0, 1.0)
