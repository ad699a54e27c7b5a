"""Term: a column derived from other columns of the design, and how it is written.

    x^3, x**3, x³      power, of degree 2 to MOST_DEGREE
    a*b, a × b         product of two or more columns; a factor may be a term that the design has
    log(x)             natural logarithm
    hinge(x, 2.5)      max(0, x − 2.5)

A column whose name holds one of the signs * × ^ or ends in a superscript is written in `backticks`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from whyfit.errors import SpecError

TermKind = Literal["square", "power", "log", "hinge", "product"]

#: Highest power of a column: the square of 100³⁰ is still far inside float64.
MOST_DEGREE = 30
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_RAISE = str.maketrans("0123456789", _SUPERSCRIPTS)
_LOWER = str.maketrans(_SUPERSCRIPTS, "0123456789")


@dataclass(frozen=True, slots=True, repr=False)
class Term:
    """One derived column: square x², power xᵈ, log(x), hinge max(0, x − knot), product x·z.

    `columns` are names of design columns (numeric source columns or levels such as "sex=male").
    """

    kind: TermKind
    columns: tuple[str, ...]
    knot: float | None = None
    degree: int | None = None  # of a power; a square is the power of degree 2

    @classmethod
    def of(cls, text: str) -> Term:
        """The term that `text` writes, e.g. "x^3", "log(x)", "a*b" or "hinge(x, 2.5)".

        Raises SpecError if it writes none. Whether the columns exist is seen later, with the table.
        """
        text = text.strip()
        if found := _POWER.fullmatch(text):
            column, degree = found[1] or found[3], found[2] or found[4].translate(_LOWER)
            return cls("power", (_bare(column),), degree=int(degree))
        if found := _LOG.fullmatch(text):
            return cls("log", (_bare(found[1]),))
        if found := _HINGE.fullmatch(text):
            return cls("hinge", (_bare(found[1]),), knot=float(found[2]))
        factors = [f.strip() for f in _TIMES.split(text)]
        if len(factors) > 1 and all(factors):
            return cls("product", tuple(map(_factor, factors)))
        raise SpecError(
            f"'{text}' is no term; expected one like x^3, log(x), a*b or hinge(x, 2.5), "
            "a name that holds * or ^ in `backticks`."
        )

    def __repr__(self) -> str:
        return f"Term.of({self.text!r})"

    @property
    def text(self) -> str:
        """What `Term.of` reads as this term."""
        a, *more = map(_quoted, self.columns)
        match self.kind:
            case "square" | "power":
                return f"{a}^{self.degree or 2}"
            case "log":
                return f"log({a})"
            case "hinge":
                return f"hinge({a}, {self.knot!r})"
            case _:
                return "*".join([a, *more])

    @property
    def name(self) -> str:
        a, knot = self.columns[0], self.knot or 0.0
        match self.kind:
            case "square" | "power":
                base = f"({a})" if a[-1:] in _SUPERSCRIPTS else a
                return base + str(self.degree or 2).translate(_RAISE)
            case "log":
                return f"log({a})"
            case "hinge":
                sign = "+" if knot < 0 else "−"
                return f"({a} {sign} {abs(knot):.6g})₊"
            case "product":
                return " × ".join(self.columns)


def polynomial(column: str, degree: int) -> tuple[Term, ...]:
    """The powers 2 to `degree` of a column, which itself is in the design already."""
    if not 2 <= degree <= MOST_DEGREE:
        raise SpecError(
            f"a polynomial of degree {degree} in '{column}' was asked for; "
            f"expected a degree from 2 to {MOST_DEGREE}."
        )
    return tuple(Term("power", (column,), degree=d) for d in range(2, degree + 1))


_QUOTED = r"`[^`]+`"
_COLUMN = rf"\s*({_QUOTED}|[^`*×^]*[^`*×^\s])\s*"
_BASE = rf"\s*({_QUOTED}|[^`*×^]*[^`*×^\s{_SUPERSCRIPTS}])\s*"
_NEEDS_QUOTES = rf"[*×^]|[{_SUPERSCRIPTS}]$|^\s|\s$|^(?:log|hinge)\("
_POWER = re.compile(rf"{_COLUMN}(?:\^|\*\*)\s*(\d{{1,9}})|{_BASE}([{_SUPERSCRIPTS}]{{1,9}})")
_LOG = re.compile(rf"log\({_COLUMN}\)")
_HINGE = re.compile(rf"hinge\({_COLUMN},\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\)")
_TIMES = re.compile(r"(?:×|(?<!\*)\*(?!\*))(?=(?:[^`]*`[^`]*`)*[^`]*$)")  # outside backticks


def _quoted(column: str) -> str:
    return f"`{column}`" if re.search(_NEEDS_QUOTES, column) else column


def _bare(column: str) -> str:
    return column.strip("`")


def _factor(text: str) -> str:
    """The design column a factor names: a plain column, or a term by its name."""
    if re.fullmatch(_COLUMN, text) and not _POWER.fullmatch(text) and not _HINGE.fullmatch(text):
        return _bare(text)
    return Term.of(text).name
