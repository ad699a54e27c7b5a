"""What a copy in the training set is worth to the held-out score.

Row i is held out, t copies of it (same x, same y) are in its training set. Let r be its held-out residual and h the
leverage of one such row in that training set, h = x̃ᵀ(X̃ᵀX̃)⁻¹x̃. Without the t copies the residual would be

    r' = r / (1 − t h)          (Sherman–Morrison for t equal rows)

so the copies lower the mean squared error by mean(r'² − r²). For the logistic model one Newton step gives the same with
h = π(1−π) x̃ᵀVx̃, V the covariance of the estimates, and Δη = −x̃ᵀVx̃ t (y − π)/(1 − t h) on the scale of the log odds.

References: Cook & Weisberg (1982), §2.2 and §3.5; Pregibon (1981), Annals of Statistics 9, 705-724.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy import special

#: A copy cannot have more leverage than this: beyond it the update formula divides by nothing.
_MOST = 0.999


def leverages(
    X: Float[np.ndarray, "s p"], V: Float[np.ndarray, "c c"], share: float
) -> Float[np.ndarray, " s"]:
    """x̃ᵀVx̃ of rows (1, x) in a training set that is the `share` of the rows V was made from."""
    B = np.nan_to_num(V)
    through = X @ B[1:, 1:]
    quadratic = np.einsum("ij,ij->i", through, X) + 2 * X @ B[1:, 0] + B[0, 0]
    return np.maximum(quadratic, 0.0) / share


def squared_error_change(
    r: Float[np.ndarray, " s"], h: Float[np.ndarray, " s"], copies: Float[np.ndarray, " s"]
) -> Float[np.ndarray, " s"]:
    """Change of every held-out squared error once the `copies` leave the training set."""
    return (r / (1 - np.minimum(copies * h, _MOST))) ** 2 - r**2


def log_loss_change(
    y: Float[np.ndarray, " s"],
    probability: Float[np.ndarray, " s"],
    q: Float[np.ndarray, " s"],
    copies: Float[np.ndarray, " s"],
) -> Float[np.ndarray, " s"]:
    """Change of every held-out log loss; q = x̃ᵀVx̃, y is 0 or 1."""
    h = probability * (1 - probability) * q
    eta = special.logit(np.clip(probability, 1e-12, 1 - 1e-12))
    sign = 2 * y - 1
    after = eta - copies * q * (y - probability) / (1 - np.minimum(copies * h, _MOST))
    return (
        special.log1p(np.exp(-np.abs(after)))
        + np.maximum(-sign * after, 0)
        - (special.log1p(np.exp(-np.abs(eta))) + np.maximum(-sign * eta, 0))
    )
