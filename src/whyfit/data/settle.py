"""The last word on the schema: rules that look at all columns at once."""

from __future__ import annotations

import dataclasses

from whyfit.data.roles import Decision
from whyfit.data.schema import Column
from whyfit.errors import SchemaError, SourceError, TargetError
from whyfit.spec import Spec

#: Rows with a target below which nothing can be fitted.
FEWEST_ROWS = 3
#: Numbers below this have squares that float64 cannot hold to full precision.
_SMALLEST = 1e-150
_HOLDS = {
    "skip": "is not used",
    "text": "holds free text",
    "identifier": "tells the rows apart",
    "datetime": "holds dates",
}
_FEATURES = ("numeric", "boolean", "categorical", "datetime", "text")


def settle(
    decisions: list[Decision], renamed: list[str], spec: Spec, n: int, source: str
) -> list[Decision]:
    """Note renamed columns, give identifiers back if nothing else is left, check the target."""
    settled = []
    for decision, why in zip(decisions, renamed, strict=True):
        if why:
            column = decision.column
            reason = f"{why}; {column.reason}" if column.reason else why
            decision = dataclasses.replace(
                decision, column=dataclasses.replace(column, reason=reason)
            )
        settled.append(decision)
    apart = (spec.target, spec.groups)
    left = [d for d in settled if d.column.name not in apart and d.column.role in _FEATURES]
    if not left:
        for i, d in enumerate(settled):
            c = d.column
            free = c.name not in spec.roles and c.name not in apart
            if c.role == "identifier" and d.finish is not None and free:
                column = dataclasses.replace(
                    c, role="numeric", reason=f"kept, for there is no other feature ({c.reason})"
                )
                settled[i] = dataclasses.replace(d, column=column)
    if spec.target:
        _check_target(settled, spec, n, source)
    for d in settled:
        if d.column.name not in spec.drop:
            _check_scale(d.column)
    return settled


def _check_scale(column: Column) -> None:
    """SchemaError if squares of the column's values vanish in float64."""
    largest = max(abs(column.minimum), abs(column.maximum))
    if column.role == "numeric" and 0 < largest < _SMALLEST:
        raise SchemaError(
            f"column '{column.name}' has no value beyond {largest:.3g}, whose square vanishes in "
            "double precision; rescale it."
        )


def _check_target(decisions: list[Decision], spec: Spec, n: int, source: str) -> None:
    column = next(d.column for d in decisions if d.column.name == spec.target)
    present = column.n - column.n_missing
    if present == 0:
        extra = ""
        if column.n_unreadable or column.n_infinite:
            extra = f" ({column.n_unreadable} unreadable, {column.n_infinite} infinite)"
        raise TargetError(f"the target '{spec.target}' is missing in all {n:,} rows{extra}.")
    if present < FEWEST_ROWS:
        raise SourceError(
            f"{source} has {present} row{'s' * (present != 1)} with a target; expected at least "
            f"{FEWEST_ROWS}."
        )
    if column.role == "constant":
        value = column.levels[0] if column.levels else f"{column.minimum:.15g}"
        raise TargetError(
            f"the target '{spec.target}' is {value} in all {present:,} rows that have one; "
            "a constant explains nothing."
        )
    if column.role in ("skip", "text", "identifier", "datetime"):
        raise TargetError(
            f"the target '{spec.target}' {_HOLDS[column.role]}"
            f"{f' ({column.reason})' if column.reason else ''}; expected numbers, or classes."
        )
