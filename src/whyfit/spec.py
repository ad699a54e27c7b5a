"""Spec: every choice a user or a remedy can make, in one frozen value.

The journey is a pure function of (source, Spec). A remedy is an edit of the Spec, written as a
plain dict such as ``{"drop": ["price_log"]}``; `edited` applies it and never changes the original.
List-valued fields are *extended* by an edit, scalar fields replaced.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from whyfit.errors import SpecError
from whyfit.term import Term

Task = Literal["auto", "regression", "binary", "multiclass"]
Role = Literal[
    "numeric", "boolean", "categorical", "datetime", "text", "identifier", "constant", "skip"
]
Missing = Literal["indicator", "impute", "drop"]
Covariance = Literal["classic", "HC0", "HC1", "HC2", "HC3", "cluster", "HAC"]
Recalibration = Literal["none", "platt", "temperature", "beta", "isotonic"]
Intervals = Literal["normal", "conformal"]
TargetTransform = Literal["identity", "log"]
LossName = Literal["auto", "squared", "poisson", "gamma", "huber"]
#: Known to `whyfit descend`; a fit of classes has one loss and needs no name for it.
LOSSES_OF_CLASSES = ("brier", "logistic", "hinge", "multinomial")
TextCode = Literal["tfidf", "hash", "counts"]

#: Cells that mean "missing" in any column, beside the empty cell. The words None, null and none
#: are *not* here: in real tables they are levels of a category ("no garage") more often than gaps.
MISSING_TOKENS = ("NA", "N/A", "#N/A", "NaN", "nan", "?")

#: Fields that choose nothing about rows and columns but which of them there are, or which rows are held out together.
OF_THE_FIT = frozenset(
    ("ridge", "components", "drop", "standardise", "covariance", "threshold", "confidence", "loss", "groups", "order",
     "blocked", "recalibrate", "intervals", "costs")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spec:
    """What is fitted, and how.

    Attributes
    ----------
    target : name of the column to explain.
    task : "auto" detects regression, binary or multiclass from the target.
    roles : {column: role} overrides of the detected schema.
    drop : source columns left out of the design.
    terms : derived columns added to the design.
    missing : "indicator" imputes the mean and adds a 0/1 column, "impute" the mean only,
        "drop" leaves out rows with a missing cell. Rows with a missing target are always left out.
    missing_tokens : cells read as missing, beside the empty cell.
    rare_level : levels with fewer rows than this are merged into "(rare)".
    max_levels : a category keeps at most this many levels; the rest are merged into "(rare)".
    text : columns of free text become the weights of their terms ("tfidf"), of buckets that the terms are
        hashed into ("hash"), or only their numbers of characters and words ("counts").
    text_features : columns of each text at most; None: 1,000, and one to ten rows.
    text_components : reduce these to so many by truncated singular value decomposition; None: do not.
    image_size : (width, height) to which images are averaged; None: as they are.
    reference : {categorical column: reference level}; default the most frequent level.
    exclude_rows : source row numbers (0-based) kept out of the fit, still predicted and scored.
    target_transform : "log" fits log(target); needs a positive target.
    loss : what a regression minimises: "squared" (and "auto"); "poisson" for counts and "gamma" for amounts, both with
        log link; "huber" for errors with outliers. A loss makes the task a regression.
    ridge : penalty λ on the coefficients of unit-variance columns, loss (1/n)Σ(y−ŷ)² + (λ/n)‖w‖²
        for regression (Huber's loss near its minimum too) and (1/n)Σ loss + (λ/2n)‖w‖² for the negative
        log-likelihoods of classification, Poisson and gamma; 0 is none.
    components : fit the target on so many leading principal components of the unit-variance columns, found without
        the target; None: on the columns themselves.
    standardise : judge gradient methods on unit-variance columns. The fit is the same either way: it is
        found in closed form or by Newton's method, and the penalty always sees unit-variance columns.
    covariance : which standard errors are reported; "cluster" are robust to dependence within `groups`, "HAC" to
        that between neighbours in `order` (see `diagnosis.standard_errors`).
    recalibrate : predicted probabilities are passed through this map, learned from out-of-fold predictions; scores are
        held out from it too. Of more than two classes "platt" and "temperature".
    intervals : prediction intervals of a regression from the normal law, or conformal ones.
    threshold : probability from which a row is called positive; None is 1/2, or what `costs` make of it. Given, it
        wins over these.
    costs : of a false positive and of a false negative; a row is called positive from c₊/(c₊ + c₋) on.
    folds : number of cross-validation folds (fewer when the rows are few).
    group_copies : rows with equal features are held out together.
    groups : column whose equal values are rows of one group (a patient, a school): held out together, no feature.
    order : column, a number or a date, by which the rows follow each other; None: their order in the source.
    blocked : folds are blocks of rows that follow each other in `order`.
    seed : seed of the fold assignment and of every simulation.
    confidence : level of all intervals.
    """

    target: str = ""
    task: Task = "auto"
    roles: dict[str, Role] = dataclasses.field(default_factory=dict)
    drop: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    missing: Missing = "indicator"
    missing_tokens: tuple[str, ...] = MISSING_TOKENS
    rare_level: int = 10
    max_levels: int = 50
    text: TextCode = "tfidf"
    text_features: int | None = None
    text_components: int | None = None
    image_size: tuple[int, int] | None = None
    reference: dict[str, str] = dataclasses.field(default_factory=dict)
    exclude_rows: tuple[int, ...] = ()
    target_transform: TargetTransform = "identity"
    loss: LossName = "auto"
    ridge: float = 0.0
    components: int | None = None
    standardise: bool = False
    covariance: Covariance = "classic"
    recalibrate: Recalibration = "none"
    intervals: Intervals = "normal"
    threshold: float | None = None
    costs: tuple[float, float] | None = None
    folds: int = 10
    group_copies: bool = False
    groups: str | None = None
    order: str | None = None
    blocked: bool = False
    seed: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise SpecError(
                f"confidence is {self.confidence}; expected a level in [0.5, 1), e.g. 0.95."
            )
        if self.folds < 2:
            raise SpecError(f"folds is {self.folds}; expected at least 2, e.g. 10.")
        if not (self.ridge >= 0 and self.ridge < math.inf):
            raise SpecError(f"ridge is {self.ridge}; expected a finite penalty ≥ 0.")
        if self.seed < 0:
            raise SpecError(f"seed is {self.seed}; expected a whole number ≥ 0.")
        if self.loss in LOSSES_OF_CLASSES:
            raise SpecError(
                f"the loss {self.loss} belongs to `whyfit descend`; a fit minimises the log-loss: leave it out."
            )
        if self.loss not in ("auto", "squared", "poisson", "gamma", "huber"):
            raise SpecError(
                f"loss is {self.loss!r}; expected auto, squared, poisson, gamma or huber."
            )
        if self.loss not in ("auto", "squared") and self.task in ("binary", "multiclass"):
            raise SpecError(
                f"the loss {self.loss} is one of regressions, and the task is {self.task}; leave one of them out."
            )
        if self.loss in ("poisson", "gamma") and self.target_transform == "log":
            raise SpecError(
                f"the loss {self.loss} has a log link of its own; leave out the log of the target."
            )
        for name in ("text_features", "text_components", "components"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SpecError(f"{name} is {value}; expected a number of columns ≥ 1.")
        if self.image_size is not None and (len(self.image_size) != 2 or min(self.image_size) < 1):
            raise SpecError(
                f"image_size is {self.image_size}; expected (width, height), e.g. (28, 28)."
            )
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise SpecError(
                f"threshold is {self.threshold}; expected a probability in (0, 1), e.g. 0.5."
            )
        if self.costs is not None and not (
            len(self.costs) == 2 and 0 < min(self.costs) <= max(self.costs) < math.inf
        ):
            raise SpecError(
                f"costs are {self.costs}; expected two positive numbers, of a false positive and a false negative."
            )
        if self.covariance == "cluster" and self.groups is None:
            raise SpecError("cluster standard errors need groups; name the column of the groups.")
        if self.groups is not None and self.blocked:
            raise SpecError(
                "groups and blocked are two ways to hold rows out; leave one of them out."
            )
        if self.group_copies and self.blocked:
            raise SpecError(
                "group_copies and blocked are two ways to hold rows out; leave one of them out."
            )
        for name in ("groups", "order"):
            if getattr(self, name) is not None and getattr(self, name) == self.target:
                raise SpecError(
                    f"{name} is the target itself, '{self.target}'; name another column."
                )
        if self.rare_level < 1 or self.max_levels < 2:
            raise SpecError("rare_level must be ≥ 1 and max_levels ≥ 2.")

    @property
    def called_from(self) -> float:
        """The probability from which a row is called positive: `threshold`, else what `costs` make of it, else 1/2.

        With costs c₊ of a false positive and c₋ of a false negative c₊/(c₊ + c₋), which is best if probabilities
        mean what they say (Elkan 2001, IJCAI, 973-978).
        """
        if self.threshold is not None:
            return self.threshold
        return 0.5 if self.costs is None else self.costs[0] / sum(self.costs)


def edited(spec: Spec, edit: dict[str, Any]) -> Spec:
    """`spec` with `edit` applied: sequences and dicts are extended, other fields replaced.

    Raises SpecError for a field Spec does not have.
    """
    known = {f.name for f in dataclasses.fields(Spec)}
    changes: dict[str, Any] = {}
    for name, value in edit.items():
        if name not in known:
            raise SpecError(f"'{name}' is not a field of Spec; fields: {', '.join(sorted(known))}.")
        old = getattr(spec, name)
        if isinstance(old, dict):
            changes[name] = {**old, **value}
        elif isinstance(old, tuple) and name not in ("missing_tokens", "image_size", "costs"):
            new = [Term(**v) if isinstance(v, dict) else v for v in value]
            if name == "terms":
                new = [Term.of(v) if isinstance(v, str) else v for v in new]
            new = [
                dataclasses.replace(t, columns=tuple(t.columns)) if isinstance(t, Term) else t
                for t in new
            ]
            changes[name] = old + tuple(v for v in new if v not in old)
        else:
            changes[name] = tuple(value) if isinstance(old, tuple) else value
    return dataclasses.replace(spec, **changes)


def difference(new: Spec, old: Spec) -> dict[str, Any]:
    """The fields in which `new` differs from `old`, as plain values."""
    return {
        f.name: getattr(new, f.name)
        for f in dataclasses.fields(Spec)
        if getattr(new, f.name) != getattr(old, f.name)
    }
