"""Document: everything a report shows, as plain data; its JSON is the public schema.

The text, HTML and JSON renderers read a Document and nothing else. Fields are only ever added;
`schema` rises when one changes its meaning. Figures are drawn from `figures`, which JSON leaves
out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from whyfit.diagnosis.finding import Finding
from whyfit.report.panel import Panel

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Source:
    name: str  # file name or "data frame", "arrays"
    format: str  # csv, parquet, feather, ndjson, frame, arrays
    bytes: int | None = None
    details: dict[str, Any] = field(
        default_factory=dict
    )  # delimiter, encoding, decimal, compression


@dataclass(frozen=True, slots=True)
class Rows:
    read: int
    used: int
    dropped: dict[str, int] = field(default_factory=dict)  # reason -> rows


@dataclass(frozen=True, slots=True)
class Feature:
    """A source column: what it was taken for and which design columns it became (if none: why)."""

    name: str
    kind: str
    columns: tuple[str, ...]
    missing: int = 0
    unreadable: int = 0
    reason: str = ""  # why it has no columns, or what was done to it


@dataclass(frozen=True, slots=True)
class Coefficient:
    """NaN (null in JSON) where a number does not exist, e.g. for a dropped direction."""

    name: str
    estimate: float
    std_error: float
    statistic: float
    p_value: float
    low: float
    high: float
    digits: float  # decimal digits of `estimate` certain against rounding
    std_error_digits: float = float("nan")  # ... and of `std_error`, where known
    ratio: float = float(
        "nan"
    )  # e^estimate under a log link: factor of the mean per unit of the column


@dataclass(frozen=True, slots=True)
class Model:
    kind: str  # "least squares", "ridge", "logistic", "multinomial logistic", "Poisson, log link", ...
    coefficients: tuple[Coefficient, ...]
    target: str
    covariance: str = "classic"
    solver: str = ""  # route taken, in words
    converged: bool = True
    why: str = ""  # if not converged or rank-deficient: the cause
    sigma: float | None = None  # residual standard deviation, units of the target
    r2: float | None = None
    f_statistic: float | None = None
    f_df: tuple[float, float] | None = None
    f_p_value: float | None = None
    condition_number: float | None = None  # of the centred, unit-scaled columns
    condition_indices: tuple[float, ...] = ()
    vif: dict[str, float] = field(default_factory=dict)
    log_likelihood: float | None = None
    classes: tuple[str, ...] = ()
    r2_digits: float | None = None  # decimal digits of r2 and f_statistic certain against rounding
    f_digits: float | None = None
    loss: str = ""  # squared, poisson, gamma, huber, log-loss
    dispersion: float | None = None  # Pearson's χ²/(n − p − 1) of Poisson and gamma
    deviance: float | None = None  # of the fit and of the constant, likewise
    null_deviance: float | None = None
    outliers: int | None = None  # rows that Huber's loss counts linearly


@dataclass(frozen=True, slots=True)
class Score:
    value: float
    low: float | None = None
    high: float | None = None
    folds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """Points for the figures; at most a few thousand each."""

    fitted: tuple[float, ...] = ()  # predictions of a random sample of rows (held-out)
    residual: tuple[float, ...] = ()  # y − fitted for the same rows (probability scale if binary)
    singular_values: tuple[float, ...] = ()  # of the centred, unit-scaled columns, largest first
    observed: tuple[float, ...] = ()  # y of the same rows
    ridge_path: tuple[tuple[float, float], ...] = ()  # (λ, held-out score)


@dataclass(frozen=True, slots=True)
class Document:
    source: Source
    spec: dict[str, Any]
    task: str
    rows: Rows
    features: tuple[Feature, ...]
    model: Model
    scores: dict[str, dict[str, Score]]  # {"held_out": {"r2": ...}, "training": {...}, ...}
    findings: tuple[Finding, ...]  # most severe first
    timings: dict[str, float]  # seconds
    schema: int = SCHEMA
    whyfit: str = ""
    notes: tuple[str, ...] = ()  # remarks that are not findings, one line each
    python: str = ""  # equivalent Python
    figures: Figures = field(default_factory=Figures)
    panels: tuple[Panel, ...] = ()  # subjects beyond the findings: scores, learning curve, ...
