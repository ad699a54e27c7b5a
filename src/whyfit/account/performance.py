"""The panel of scores: what predictions of held-out rows are worth, each with its interval and beside knowing nothing.

All numbers are of the out-of-fold predictions of the case's sample, pooled over the folds; intervals are those of rows
drawn at random, given the models. The scores of the report are means over folds, whose intervals also hold what another
training set would change; a remark sets the two side by side.
"""

from __future__ import annotations

from whyfit.account.performance_binary import binary_panel
from whyfit.account.performance_classes import classes_panel
from whyfit.account.performance_regression import regression_panel
from whyfit.diagnosis.case import Case
from whyfit.report.panel import Panel

#: Fewer held-out rows have no interval worth printing.
FEWEST = 3


def performance_panel(case: Case) -> Panel | None:
    """None for fewer than three rows."""
    if len(case.sample.y) < FEWEST:
        return None
    makers = {"regression": regression_panel, "binary": binary_panel, "multiclass": classes_panel}
    return makers[case.task](case)
