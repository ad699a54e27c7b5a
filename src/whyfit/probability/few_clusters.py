"""Cluster-robust covariance for few clusters: CR2 of Bell and McCaffrey, with degrees of freedom of its own.

    M = Σ_g u_g u_gᵀ,   u_g = x̃_gᵀ(I − H_gg)^{−½} e_g

(I − H_gg)^{−½} gives residuals of a cluster the covariance that its errors have if all are independent and of one
variance, so that V M V is unbiased then; and the χ² that its diagonal follows then, approximately, has

    ν_j = (tr PᵀP)² / ‖PᵀP‖²_F,   column g of P  p_g = (I − H)_·g (I − H_gg)^{−½} x̃_g V_·j

degrees of freedom: few where one cluster, or the few that differ in column j, decide. In the basis of `block_sums`,
F_g = (I − K_g)^{−½}, α_g = τ_jᵀF_gK_gF_gτ_j and b_g = K_gF_gτ_j,

    M ~ Σ F_g w_g w_gᵀ F_g,   tr PᵀP = Σ (α_g − ‖b_g‖²),   ‖PᵀP‖² = Σ (α_g² − 2α_g‖b_g‖²) + ‖Σ b_g b_gᵀ‖²

Where a cluster alone determines a direction (its own dummy), the inverse root is that of Moore and Penrose. Its
residuals tell nothing of that direction: a coefficient that rests on it in part gets NaN, the others their numbers.

Measured coverage of 95 % intervals for a slope, clusters of 5 rows on average, half of the variance of errors (and of
the column, or its logarithm) between clusters (2,000 tables each, 0.5 points of Monte-Carlo error). CR1 is t with G − 1
degrees of freedom, wild the restricted wild cluster bootstrap of `wild`, its default weights:

    column, clusters                      clusters  classic    CR1  CR2, ν_j  mean ν_j     wild
    normal, equal sizes                     5      84.6   90.0     95.9       2.8     93.3
    normal, equal sizes                    10      84.4   92.8     95.8       5.7     94.9
    normal, equal sizes                    20      82.7   92.2     94.5      11.3     94.4
    normal, equal sizes                    40      83.2   94.0     94.8      22.4     95.5
    normal, sizes up to 7-fold              5      83.5   87.5     95.7       2.5     93.1
    normal, sizes up to 7-fold             10      83.5   90.9     96.2       5.0     94.7
    normal, sizes up to 7-fold             20      80.6   91.7     94.3       9.5     94.7
    normal, sizes up to 7-fold             40      81.2   93.7     95.3      18.7     96.0
    lognormal, equal sizes                  5      80.7   85.5     97.9       2.0     95.9
    lognormal, equal sizes                 10      79.2   83.4     98.2       2.6     96.9
    lognormal, equal sizes                 20      79.3   84.1     97.4       3.5     96.4
    lognormal, equal sizes                 40      80.5   86.2     97.5       4.9     95.8
    lognormal, sizes up to 7-fold           5      80.8   83.2     96.9       1.9     95.7
    lognormal, sizes up to 7-fold          10      76.8   82.8     98.0       2.6     96.8
    lognormal, sizes up to 7-fold          20      77.8   83.8     98.2       3.4     95.8
    lognormal, sizes up to 7-fold          40      74.9   85.2     97.2       4.7     95.9
    dummy of G/5, equal sizes               5      69.7   89.5     96.4       2.3     91.1
    dummy of G/5, equal sizes              10      72.5   82.0     99.2       1.5     99.2
    dummy of G/5, equal sizes              20      72.9   89.5     96.0       4.6     94.2
    dummy of G/5, equal sizes              40      73.9   91.8     94.2      10.8     94.0
    dummy of G/5, sizes up to 7-fold        5      75.4   86.2     98.6       1.5     98.6
    dummy of G/5, sizes up to 7-fold       10      84.4   80.8    100.0       1.2    100.0
    dummy of G/5, sizes up to 7-fold       20      85.9   88.7     96.4       3.5     95.4
    dummy of G/5, sizes up to 7-fold       40      87.1   92.5     96.2       8.2     95.5

CR2 covers no less than 94.2 anywhere there, and up to 100 where one or two clusters decide: ν_j is then between 1 and
2, and the interval as wide as that says.

References: Bell & McCaffrey (2002), Survey Methodology 28, 169-181; Imbens & Kolesár (2016), Review of Economics and
Statistics 98, 701-712; Pustejovsky & Tipton (2018), J. Business & Economic Statistics 36, 672-683.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Shaped

from whyfit.fold import Engine, RowSource
from whyfit.probability.block_sums import (
    UNTOLD,
    Basis,
    Spread,
    block_sums,
    check_clusters,
    codes_of,
    labelled,
)
from whyfit.probability.linear import LinearFit
from whyfit.probability.sandwich import Meat, cluster_meat

_HELD = 1 << 23  # numbers of K_g held at once; more clusters take more passes
_PASSES = 2  # and beyond so many passes CR1 will do: its error is of order p/G
_SMALL = (
    0.01  # trace of K up to which (I − K)^{−½} is summed as a series; its sixth term is below 1e-13
)
_ALONE = 1e-10  # 1 − eigenvalue of K_g: a direction that cluster g determines alone


def cr2_meat(
    fit: LinearFit,
    rows: RowSource,
    label: Shaped[np.ndarray, " n"],
    engine: Engine | None = None,
) -> Meat:
    """CR2 meat of clusters of rows with one label, each coefficient with its Satterthwaite degrees of freedom.

    Parameters
    ----------
    label : any sortable values, one per *source* row: row i of a block belongs to label[rows.index[i]].

    With as many clusters as rows CR2 is HC2. A penalised fit, or clusters × columns² beyond 2²⁴ (38,000 clusters of a
    design with 20 columns; 2²³ for more than 200 columns), get CR1, and are called so.

    Raises ShapeError with fewer than two clusters, or fewer labels than rows.
    """
    basis, code = Basis.of(fit), codes_of(label)
    count = int(code.max(initial=-1)) + 1
    square = basis.r**2
    each = max(_HELD // square, 1)
    passes = _PASSES if (len(basis.T) + 1) * square <= _HELD else 1
    if fit.ridge or count > passes * each:
        return cluster_meat(fit, rows, label, engine=engine)
    tau = basis.tau
    c, r = tau.shape
    Q, S, G = np.zeros((r, r)), np.zeros((c, r, r) if count > each else (c, 0, 0)), 0
    trace, norm2 = np.zeros(c), np.zeros(c)
    for first in range(0, max(count, 1), each):
        last = min(first + each, count)
        sums = block_sums(basis, labelled(rows, code), first, last, engine)
        G += int(sums.K.any(axis=(1, 2)).sum())  # of some labels every row may be missing
        F = inverse_root(sums.K)
        u = np.einsum("gij,gj->gi", F, sums.w)
        Q += u.T @ u
        Ft = F @ tau.T  # (g, r, c)
        b = sums.K @ Ft
        alpha, length = np.einsum("gic,gic->gc", Ft, b), np.einsum("gic,gic->gc", b, b)
        trace += (alpha - length).sum(axis=0)
        norm2 += (alpha * (alpha - 2 * length)).sum(axis=0)
        b = b.transpose(2, 0, 1)  # (c, g, r)
        if count > each:
            S += b.transpose(0, 2, 1) @ b
        else:  # ‖Σ b bᵀ‖ by whichever product is the smaller
            S = b @ b.transpose(0, 2, 1) if last < r else b.transpose(0, 2, 1) @ b
    check_clusters(G)
    norm2 += np.einsum("cij,cij->c", S, S)
    told = trace >= (1 - UNTOLD) * np.einsum("cr,cr->c", tau, tau)
    return Meat.each(basis.meat(Q), "CR2", Spread(trace, norm2).df(told), clusters=G)


def inverse_root(K: Float[np.ndarray, "g r r"]) -> Float[np.ndarray, "g r r"]:
    """(I − K)^{−½} of each, 0 ≤ K ≤ I; 0 in directions where K is 1."""
    r = K.shape[-1]
    out = np.empty_like(K)
    small = np.einsum("gii->g", K) < _SMALL
    few = K[small]
    series = np.broadcast_to(np.eye(r), few.shape)
    for k in (
        5,
        4,
        3,
        2,
        1,
    ):  # Horner: the k-th binomial coefficient is (2k − 1)/2k times the one before
        series = np.eye(r) + (2 * k - 1) / (2 * k) * (few @ series)
    out[small] = series
    values, U = np.linalg.eigh(K[~small])
    gap = 1 - values
    root = np.where(gap > _ALONE, np.maximum(gap, _ALONE) ** -0.5, 0.0)
    out[~small] = (U * root[:, None, :]) @ U.transpose(0, 2, 1)
    return out
