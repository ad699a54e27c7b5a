"""DescendDocument: everything `whyfit descend` shows, as plain data; its JSON is the public schema of the command.

Text, HTML and JSON are drawn from it and from nothing else. Fields are only ever added; `schema` rises when one
changes its meaning. Numbers that do not exist are None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from whyfit.diagnosis.finding import Finding
from whyfit.report.document import Rows, Source

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Told:
    """A prediction beside what was observed; `agrees` within the relative `tolerance`, None if it cannot be said."""

    what: str
    predicted: float | None
    observed: float | None
    tolerance: float | None = None
    agrees: bool | None = None
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Better:
    """Another step size or other columns, tried: shares of the excess loss left, predicted and run."""

    what: str
    rate: float | None  # None where the method chooses its own
    limit: float | None  # the largest stable step there
    predicted: float | None
    observed: float
    steps: int
    condition: float | None = None  # κ of the Hessian


@dataclass(frozen=True, slots=True)
class Runner:
    """An optimizer of the race; `steps` and `epochs` to 1 % of the excess loss, None if it did not arrive."""

    name: str
    rate: float | None
    batch: int | None
    steps: int | None
    epochs: float | None
    left: float
    budget: int
    predicted_steps: float | None
    curve: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares of the excess loss along the steps, observed and (where there is a closed form) predicted."""

    steps: tuple[int, ...] = ()
    observed: tuple[float | None, ...] = ()
    predicted: tuple[float | None, ...] = ()
    floor: float | None = None


@dataclass(frozen=True, slots=True)
class Contours:
    """Loss over a plane through the minimum: `excess[i][j]` as a share of its start at (first[i], second[j])."""

    name: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    excess: tuple[tuple[float, ...], ...]
    path: tuple[tuple[float, float], ...]
    held: tuple[float, float]
    curvatures: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Run:
    """The descent that was asked for. None of the numbers that a loss without minimum does not have."""

    optimizer: str
    rate: float | None
    recommended: bool  # the rate was not given: theory chose it
    batch: int | None
    steps: int  # taken
    asked: int  # steps that were asked for
    epochs: float  # of these
    schedule: str
    start_loss: float
    end_loss: float | None
    least_loss: float | None
    left: float | None
    outcome: str


@dataclass(frozen=True, slots=True)
class DescendDocument:
    source: Source
    spec: dict[str, Any]  # of the table
    descent: dict[str, Any]  # of the descent
    task: str
    target: str
    loss: str
    rows: Rows
    parameters: int
    standardised: bool
    condition: float | None  # κ of the Hessian at the minimum
    run: Run | None  # None of a race alone
    verdict: str  # the outcome in a sentence
    told: tuple[Told, ...]
    better: tuple[Better, ...]
    race: tuple[Runner, ...]
    findings: tuple[Finding, ...]
    curve: Curve
    landscapes: tuple[Contours, ...]
    timings: dict[str, float]
    notes: tuple[str, ...] = ()
    python: str = ""
    kind: str = "descend"
    schema: int = SCHEMA
    whyfit: str = ""
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)


#: Order of the keys in JSON; every field of DescendDocument but the landscapes, which are for figures.
KEYS = (
    "schema", "whyfit", "kind", "source", "spec", "descent", "task", "target", "loss", "rows", "parameters",
    "standardised", "condition", "run", "verdict", "told", "better", "race", "findings", "left_out", "notes",
    "python", "timings", "curve",
)  # fmt: skip
