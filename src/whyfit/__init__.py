"""whyfit finds out why a model fits the way it does, with the mathematics as evidence.

    result = whyfit.fit("houses.csv", target="price")
    result.findings; result.model; result.show(); result.save("houses.html"); result.fix()

Importing whyfit imports nothing heavy; the first call does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whyfit.descending.choices import DescendSpec
    from whyfit.descending.road import DescendResult
    from whyfit.diagnosis.finding import Evidence, Finding, Remedy, Trial
    from whyfit.mapping.choices import MapSpec
    from whyfit.mapping.road import MapResult
    from whyfit.result import Result
    from whyfit.spec import Spec, Task, Term
    from whyfit.term import polynomial

__version__ = "0.1.0"
__all__ = [
    "DescendResult", "DescendSpec", "Evidence", "Finding", "MapResult", "MapSpec", "Remedy", "Result", "Spec", "Term",
    "Trial", "descend", "fit", "map", "polynomial",
]  # fmt: skip

_HOMES = {
    "DescendResult": "whyfit.descending.road",
    "DescendSpec": "whyfit.descending.choices",
    "Evidence": "whyfit.diagnosis.finding",
    "Finding": "whyfit.diagnosis.finding",
    "MapResult": "whyfit.mapping.road",
    "MapSpec": "whyfit.mapping.choices",
    "Remedy": "whyfit.diagnosis.finding",
    "Result": "whyfit.result",
    "Spec": "whyfit.spec",
    "Term": "whyfit.spec",
    "Trial": "whyfit.diagnosis.finding",
    "polynomial": "whyfit.term",
}


def fit(
    source: Any,
    target: str | None = None,
    *,
    task: Task = "auto",
    spec: Spec | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    new: Any = None,
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
    new : rows the model is to be used on, as `source`, with the same columns; their target may be absent. Whether they
        are like the training rows is then judged (PR314).

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
    return walk(source, spec, select=chosen[0], ignore=chosen[1], new=new)


def map(
    source: Any,
    *,
    labels: Any = None,
    spec: MapSpec | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    **choices: Any,
) -> MapResult:
    """Map a cloud of vectors to the plane, and find out how much of the picture to believe.

    Parameters
    ----------
    source : path of an .npy or .npz file, of a text file of word vectors, or of a table; an array (n, p), images
        (n, h, w[, c]), or a data frame.
    labels : path of a file with a label per line, or n labels.
    spec : all choices at once; `labels` and `choices` win over it.
    select, ignore : rules by code ("LA116"), prefix ("LA") or name ("hubs").
    choices : fields of `MapSpec`: label, colour, text, drop, near, project, metric, transform, k, seed, confidence.

    Raises
    ------
    whyfit.errors.InputError
        The source or the choices cannot be used; the message says what to try.
    """
    from whyfit.mapping.road import make_map, with_choices

    chosen = [(r,) if isinstance(r, str) else tuple(r) for r in (select, ignore)]
    return make_map(source, with_choices(spec, labels, choices), select=chosen[0], ignore=chosen[1])


def descend(
    source: Any,
    target: str | None = None,
    *,
    optimizer: str = "gd",
    lr: float | None = None,
    spec: Spec | None = None,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    **choices: Any,
) -> DescendResult:
    """Run an optimizer on a table, and find out why it does or does not converge.

    Parameters
    ----------
    source, target : as of `fit`.
    optimizer : gd, sgd, momentum, nesterov, rmsprop, adam, adamw, newton, bfgs, lbfgs, or all for a race.
    lr : step size η; None takes what theory recommends.
    spec : all choices about the table at once; `standardise` among them. `target` wins over it.
    select, ignore : rules by code ("CA201"), prefix or name ("step-too-large").
    choices : other fields of `DescendSpec`: momentum, nesterov, batch, epochs, steps, schedule, loss, start, race ...;
        standardise and seed are passed on to the Spec.

    Raises
    ------
    whyfit.errors.InputError
        The source or the choices cannot be used; the message says what to try.
    """
    import dataclasses

    from whyfit.descending.choices import with_choices
    from whyfit.descending.road import descend as walk
    from whyfit.spec import Spec

    spec = spec or Spec()
    of_table = {k: choices.pop(k) for k in ("standardise", "seed") if k in choices}
    if target is not None:
        of_table["target"] = str(target)
    spec = dataclasses.replace(spec, **of_table)
    rules = [(r,) if isinstance(r, str) else tuple(r) for r in (select, ignore)]
    how = with_choices(None, {"optimizer": optimizer, "lr": lr, **choices})
    return walk(source, spec, how, select=rules[0], ignore=rules[1])


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'whyfit' has no attribute '{name}'")
