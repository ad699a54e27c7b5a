"""Principal component analysis as a scikit-learn estimator: a shell over `whyfit.linalg`.

    x ≈ μ + Σ_{j ≤ k} t_j v_j,     t_j = (x − μ)ᵀv_j,     var t_j = λ_j

Routes, by the shape of X and what is wanted (`route_` says which was taken):

    moments      one pass for mean and scatter: the rule, any n, files mapped to memory
    triangle     one more pass where a component kept has too small a variance for moments
    singular     more columns than rows
    randomised   few components of a large wide X

Reference: Jolliffe (2002), Principal Component Analysis; further references in `linalg.components`,
`linalg.dimensions` and `linalg.principal`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from whyfit.data.arrays import ArrayRows
from whyfit.data.folds import fold_count, fold_of
from whyfit.engines.local import one_blas_thread
from whyfit.errors import ShapeError, SpecError
from whyfit.fold import Rows
from whyfit.linalg.components import Components, kurtosis_of
from whyfit.linalg.decompose import Spectral
from whyfit.linalg.dimensions import held_out_density, parallel_analysis
from whyfit.linalg.moments import FoldMoments, Moments, moments_of, moments_of_array
from whyfit.linalg.principal import (
    Principal,
    Route,
    by_moments,
    by_products,
    by_singular_values,
    by_triangle,
    mean_of_wide,
)
from whyfit.linalg.rank import components_holding
from whyfit.models.summary import check_confidence, column_names

FOLDS = 10
#: Rows whose scores tell the tails of the components: a kurtosis of 3 is then known to ±0.08.
SAMPLE = 4_096
#: Relative error of a variance from moments above which the rows are walked again.
UNSURE = 1e-6
#: Columns above which p × p is not formed where few components are wanted; "few" is this share of min(n, p).
WIDE, FEW = 3_000, 0.1
_TILE_BYTES = 1 << 20

Count = int | float | Literal["parallel", "evidence"] | None


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Principal components with intervals, in one pass over the rows.

    Parameters
    ----------
    n_components : how many are kept.
        int ≥ 1; a float in (0, 1): as many as hold that share of the variance;
        "evidence": the fewest under which held-out rows are as probable as they get (probabilistic PCA,
        ten folds); "parallel": those that exceed independent columns of the same variances (at least one
        is kept); None: all min(n, p).
    confidence : level of `intervals_`.
    random_state : seed of the simulation of "parallel", of the sample behind the intervals and of the
        randomised route.

    Attributes
    ----------
    components_ : (k, p), orthonormal rows; the entry of largest size of each is positive.
    mean_ : (p,). explained_variance_ : (k,), falling, divisor n − 1, squared units of the columns.
    intervals_ : (k, 2), low and high of each variance at `confidence`, by the kurtosis of the scores in a
        sample of rows: valid whatever their tails, for n ≫ p and variances that are apart. NaN for n = 1.
    explained_variance_ratio_, singular_values_ : (k,).
    noise_variance_ : mean of the variances left out.
    n_components_ : k. n_samples_ : n. route_ : how they were found. why_ : how k was chosen, "" if given.
    error_ : (k,) bounds of what rounding (for route "randomised" also chance, except with probability
        10⁻³) may have moved each variance by.

    Raises
    ------
    SpecError : a parameter is out of range. NotFiniteError : NaN, infinity, or squares that overflow.

    Notes
    -----
    A constant column takes no part. `partial_fit` adds rows to those seen before; the result is that of one
    `fit` but for rounding. Float32 data are not copied; all sums are made in float64.

    Examples
    --------
    >>> import numpy as np
    >>> from whyfit.models import PCA
    >>> t = np.arange(5.0)
    >>> PCA(1).fit(np.c_[t, 2 * t, -t]).explained_variance_.round(6).tolist()
    [15.0]
    """

    n_features_in_: int
    components_: Float[np.ndarray, "k p"]
    mean_: Float[np.ndarray, " p"]
    explained_variance_: Float[np.ndarray, " k"]
    explained_variance_ratio_: Float[np.ndarray, " k"]
    singular_values_: Float[np.ndarray, " k"]
    intervals_: Float[np.ndarray, "k 2"]
    noise_variance_: float
    n_components_: int
    n_samples_: int
    route_: Route
    why_: str
    error_: Float[np.ndarray, " k"]
    _state: _Seen

    def __init__(
        self,
        n_components: Count = None,
        *,
        confidence: float = 0.95,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.n_components = n_components
        self.confidence = confidence
        self.random_state = random_state

    # -- fitting -------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> PCA:  # noqa: ARG002
        """Fit the rows of X, (n, p): an array, a data frame, or a `numpy.memmap`. y is ignored."""
        X = self._checked(X, reset=True)
        n, p = X.shape
        names = column_names(self)
        with one_blas_thread():
            if self._takes_moments(n, p):
                folds = self._folds(X, 0, names)
                self._state = _Seen(folds, *_sample(X, self._rng()))
                self._finish(folds.total, self._state.sample, folds, X)
            else:
                vars(self).pop("_state", None)  # no moments: partial_fit has nothing to add to
                mean, k = mean_of_wide(X, names), self.n_components
                if self._few(n, p) and min(n, p) > WIDE // 4:
                    found = by_products(X, mean, int(k or 1), self._rng())
                else:
                    found = by_singular_values(X, mean)
                sample = _sample(X, self._rng())[0]
                self._keep(found, n, mean, sample, *self._count(found, n))
        return self

    def partial_fit(self, X: Any, y: Any = None) -> PCA:  # noqa: ARG002
        """Add the rows of X, (m, p), to those seen so far, and bring every attribute up to date."""
        first = not hasattr(self, "n_samples_")
        if not first and "_state" not in vars(self):
            raise SpecError(
                "the first fit had more columns than rows and kept no moments to add to; start with"
                " partial_fit, or fit all rows at once."
            )
        X = self._checked(X, reset=first)
        names = column_names(self)
        with one_blas_thread():
            seen = self._state.folds.total.n if not first else 0
            folds, sample, keys = self._folds(X, seen, names), *_sample(X, self._rng(seen))
            if not first:
                folds = self._state.folds + folds
                sample = np.vstack([self._state.sample, sample])
                keys = np.concatenate([self._state.keys, keys])
                keep = np.sort(np.argsort(keys, kind="stable")[:SAMPLE])
                sample, keys = sample[keep], keys[keep]
            self._state = _Seen(folds, sample, keys)
            self._finish(folds.total, sample, folds, None)
        return self

    def _checked(self, X: Any, reset: bool) -> np.ndarray:
        """X as float32 or float64, not copied if it is; whether it is finite shows in the moments."""
        check_confidence(self.confidence)
        _check_count(self.n_components)
        X = validate_data(
            self, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite=False
        )
        k, p = self.n_components, X.shape[1]
        if isinstance(k, int | np.integer) and k > (min(X.shape) if reset else p):
            raise SpecError(
                f"n_components is {k} and X has shape {X.shape}; expected at most"
                f" {min(X.shape)} components."
            )
        return X

    def _rng(self, key: int = 0) -> np.random.Generator:
        seed = self.random_state
        if isinstance(seed, np.random.Generator):
            return seed
        if isinstance(seed, np.random.RandomState):
            seed = int(seed.randint(2**31))
        return np.random.default_rng(None if seed is None else [int(seed), key])

    def _takes_moments(self, n: int, p: int) -> bool:
        if self.n_components in ("parallel", "evidence"):
            return True
        return p <= n and not (p > WIDE and self._few(n, p))

    def _few(self, n: int, p: int) -> bool:
        k = self.n_components
        return isinstance(k, int | np.integer) and k <= FEW * min(n, p)

    def _folds(self, X: np.ndarray, seen: int, names: tuple[str, ...]) -> FoldMoments:
        """Moments of X: in ten folds where held-out rows are asked about, else in one."""
        if self.n_components != "evidence":
            m = moments_of_array(X, names)
            return FoldMoments(np.array([m.n]), np.zeros((1, m.mean.size)), m.scatter[None], m.mean)
        k = FOLDS if seen or len(X) >= 10 * FOLDS else fold_count(len(X), FOLDS)
        rows = ArrayRows(X, np.zeros(len(X)), k, 0, names)
        zero = FoldMoments.empty(X.shape[1] + 1, FOLDS)
        total, of = zero, moments_of(FOLDS, names)
        for b in rows.blocks():
            label = fold_of(b.index + seen, k, 0)
            total = total + of(Rows(b.dense, b.y, b.index, label))
        return total.columns(range(X.shape[1]))

    def _finish(
        self, total: Moments, sample: np.ndarray, folds: FoldMoments, X: np.ndarray | None
    ) -> None:
        """Everything from the moments; `X` are the rows if they can be walked again."""
        found = by_moments(total)
        k, why = self._count(found, total.n, folds)
        last = min(k, total.n - 1) - 1
        if X is not None and last >= 0 and found.error[last] > UNSURE * found.variances[last]:
            found = by_triangle(X, total.mean)
            k, why = self._count(found, total.n, folds)
        self._keep(found, total.n, total.mean, sample, k, why)

    def _count(self, found: Principal, n: int, folds: FoldMoments | None = None) -> tuple[int, str]:
        """How many components, and why."""
        k, lam = self.n_components, found.variances
        most = min(n, found.directions.shape[1], len(lam))
        if k is None:
            return most, ""
        if k == "evidence" and folds is not None:
            if folds.total.n < 4:
                raise ShapeError(f"{folds.total.n} rows; n_components='evidence' needs at least 4.")
            k = held_out_density(folds).chosen
            why = f"held-out rows are as probable under {_components(k)} as under more"
        elif k == "parallel" and folds is not None:
            k = parallel_analysis(folds.total, rng=self._rng()).count
            why = f"variances that exceed those of independent columns: {k}"
        elif isinstance(k, int | np.integer):
            return min(int(k), most), ""
        else:
            share = float(k)  # pyright: ignore[reportArgumentType]
            k = components_holding(lam, share)
            why = f"{_components(k)} hold{'s' * (k == 1)} {100 * share:g} % of the variance"
        return min(max(k, 1), most), why + ("; one is kept." if k == 0 else ".")

    def _keep(
        self, found: Principal, n: int, mean: np.ndarray, sample: np.ndarray, k: int, why: str
    ) -> None:
        lam = found.variances[:k]
        self.components_ = np.ascontiguousarray(found.directions[:k])
        self.mean_, self.n_samples_, self.n_components_ = mean, n, k
        self.explained_variance_ = lam.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            share = lam / found.total
        self.explained_variance_ratio_ = np.nan_to_num(share)
        self.singular_values_ = np.sqrt(lam * max(n - 1, 0))
        left = min(n, len(mean)) - k  # directions that can vary at all, as scikit-learn counts them
        self.noise_variance_ = max(found.total - float(lam.sum()), 0.0) / left if left > 0 else 0.0
        kurtosis = kurtosis_of((sample - mean) @ self.components_.T)
        spectral = Spectral(lam, self.components_.T, float(found.error.max(initial=0.0)))
        self.intervals_ = Components(n, mean, np.ones(len(mean)), spectral).intervals(
            self.confidence, kurtosis
        )
        self.route_, self.why_, self.error_ = found.route, why, found.error[:k]

    # -- using ---------------------------------------------------------------------------------------

    def transform(self, X: Any) -> Float[np.ndarray, "m k"]:
        """Scores (x − μ)ᵀv_j of the rows of X, (m, p)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        out = np.empty((len(X), self.n_components_))
        step = max(64, _TILE_BYTES // (8 * X.shape[1]))
        V = self.components_.T
        with one_blas_thread():
            for a in range(0, len(X), step):
                np.dot(X[a : a + step] - self.mean_, V, out=out[a : a + step])
        return out

    def inverse_transform(self, X: Any) -> Float[np.ndarray, "m p"]:
        """Rows μ + Σ t_j v_j with the scores X, (m, k): the closest points of the plane of the components."""
        check_is_fitted(self)
        T = np.asarray(X, dtype=np.float64)
        if T.ndim != 2 or T.shape[1] != self.n_components_:
            raise ShapeError(
                f"scores of shape {T.shape}; expected (m, {self.n_components_}), as transform gives."
            )
        return T @ self.components_ + self.mean_

    def get_covariance(self) -> Float[np.ndarray, "p p"]:
        """Covariance of probabilistic PCA: Σ (λ_j − σ²) v_j v_jᵀ + σ² I, σ² the noise variance."""
        check_is_fitted(self)
        excess = np.maximum(self.explained_variance_ - self.noise_variance_, 0.0)
        C = (self.components_.T * excess) @ self.components_
        C.flat[:: len(C) + 1] += self.noise_variance_
        return C

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


@dataclass(frozen=True)
class _Seen:
    """What `partial_fit` goes on from: moments, and a uniform sample of rows with their random keys."""

    folds: FoldMoments
    sample: Float[np.ndarray, "s p"]
    keys: Float[np.ndarray, " s"]


def _sample(X: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A uniform sample of at most SAMPLE rows, and keys by which samples merge.

    As if every row had drawn a uniform key and the rows of the smallest were kept: which rows those are is a choice
    without replacement, and the s smallest of n uniforms are ratios of sums of exponentials.
    """
    n, s = len(X), min(SAMPLE, len(X))
    which = np.sort(rng.choice(n, s, replace=False, shuffle=False))
    steps = np.cumsum(rng.exponential(size=s))
    keys = rng.permutation(steps / (steps[-1] + rng.gamma(n + 1 - s)))
    return np.asarray(X[which], dtype=np.float64), keys


def _components(k: int) -> str:
    return f"{k} component{'s' * (k != 1)}"


def _check_count(k: Any) -> None:
    """SpecError unless `k` is one of the choices of n_components."""
    whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
    if k is None or k in ("parallel", "evidence") or (whole and k >= 1):
        return
    if isinstance(k, float) and 0 < k < 1:
        return
    raise SpecError(
        f"n_components is {k!r}; expected a whole number ≥ 1, a share in (0, 1), 'parallel',"
        " 'evidence' or None."
    )
