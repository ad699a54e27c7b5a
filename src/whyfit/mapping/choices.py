"""MapSpec: every choice `whyfit map` knows, in one frozen value."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from whyfit.errors import SpecError

Metric = Literal["auto", "cosine", "euclidean"]


@dataclass(frozen=True, slots=True)
class MapSpec:
    """What is mapped, and how.

    Attributes
    ----------
    labels : file with one label per line, or the labels themselves.
    label : column (or array of an .npz file) that holds the labels.
    colour : column (or array of an .npz file) by which points are coloured.
    text : column of documents; the cloud is then their TF-IDF vectors.
    image_size : "28x28" makes the pictures of a folder that wide and high.
    drop : columns left out.
    near : labels, or row numbers counted from 1, whose neighbours are asked for.
    project : expressions such as "king-man+woman".
    metric : what makes two points neighbours. "auto" is cosine for vectors and documents, and the Euclidean distance
        for tables and images.
    transform : "centre", "all-but-the-top", "whiten" or "unit" changes the vectors first.
    k : neighbours listed for every question.
    seed : of every sample of points. confidence : level of all intervals.
    """

    labels: Path | tuple[str, ...] | None = None
    label: str | None = None
    colour: str | None = None
    text: str | None = None
    image_size: str | None = None
    drop: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    metric: Metric = "auto"
    transform: str = "none"
    k: int = 10
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        from whyfit.diagnosis.cloud_transforms import TRANSFORMS

        if not 0.5 <= self.confidence < 1:
            raise SpecError(
                f"confidence is {self.confidence}; expected a level in [0.5, 1), e.g. 0.95."
            )
        if self.metric not in ("auto", "cosine", "euclidean"):
            raise SpecError(f"metric is '{self.metric}'; expected auto, cosine or euclidean.")
        if self.transform not in TRANSFORMS:
            raise SpecError(
                f"transform is '{self.transform}'; expected one of {', '.join(TRANSFORMS)}."
            )
        if self.k < 1:
            raise SpecError(f"k is {self.k}; expected at least 1 neighbour, e.g. 10.")
        if self.seed < 0:
            raise SpecError(f"seed is {self.seed}; expected a whole number ≥ 0.")
        if self.label and self.labels is not None:
            raise SpecError("labels are given twice, as a file and as a column; give one of them.")


def with_choices(spec: MapSpec | None, labels: Any, choices: dict[str, Any]) -> MapSpec:
    """`spec` (default: the default) with labels and other fields replaced; single strings are lists of one.

    Raises SpecError for a field that MapSpec does not have.
    """
    known = {f.name for f in dataclasses.fields(MapSpec)}
    for name in choices:
        if name not in known:
            raise SpecError(f"'{name}' is no choice of a map; choices: {', '.join(sorted(known))}.")
    new = dict(choices)
    for name in ("drop", "near", "project"):
        if name in new:
            value = new[name]
            single = isinstance(value, str | int)
            new[name] = (str(value),) if single else tuple(map(str, value))
    if labels is not None:
        path = isinstance(labels, str | os.PathLike)
        new["labels"] = Path(labels) if path else tuple(map(str, labels))
    return dataclasses.replace(spec or MapSpec(), **new)
