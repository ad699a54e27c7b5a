"""Logistic regression: the fit and its law.

    ŵ ≈ N(w, H⁻¹) at the maximum of the likelihood; with a penalty, H includes it and the interval is the
    Laplace approximation of the posterior.

Reference: McCullagh & Nelder (1989), Generalized Linear Models, ch. 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float
from scipy import special
from scipy.linalg import get_lapack_funcs

from whyfit.calculus.logistic import newton, sigmoid_and_loss
from whyfit.calculus.newton import Optimum, penalty
from whyfit.data.arrays import ArrayRows
from whyfit.data.views import without_columns
from whyfit.engines.local import LocalEngine, one_blas_thread
from whyfit.fold import Engine, Rows, RowSource
from whyfit.linalg.conditioning import Conditioning
from whyfit.linalg.solve import GAMMA, MAX_DIGITS, NO_DIGITS, Solution
from whyfit.probability.distributions import chi2_upper, t_quantile
from whyfit.probability.inference import Inference, infer


@dataclass(frozen=True)
class LogisticFit:
    """Coefficients on the original scale, intercept apart; `covariance` is (1+p × 1+p), intercept first."""

    names: tuple[str, ...]
    n: int
    coef: Float[np.ndarray, " p"]
    intercept: float
    covariance: Float[np.ndarray, "c c"]
    log_likelihood: float
    null_log_likelihood: float
    ridge: float
    dropped: Bool[np.ndarray, " p"]
    optimum: Optimum
    scale: Float[np.ndarray, " p"]

    @property
    def converged(self) -> bool:
        return self.optimum.converged

    @property
    def rank(self) -> int:
        return int((~self.dropped).sum())

    @property
    def df(self) -> float:
        return float(self.n - 1 - self.rank)

    @cached_property
    def conditioning(self) -> Conditioning:
        """Of the Hessian with unit diagonal (slopes, intercept swept out): what the steps had to invert."""
        H = self.optimum.hessian
        A = H[1:, 1:] - np.outer(H[1:, 0], H[0, 1:]) / H[0, 0]
        d = np.sqrt(np.maximum(np.diag(A), np.finfo(float).tiny))
        return Conditioning.of(A / d / d[:, None], self.n)

    @property
    def digits(self) -> Float[np.ndarray, " c"]:
        """Certain decimal digits, intercept first; 0 where Newton did not converge."""
        o, out = self.optimum, np.zeros(len(self.dropped) + 1)
        if self.converged:
            place = np.concatenate([[True], ~self.dropped])
            out[place] = certain_digits(o.hessian, o.b[None], o.centre, o.decrement, self.n)[0]
        return out

    def likelihood_ratio(self) -> tuple[float, float, float]:
        """2(ℓ − ℓ₀), its degrees of freedom and p-value against the constant model."""
        stat = 2 * (self.log_likelihood - self.null_log_likelihood)
        return stat, float(self.rank), chi2_upper(max(stat, 0.0), max(self.rank, 1))

    def inference(self, level: float = 0.95) -> Inference:
        names = ("intercept", *self.names)
        gone = np.concatenate([[False], self.dropped])
        variance = np.where(gone, np.nan, np.diag(self.covariance))
        estimate = np.where(gone, np.nan, np.concatenate([[self.intercept], self.coef]))
        return infer(names, estimate, variance, np.inf, level, self.digits)

    def linear_predictor(self, X: Float[np.ndarray, "m p"]) -> Float[np.ndarray, " m"]:
        return self.intercept + X @ self.coef

    def predict_interval(
        self, X: Float[np.ndarray, "m p"], level: float
    ) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
        """Probability of the positive class with its interval, made on the logit scale."""
        eta = self.linear_predictor(X)
        A = np.hstack([np.ones((len(X), 1)), X])
        se = np.sqrt(np.maximum(np.einsum("ij,ij->i", A @ np.nan_to_num(self.covariance), A), 0.0))
        half = t_quantile(level, np.inf) * se
        probability = [
            sigmoid_and_loss(v, np.zeros(len(v)))[0] for v in (eta, eta - half, eta + half)
        ]
        return probability[0], probability[1], probability[2]


def certain_digits(
    H: Float[np.ndarray, "ac ac"],
    B: Float[np.ndarray, "a c"],
    centre: Float[np.ndarray, " p"],
    decrement: float,
    n: int,
) -> Float[np.ndarray, "a c"]:
    """Digits of (intercept, slopes) at a maximum in coordinates (1, x − centre), one row per class.

    Rounding moves the gradient by γ√n √H_kk and a linear function vᵀb by v through H⁻¹; what the last step left
    is δ² standard errors. The intercept at x = 0 is v = (1, −centre).
    """
    a, c = B.shape
    d = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
    A = H / d / d[:, None]
    inverse = _by_cholesky(A)
    if inverse is None:
        mu, Q = np.linalg.eigh(A)
        if mu[0] * NO_DIGITS <= GAMMA * mu[-1]:  # nothing is known of the smallest curvature
            return np.zeros((a, c))
        inverse = (Q / mu) @ Q.T
    J = np.eye(c)
    J[0, 1:] = -centre
    V = np.kron(np.eye(a), J) / d
    through = np.matmul(J, (inverse / d[:, None]).reshape(a, c, -1)).reshape(a * c, -1)
    row = np.abs(inverse).sum(axis=1)
    doubt = min(1.0, GAMMA * float(row.max()))  # of the inverse itself, where terms cancel
    error = GAMMA * np.sqrt(n) * (np.abs(through).sum(axis=1) + doubt * (np.abs(V) @ row))
    left = np.sqrt(np.maximum(np.einsum("ij,ij->i", through, V), 0.0))
    error = (error + min(decrement, 1.0) ** 2 * left).reshape(a, c)
    value = B @ J.T
    error[:, 0] += GAMMA * (np.abs(B) @ np.abs(J[0]))
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = -np.log10(error / np.abs(value))
    return np.clip(np.nan_to_num(digits, neginf=0.0), 0, MAX_DIGITS)


#: 1/κ of a Hessian from which it is inverted by Cholesky factors.
SOUND = 1e-8
#: Columns this near to the span of others make a Hessian whose inverse loses eight digits and more.
_NEAR = 1e-5


@dataclass(frozen=True)
class Whitened:
    """A RowSource of uncorrelated unit-variance columns (X − mean)W, for columns that nearly repeat each other.

    In these coordinates H is well conditioned whatever κ(X), and rounding costs κu, not κ²u.
    """

    rows: RowSource
    mean: Float[np.ndarray, " p"]
    W: Float[np.ndarray, "p p"]

    @classmethod
    def of(cls, rows: RowSource, mean: np.ndarray, n: int, s: Solution | None) -> Whitened | None:
        """None where the columns are far enough apart as they are, or the solution is unknown."""
        if s is None or s.gap > _NEAR or s.root.shape[1] == 0 or s.route == "gram":
            return None
        keep = ~s.dropped
        return cls(rows, mean, np.sqrt(n) * s.root[keep] / s.scale[keep][:, None])

    @property
    def names(self) -> tuple[str, ...]:
        return self.rows.names

    def blocks(self):
        for b in self.rows.blocks():
            yield Rows((b.X - self.mean) @ self.W, b.y, b.index, b.fold)

    @property
    def back(self) -> Float[np.ndarray, "c c"]:
        """Coefficients of (1, x − mean) from those of the new columns."""
        return _beside_one(self.W)

    @property
    def there(self) -> Float[np.ndarray, "c c"]:
        return _beside_one(np.linalg.inv(self.W))


def _beside_one(W: np.ndarray) -> np.ndarray:
    M = np.eye(len(W) + 1)
    M[1:, 1:] = W
    return M


def unit_inverse(H: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c c"]:
    """H⁻¹ by way of its unit-diagonal form; its pseudo-inverse where κ of that is above 1/SOUND."""
    d = np.sqrt(np.maximum(np.diag(H), np.finfo(float).tiny))
    A = H / d / d[:, None]
    inverse = _by_cholesky(A)
    if inverse is None:
        inverse = np.linalg.pinv(A, hermitian=True)
    return inverse / d / d[:, None]


def _by_cholesky(A: Float[np.ndarray, "c c"]) -> Float[np.ndarray, "c c"] | None:
    """A⁻¹ at a sixth of the price of eigenvalues, where nothing is lost by it."""
    potrf, pocon, potri = get_lapack_funcs(("potrf", "pocon", "potri"), (A,))
    L, failed = potrf(A, lower=1)
    if failed or pocon(L, np.abs(A).sum(axis=0).max(), uplo="L")[0] < SOUND:
        return None
    inverse = np.tril(potri(L, lower=1)[0])
    return inverse + np.tril(inverse, -1).T


def fit_rows(
    rows: RowSource,
    n: int,
    mean: Float[np.ndarray, " p"],
    scale: Float[np.ndarray, " p"],
    ridge: float = 0.0,
    dropped: Bool[np.ndarray, " p"] | None = None,
    engine: Engine | None = None,
    near: LogisticFit | None = None,
    solution: Solution | None = None,
) -> LogisticFit:
    """Fit over rows with y in {0, 1}; `mean` and `scale` (standard deviations) only condition the steps.

    `near` is a fit of the same columns to start from, e.g. under another penalty; `solution`, of least squares,
    tells near copies apart.
    """
    p = len(rows.names)
    dropped = np.zeros(p, dtype=bool) if dropped is None else dropped
    keep, source = ~dropped, without_columns(rows, dropped)
    white = None if ridge else Whitened.of(source, mean[keep], n, solution)
    if white is not None:
        return _unwhitened(rows.names, white, n, dropped, scale, engine or LocalEngine())
    start = None
    if near is not None and near.converged and np.array_equal(near.dropped, dropped):
        shift = mean[keep] - near.optimum.centre
        start = near.optimum.b.copy()
        start[0] += shift @ start[1:]
    optimum = newton(
        source.blocks, n, mean[keep], scale[keep], engine or LocalEngine(), ridge, start
    )
    penal = penalty(optimum.b, scale[keep], ridge)[0]
    inverse = unit_inverse(optimum.hessian)
    return _original_scale(rows.names, optimum, inverse, dropped, scale, ridge, penal, n)


def _unwhitened(names, white: Whitened, n, dropped, scale, engine) -> LogisticFit:
    """The fit in whitened columns, written in those of the data."""
    r = white.W.shape[1]
    o = newton(white.blocks, n, np.zeros(r), np.ones(r), engine)
    back, there = white.back, white.there
    optimum = replace(o, b=back @ o.b, centre=white.mean, hessian=there.T @ o.hessian @ there)
    inverse = back @ unit_inverse(o.hessian) @ back.T
    return _original_scale(names, optimum, inverse, dropped, scale, 0.0, 0.0, n)


def _original_scale(
    names, optimum: Optimum, inverse: np.ndarray, dropped, scale, ridge, penal, n
) -> LogisticFit:
    keep = ~dropped
    small = (
        inverse.copy()
    )  # from (1, x − centre) to (1, x): J H⁻¹ Jᵀ with J the identity but for its first row
    small[0] -= optimum.centre @ small[1:]
    small[:, 0] -= small[:, 1:] @ optimum.centre
    place = np.concatenate([[True], keep])
    covariance = np.full((len(place), len(place)), np.nan)
    covariance[np.ix_(place, place)] = small
    coef = np.zeros(len(keep))
    coef[keep] = optimum.b[1:]
    intercept = float(optimum.b[0] - optimum.centre @ optimum.b[1:])
    share = np.clip(optimum.positives / n, 1e-300, 1.0)
    null = n * float(special.xlogy(share, share) + special.xlogy(1 - share, 1 - share))
    return LogisticFit(
        tuple(names),
        n,
        coef,
        intercept,
        covariance,
        -(optimum.loss - penal),
        null,
        ridge,
        dropped,
        optimum,
        scale,
    )


@dataclass(frozen=True)
class LogisticArrayFit:
    fit: LogisticFit
    inference: Inference


def fit_arrays(
    X: Float[np.ndarray, "n p"],
    y: Float[np.ndarray, " n"],
    *,
    ridge: float = 0.0,
    level: float = 0.95,
    names: tuple[str, ...] | None = None,
) -> LogisticArrayFit:
    """Binary logistic regression with its inference table from arrays; y in {0, 1}."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    rows = ArrayRows(X, y, 2, 0, names)
    head = X[:: max(1, len(X) // 4096)]
    scale = head.std(axis=0)
    with one_blas_thread():
        fit = fit_rows(rows, len(y), head.mean(axis=0), np.where(scale > 0, scale, 1.0), ridge)
        return LogisticArrayFit(fit, fit.inference(level))
