"""whyfit finds out why a model fits the way it does, with the mathematics as evidence.

    result = whyfit.fit("houses.csv", target="price")
    result.findings; result.model; result.show(); result.save("houses.html"); result.fix()

Importing whyfit imports nothing heavy; the first call does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whyfit.diagnosis.finding import Evidence, Finding, Remedy, Trial
    from whyfit.result import Result
    from whyfit.spec import Spec, Task, Term

__version__ = "0.1.0"
__all__ = ["Evidence", "Finding", "Remedy", "Result", "Spec", "Term", "Trial", "fit"]

_HOMES = {
    "Evidence": "whyfit.diagnosis.finding",
    "Finding": "whyfit.diagnosis.finding",
    "Remedy": "whyfit.diagnosis.finding",
    "Result": "whyfit.result",
    "Spec": "whyfit.spec",
    "Term": "whyfit.spec",
    "Trial": "whyfit.diagnosis.finding",
}


def fit(
    source: Any,
    target: str | None = None,
    *,
    task: Task = "auto",
    spec: Spec | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
) -> Result:
    """Fit a table and find out why it fits the way it does.

    Parameters
    ----------
    source : path of a CSV, TSV, Parquet, Arrow, Feather or NDJSON file (.gz too); any data frame that narwhals
        or the Arrow C stream interface understands; or arrays (X, y) with X (n, p) and y (n,).
    target : name of the column to explain; not needed for (X, y).
    task : "regression", "binary", "multiclass"; "auto" detects it from the target.
    spec : all choices at once; `target` and `task` win over it.
    select, ignore : rules by code ("LA107"), prefix ("LA") or name ("ill-conditioned").

    Raises
    ------
    whyfit.errors.InputError
        The data or the choices cannot be used; the message says what to try.
    """
    import dataclasses

    from whyfit.journey import fit as walk
    from whyfit.spec import Spec

    spec = spec or Spec()
    chosen = [(r,) if isinstance(r, str) else tuple(r) for r in (select, ignore)]
    if target is not None:
        spec = dataclasses.replace(spec, target=str(target))
    if task != "auto":
        spec = dataclasses.replace(spec, task=task)
    return walk(source, spec, select=chosen[0], ignore=chosen[1])


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'whyfit' has no attribute '{name}'")
