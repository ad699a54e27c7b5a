"""PR316: silent on classes that overlap as their law says; lists replaced labels.

Measured with labels of a clear law replaced at random (12x₁ + 4x₂), found: see docs/power.md.
"""

from __future__ import annotations

from power import simulation
from power.plants import dependence
from simulated import rarely, usually

PLANT = next(p for p in dependence.PLANTS if p.code == "PR316")
HEALTHY, PLANTED = 60, 15


def test_silent_on_classes_that_overlap():
    for n in (100, 400):
        assert rarely(simulation.hits(PLANT, "healthy", n, HEALTHY, simulation.FRESH), HEALTHY)


def test_lists_replaced_labels():
    for n in (400, 2000):
        assert usually(simulation.hits(PLANT, "strong", n, PLANTED, simulation.FRESH), PLANTED)
