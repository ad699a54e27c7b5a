"""MapDocument: everything a map shows, as plain data; its JSON is the public schema of `whyfit map`.

Text, HTML, SVG and JSON are drawn from it and from nothing else. Fields are only ever added; `schema` rises when one
changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from whyfit.diagnosis.finding import Finding
from whyfit.report.document import Score, Source

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the picture; `kept` and `away` are None where they were not measured."""

    label: str
    row: int  # counted from 1
    x: float
    y: float
    kept: float | None = None  # share of its true neighbours that are near it in the plane
    away: float | None = (
        None  # mean distance of its true neighbours there; 1 is that of any two points
    )
    neighbours: tuple[str, ...] = ()  # true, nearest first
    colour: str | float | None = None
    text: str = ""  # the beginning of a document


@dataclass(frozen=True, slots=True)
class Neighbour:
    label: str
    row: int
    similarity: float | None = None  # cosine
    distance: float | None = None  # Euclidean
    text: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """To --near ("near") or --project ("project"); (x, y) is where the vector asked about is drawn."""

    kind: str
    asked: str
    terms: tuple[tuple[float, str], ...]
    found: tuple[Neighbour, ...]
    x: float
    y: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A point whose true neighbours are drawn far from it, around (around_x, around_y)."""

    label: str
    row: int
    x: float
    y: float
    kept: float
    away: float
    neighbours: tuple[str, ...]
    around_x: float
    around_y: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What to believe of the plane.

    Attributes
    ----------
    axis_1, axis_2, both : share of the variance kept.
    kept : mean share of the k true neighbours that are among the k nearest in the plane.
    kept_by : metric -> the same by that metric, the map's own first.
    chance : that share for points strewn at random. measured : points it was measured on.
    """

    axis_1: Score
    axis_2: Score
    both: Score
    kept: Score
    kept_by: dict[str, Score]
    k: int
    chance: float
    measured: int


@dataclass(frozen=True, slots=True)
class Treatment:
    """A transformation that was tried, and what it does to the cloud."""

    how: str
    name: str
    mean_cosine: float
    hub_skewness: float
    unchanged: float  # share of the nearest neighbours that stay
    kept: float  # share of the new nearest neighbours that the plane of the new vectors keeps


@dataclass(frozen=True, slots=True)
class MapDocument:
    source: Source
    spec: dict[str, Any]
    cloud: str  # vectors, table, images, documents
    points: int
    dimensions: int
    metric: str
    picture: Picture
    effective_rank: float | None  # participation ratio (Σλ)²/Σλ²
    misplaced: tuple[Misplaced, ...]
    answers: tuple[Answer, ...]
    findings: tuple[Finding, ...]  # most severe first
    treatments: tuple[Treatment, ...]
    drawn: tuple[Point, ...]
    timings: dict[str, float]  # seconds
    colour: str = ""  # name of what the points are coloured by
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)  # why -> columns
    notes: tuple[str, ...] = ()
    python: str = ""
    kind: str = "map"
    schema: int = SCHEMA
    whyfit: str = ""


#: Order of the keys in JSON; every field of MapDocument.
KEYS = (
    "schema", "whyfit", "kind", "source", "spec", "cloud", "points", "dimensions", "metric", "picture",
    "effective_rank", "misplaced", "answers", "findings", "treatments", "colour", "left_out", "notes", "python",
    "timings", "drawn",
)  # fmt: skip
