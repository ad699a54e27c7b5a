"""Hamiltonian Monte Carlo: draws from a posterior itself, to check every approximation by. Needs `whyfit[hmc]`.

    H(θ, v) = −log p(θ | y) + ½ vᵀCv,   θ' = Cv,   v' = ∇log p(θ | y);   C the covariance of Laplace's approximation

No-U-turn trajectories with multinomial draws, step size by dual averaging, are those of Mici (pure NumPy). In the
metric C⁻¹ a posterior near normal is as good as a standard normal one, so that only the step size need be learnt. The
chains start twice as far apart as the posterior is wide; R̂ and effective sizes (`probability.bayes.chains`) tell
whether they have met. Where `probability.bayes.importance` gives a small k̂ it says the same in a hundredth of the time.

References: Hoffman & Gelman (2014), JMLR 15, 1593-1623; Betancourt (2017), arXiv:1701.02434; Graham & Beskos (Mici).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from whyfit.engines.local import one_blas_thread
from whyfit.errors import InputError, SpecError
from whyfit.probability.bayes import chains as met
from whyfit.probability.bayes.gaussian import laplace
from whyfit.probability.bayes.linear_target import LinearTarget
from whyfit.probability.bayes.target import Target

WARM_UP = 400  # draws in which the step size is learnt, and left out
ACCEPT = 0.8  # mean acceptance aimed at: Hoffman & Gelman (2014), §4.4 recommend 0.6 to 0.8
_FEWEST = 8  # draws a chain: below, half a chain says nothing


class Density(Protocol):
    """What is sampled: `Target` (classes, counts) or `LinearTarget`."""

    def log_density(self, theta: Float[np.ndarray, "s d"], /) -> Float[np.ndarray, " s"]: ...
    def gradient(self, theta: Float[np.ndarray, " d"], /) -> Float[np.ndarray, " d"]: ...
    def to_units(self, theta: Float[np.ndarray, "s d"], /) -> Float[np.ndarray, "s d"]: ...


@dataclass(frozen=True, eq=False)
class Chains:
    """Draws of the posterior, with what tells whether they can be believed.

    Attributes
    ----------
    draws : (m, n, d) of (β₀, w), and σ for a linear model, in units of the columns: m chains of n.
    step_size : learnt. acceptance, steps : means per draw. divergences : trajectories that left the energy surface;
        more than a few mean that a part of the posterior was not reached.
    """

    draws: Float[np.ndarray, "m n d"]
    step_size: float
    acceptance: float
    steps: float
    divergences: int

    @property
    def pooled(self) -> Float[np.ndarray, "s d"]:
        """All chains end to end."""
        return self.draws.reshape(-1, self.draws.shape[-1])

    @property
    def mean(self) -> Float[np.ndarray, " d"]:
        return self.pooled.mean(axis=0)

    @property
    def sds(self) -> Float[np.ndarray, " d"]:
        return self.pooled.std(axis=0, ddof=1)

    @cached_property
    def mean_error(self) -> Float[np.ndarray, " d"]:
        """Monte-Carlo standard error of `mean`."""
        return self._each(met.mcse_mean)

    @cached_property
    def r_hat(self) -> Float[np.ndarray, " d"]:
        return self._each(met.r_hat)

    @cached_property
    def ess_bulk(self) -> Float[np.ndarray, " d"]:
        return self._each(met.ess_bulk)

    @cached_property
    def ess_tail(self) -> Float[np.ndarray, " d"]:
        return self._each(met.ess_tail)

    def quantile(self, q: float | np.ndarray) -> Float[np.ndarray, ...]:
        """(d,) for one q, (s, d) for several."""
        return np.quantile(self.pooled, q, axis=0)

    @property
    def reliable(self) -> bool:
        """R̂ < 1.01, more than 400 effective draws for middle and tails of everything, and no divergence."""
        few = min(float(self.ess_bulk.min()), float(self.ess_tail.min()))
        met_all = (
            float(self.r_hat.max()) < met.R_HAT_LIMIT
        )  # False for NaN: a quantity that stands still
        return met_all and few > met.ESS_LIMIT and not self.divergences

    def __str__(self) -> str:
        word = "can be relied on" if self.reliable else "cannot be relied on"
        m, n, _ = self.draws.shape
        return (
            f"{m} chains of {n:,}: R̂ {self.r_hat.max():.3f} (limit {met.R_HAT_LIMIT}), "
            f"{min(self.ess_bulk.min(), self.ess_tail.min()):,.0f} effective draws (limit {met.ESS_LIMIT}), "
            f"{self.divergences} divergences: {word}"
        )

    def _each(self, of) -> Float[np.ndarray, " d"]:
        return np.array([of(self.draws[..., j]) for j in range(self.draws.shape[-1])])


def hmc(
    target: Target | LinearTarget,
    draws: int = 1000,
    chains: int = 4,
    seed: int = 0,
    warm_up: int = WARM_UP,
) -> Chains:
    """`chains` × `draws` draws of the posterior.

    Parameters
    ----------
    target : of `bayes.target.target` (logistic, Poisson) or `bayes.linear_target.linear_target`.
    warm_up : draws a chain before these, in which the step size is learnt.

    A draw of a posterior near normal takes three or four gradients, each two passes over the rows.

    Raises
    ------
    InputError : Mici is not installed. SpecError : too few draws or chains, or a posterior without a mode (separated
    classes under a flat prior; a direction that neither prior nor rows determine).
    """
    for name, value, least in (("draws", draws, _FEWEST), ("chains", chains, 1)):
        if value < least:
            raise SpecError(f"{name} is {value}; expected at least {least}.")
    if warm_up < 50:
        raise SpecError(f"warm_up is {warm_up}; expected at least 50, e.g. {WARM_UP}.")
    mici = _mici()
    if isinstance(target, Target):
        normal = laplace(target)
        centre, covariance = normal.mean, normal.covariance
    else:
        centre, covariance = target.normal()
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(covariance)
    starts = [centre + 2 * root @ rng.standard_normal(len(centre)) for _ in range(chains)]
    potential = _Potential(target, centre, root)
    system = mici.systems.EuclideanMetricSystem(potential.value, grad_neg_log_dens=potential.slope)
    integrator = mici.integrators.LeapfrogIntegrator(system)
    sampler = mici.samplers.DynamicMultinomialHMC(system, integrator, rng)
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        _, traces, statistics = sampler.sample_chains(
            warm_up,
            draws,
            [potential.whitened(theta) for theta in starts],
            adapters=[mici.adapters.DualAveragingStepSizeAdapter(ACCEPT)],
            trace_funcs=[lambda state: {"z": state.pos}],
            display_progress=False,
        )
    theta = centre + np.asarray(traces["z"]) @ root.T
    return Chains(
        target.to_units(theta.reshape(-1, len(centre))).reshape(chains, draws, -1),
        float(integrator.step_size),
        float(np.mean(statistics["accept_stat"])),
        float(np.mean(statistics["n_step"])),
        int(np.sum(statistics["diverging"])),
    )


@dataclass(frozen=True, eq=False)
class _Potential:
    """−log p in coordinates z, θ = centre + root z: the metric C⁻¹ becomes the identity, and costs nothing."""

    target: Density
    centre: Float[np.ndarray, " d"]
    root: Float[np.ndarray, "d d"]

    def value(self, z: Float[np.ndarray, " d"]) -> float:
        return -float(self.target.log_density((self.centre + self.root @ z)[None])[0])

    def slope(self, z: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        return -self.root.T @ self.target.gradient(self.centre + self.root @ z)

    def whitened(self, theta: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        return np.linalg.solve(self.root, theta - self.centre)


def _mici() -> Any:
    try:
        import mici
    except ImportError:
        raise InputError(
            "Hamiltonian Monte Carlo is done by Mici, which is not installed; try pip install 'whyfit[hmc]'."
        ) from None
    return mici
