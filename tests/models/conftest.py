"""The model of each kind of target, fitted once."""

import pytest

from models.houses import TARGETS, case_of, houses, spec_of
from whyfit.models import TableModel


@pytest.fixture(scope="session")
def models() -> dict[str, TableModel]:
    """One model per target, and a few variants."""
    frame = houses()
    specs = {target: spec_of(target) for target in TARGETS}
    specs["robust"] = spec_of("value", covariance="HC3")
    specs["ridge"] = spec_of("value", ridge=3.0)
    specs["dropped rows"] = spec_of("sold", missing="drop", threshold=0.3)
    return {name: TableModel.of(case_of(frame, spec)) for name, spec in specs.items()}
