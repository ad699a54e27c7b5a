"""What recalibration saves of a case's held-out log loss, by maps that the rows judged did not teach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special

from whyfit.diagnosis.case import Case
from whyfit.diagnosis.held_out import log_losses
from whyfit.probability.calibration_error import calibration_error
from whyfit.probability.calibration_maps import EDGE, Map
from whyfit.probability.logistic import LogisticFit
from whyfit.probability.recalibration import Recalibrated
from whyfit.probability.scores.score import mean_above

#: Share of the base rate's log loss that recalibration must save: a skill of one per cent (`trial.RELEVANT_LOSS`).
RELEVANT = 0.01
#: Rows of the rarer class below which a map of three parameters is not worth fitting: ten for each parameter
#: (Peduzzi et al. 1996, J. Clinical Epidemiology 49).
FEWEST = 30
#: Where the gaps of fifteen bins are this likely by chance, nothing is tried: the maps cost ten times as much.
SCREEN = 0.2
#: The maps tried, by their names in `Spec.recalibrate`: one smooth, one of any rising shape.
MAPS = ("beta", "isotonic")


@dataclass(frozen=True, slots=True)
class Tried:
    """Held-out outcomes and probabilities, and what the map `name` saves per row on rows that did not fit it.

    `name` is "" and nothing is saved where the screen saw no gap.
    """

    name: str
    y: Float[np.ndarray, " s"]
    p: Float[np.ndarray, " s"]
    map: Map  # fitted on all of them
    before: Float[np.ndarray, " s"]
    after: Float[np.ndarray, " s"]
    unit: float  # log loss of the base rate

    @property
    def saved(self) -> Float[np.ndarray, " s"]:
        """Per row, in shares of `unit`."""
        return (self.before - self.after) / self.unit

    @property
    def p_value(self) -> float:
        """Of "neither map saves more than RELEVANT", one-sided, doubled for the choice."""
        return min(1.0, 2 * mean_above(self.saved, RELEVANT))


def tried(case: Case) -> Tried | None:
    """The better map; None where there is too little to learn one from, or no maximum to calibrate."""
    if not isinstance(case.fit, LogisticFit) or not case.fit.converged:
        return None  # separated classes are CA205's
    y = case.sample.y
    if min(y.sum(), len(y) - y.sum()) < FEWEST:
        return None
    p, fold = np.clip(case.held_out, EDGE, 1 - EDGE), case.sample.fold
    base, before = float(y.mean()), log_losses(y, p)
    unit = float(special.entr(base) + special.entr(1 - base))
    if calibration_error(y, p).p_value > SCREEN:
        return Tried("", y, p, lambda q: q, before, before, unit)
    each = []
    for name in MAPS:
        maps = Recalibrated.of(name, y, p, fold, case.k)
        after = log_losses(y, maps.held_out(p, fold))
        each.append(Tried(name, y, p, maps.map, before, after, unit))  # type: ignore[arg-type]
    return min(each, key=lambda t: float(t.after.mean()))


def still_miscalibrated(case: Case) -> bool:
    """Whether a map still saves more than RELEVANT of the base rate's log loss."""
    left = tried(case)
    return left is not None and float(left.saved.mean()) > RELEVANT
