"""The faults that are planted, one for every rule that has one."""

from power.plants import (
    calculus,
    certainty,
    clouds,
    dependence,
    descents,
    linalg,
    probability,
)
from power.plants.plant import SIZES, STRENGTHS, Made, Plant

__all__ = ["PLANTS", "SIZES", "STRENGTHS", "Made", "Plant"]

PLANTS: tuple[Plant, ...] = (
    *linalg.PLANTS,
    *calculus.PLANTS,
    *probability.PLANTS,
    *certainty.PLANTS,
    *dependence.PLANTS,
    *clouds.PLANTS,
    *descents.PLANTS,
)
