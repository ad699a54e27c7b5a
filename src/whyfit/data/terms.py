"""Derived columns: square, log, hinge and product of other design columns.

They are computed on the values the design holds (missing cells filled), before any scaling.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError
from whyfit.spec import Term

#: How many columns each kind of term takes; None: two or more.
_ARITY = {"square": 1, "log": 1, "hinge": 1, "product": None}


def check_term(term: Term, known: Sequence[str], minimum: Callable[[str], float]) -> None:
    """SpecError if `term` names no known column, lacks a knot, or takes the log of a value ≤ 0.

    `minimum` gives the least value of a column, NaN where it is not known beforehand.
    """
    if term.kind not in _ARITY:
        raise SpecError(f"'{term.kind}' is no kind of term; expected {', '.join(_ARITY)}.")
    arity = _ARITY[term.kind]
    if (arity is None and len(term.columns) < 2) or (arity and len(term.columns) != arity):
        raise SpecError(
            f"a {term.kind} takes {arity or 'two or more'} column{'s' * (arity != 1)}; "
            f"it was given {len(term.columns)}."
        )
    for name in term.columns:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'?" if near else "name a column of the design."
            raise SpecError(f"the term {term.kind} names '{name}', no design column; {hint}")
    if term.kind == "hinge" and (term.knot is None or not np.isfinite(term.knot)):
        raise SpecError(f"the hinge of '{term.columns[0]}' needs a finite knot.")
    if term.kind == "log" and minimum(term.columns[0]) <= 0:
        raise SpecError(
            f"log of '{term.columns[0]}' was asked for, but its least value is "
            f"{minimum(term.columns[0]):.6g}; expected only positive values."
        )


def write_term(
    term: Term, inputs: list[Float[np.ndarray, " m"]], out: Float[np.ndarray, " m"]
) -> None:
    """The term's values; the log of a value ≤ 0 (of a new row) is NaN."""
    match term.kind:
        case "square":
            np.multiply(inputs[0], inputs[0], out=out)
        case "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                np.log(inputs[0], out=out)
            out[~np.isfinite(out)] = np.nan
        case "hinge" if term.knot is not None:
            np.subtract(inputs[0], term.knot, out=out)
            np.maximum(out, 0.0, out=out)
        case "product":
            np.multiply(inputs[0], inputs[1], out=out)
            for a in inputs[2:]:
                np.multiply(out, a, out=out)
