"""The panels of a report, in order: each a maker that says nothing (None) where it has nothing to say."""

from __future__ import annotations

from collections.abc import Callable

from whyfit.account.conclusions import conclusions_panel
from whyfit.account.dependence import dependence_panel
from whyfit.account.generalisation import generalisation_panel
from whyfit.account.intervals import intervals_panel
from whyfit.account.performance import performance_panel
from whyfit.account.reliability import calibration_panel
from whyfit.account.shift import shift_panel
from whyfit.diagnosis.case import Case
from whyfit.report.panel import Panel

#: Makers of panels in the order of a report.
MAKERS: tuple[Callable[[Case], Panel | None], ...] = (
    performance_panel,
    calibration_panel,
    generalisation_panel,
    intervals_panel,
    conclusions_panel,
    dependence_panel,
    shift_panel,
)


def panels_of(case: Case) -> tuple[Panel, ...]:
    return tuple(panel for make in MAKERS if (panel := make(case)) is not None)
