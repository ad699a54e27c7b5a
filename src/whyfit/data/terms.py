"""Derived columns: power, log, hinge and product of other design columns.

They are computed on the values the design holds (missing cells filled), before any scaling.

A power or a product needs more digits than float64 has. What rounding took from it, `low_parts` works out when a
solver asks: the term is formed once more as a pair of floats (`whyfit.exact`), and its distance from the rounded column
is kept. Powers are taken by squaring and multiplying, fifty times faster than the library's pow; the column is off by
at most degree − 1 roundings.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from whyfit.errors import SpecError
from whyfit.exact import Pair, times, two_sum
from whyfit.spec import Term
from whyfit.term import MOST_DEGREE

#: How many columns each kind of term takes; None: two or more.
_ARITY = {"square": 1, "power": 1, "log": 1, "hinge": 1, "product": None}
_ZERO_ONE = ("level", "boolean", "indicator", "calendar")
#: Rows worked on at a time, so that the dozen arrays of an exact product stay in cache.
_TILE = 4096


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
    if term.kind == "power" and not (
        isinstance(term.degree, int) and 2 <= term.degree <= MOST_DEGREE
    ):
        raise SpecError(
            f"the power of '{term.columns[0]}' needs a whole degree from 2 to {MOST_DEGREE}; "
            f"it was given {term.degree}."
        )
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
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        match term.kind:
            case "square" | "power":
                np.copyto(out, inputs[0])
                for bit in _after_the_first(term.degree):
                    np.multiply(out, out, out=out)
                    if bit:
                        np.multiply(out, inputs[0], out=out)
            case "log":
                np.log(inputs[0], out=out)
                out[~np.isfinite(out)] = np.nan
            case "hinge" if term.knot is not None:
                np.subtract(inputs[0], term.knot, out=out)
                np.maximum(out, 0.0, out=out)
            case "product":
                np.multiply(inputs[0], inputs[1], out=out)
                for a in inputs[2:]:
                    np.multiply(out, a, out=out)


def _after_the_first(degree: int | None) -> list[bool]:
    """Binary digits of the degree but the first, always 1: square at each, and multiply where it is 1."""
    return [bit == "1" for bit in f"{degree or 2:b}"[1:]]


def rounds(term: Term, kinds: Mapping[str, str]) -> bool:
    """Whether float64 rounds the term; `kinds` are those of the columns that are no terms.

    Products with 0/1 columns are exact, unless a term is among the factors; the log is what float64 says it is.
    """
    if term.kind == "product":
        numbers = [c for c in term.columns if kinds.get(c) not in _ZERO_ONE]
        return len(numbers) > 1 or not set(numbers) <= set(kinds)
    return term.kind != "log"


def low_parts(
    terms: Sequence[Term], slots: Mapping[str, int], work: Float[np.ndarray, "q m"]
) -> Float[np.ndarray, "q m"]:
    """What rounding took from the terms: work + low_parts are the columns to twice the digits.

    `work` holds the columns as `write_term` left them, in the rows that `slots` names (−1: not there).
    """
    low = np.zeros_like(work)
    made = [t for t in terms if slots[t.name] >= 0]
    for start in range(0, work.shape[1], _TILE):
        part = slice(start, start + _TILE)
        for term in made:
            inputs = [(work[slots[c], part], low[slots[c], part]) for c in term.columns]
            if (pair := _twice_as_long(term, inputs)) is None:
                continue
            with np.errstate(invalid="ignore"):
                rest = (pair[0] - work[slots[term.name], part]) + pair[1]
            low[slots[term.name], part] = np.where(np.isfinite(rest), rest, 0.0)
    return low


def _twice_as_long(term: Term, inputs: list[Pair]) -> Pair | None:
    """The term as a pair of floats; None for one that is what float64 says."""
    x = inputs[0]
    match term.kind:
        case "square" | "power":
            power = x
            for bit in _after_the_first(term.degree):
                power = times(power, power)
                power = times(power, x) if bit else power
            return power
        case "product":
            return functools.reduce(times, inputs)
        case "hinge" if term.knot is not None:
            high, rest = two_sum(x[0], np.full_like(x[0], -term.knot))
            rest += x[1]
            beyond = high + rest > 0
            return np.where(beyond, high, 0.0), np.where(beyond, rest, 0.0)
        case _:
            return None
