"""MapSpec: every choice `whyfit map` knows, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
