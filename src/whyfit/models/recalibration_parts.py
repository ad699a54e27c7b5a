"""The recalibration map of a TableModel as an array of a `.whyfit` file, and back."""

from __future__ import annotations

import numpy as np

from whyfit.data.design import Design
from whyfit.errors import ModelFileError, SpecError
from whyfit.probability.recalibrated_law import map_from_array, map_to_array
from whyfit.probability.recalibration import AnyMap, check_map
from whyfit.spec import Spec

_KEY = "recalibration"


def to_arrays(map: AnyMap | None) -> dict[str, np.ndarray]:
    """None for no map."""
    return {} if map is None else {_KEY: map_to_array(map)}


def apart(arrays: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """The arrays without the map, and its numbers."""
    return {k: v for k, v in arrays.items() if k != _KEY}, arrays.get(_KEY)


def from_array(spec: Spec, design: Design, numbers: np.ndarray | None, name: str) -> AnyMap | None:
    """The map, which is there if and only if `spec` asks for one; ModelFileError, naming the file, otherwise."""
    if (numbers is None) != (spec.recalibrate == "none"):
        there = "no map" if numbers is None else "a map"
        raise ModelFileError(
            f"{name} holds {there} where its recalibration is '{spec.recalibrate}'; save it again."
        )
    if numbers is None:
        return None
    try:
        check_map(spec.recalibrate, design.task, len(design.classes), design.target.name)
        return map_from_array(spec.recalibrate, numbers, len(design.classes))
    except (ValueError, SpecError) as error:
        raise ModelFileError(
            f"{name} is no model this whyfit can read ({error}); save it again."
        ) from None
