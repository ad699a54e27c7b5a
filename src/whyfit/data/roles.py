"""What each column turned out to be, once all of it was seen.

`decide` turns an encoder's counts into a `Column` and the function that makes stored arrays into those
of a Block; or it returns a revised `Plan`, and the source is read once more.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from whyfit.data.bags import Ragged, texts_of
from whyfit.data.encode import (
    NEARLY_ALL,
    DateEncoder,
    Encoder,
    LevelEncoder,
    NumberEncoder,
    SkipEncoder,
    TextEncoder,
)
from whyfit.data.numbers import NUMERIC_MISSING, read_numbers
from whyfit.data.plan import REPEATS, TEXT_CHARACTERS, TEXT_WORDS, UNREADABLE, Plan
from whyfit.data.schema import Column
from whyfit.errors import SchemaError
from whyfit.spec import Role

#: So few distinct strings are always a category.
FEW_LEVELS = 20
#: Rows from which a running number without a telling name counts as a row counter.
COUNTER_ROWS = 30
#: Rows from which all-distinct integers or strings may be identifiers at all.
ID_ROWS = 5
#: Rows from which nearly all distinct (repeated visits of one client) is enough beside the name.
MANY_ROWS = 100
#: n²/(2·range) from which all-distinct draws of a smooth quantity would have collided: with this
#: many expected coincidences (the birthday bound) none is seen with probability e^-10.
COINCIDENCES = 10.0

_COUNTER_NAME = re.compile(
    r"^(|column \d+|unnamed: ?\d+|\.\.\.\d+|v1|x1?|(row)?[\s_.]*(id|index|idx|names?|num(ber)?|no|nr)|"
    r"index|idx|id|rank|obs|observation|case|record|serial|s\.?no\.?|sl\.?no\.?|#)$",
    re.IGNORECASE,
)
_ID_WORDS = {
    "id", "ids", "uuid", "guid", "key", "index", "idx", "no", "nr", "num", "number", "code",
    "ticket", "serial", "identifier", "rowid",
}  # fmt: skip

Raw = np.ndarray | Ragged  # as an encoder returned it
Finish = Callable[[Any], dict[str, np.ndarray]]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a column is, and what becomes of its stored arrays.

    finish : the arrays of a Block; None: there are none.
    key : without these, what tells the values of an identifier apart (see `schema.py`); None: nothing is stored.
    texts : the texts of a column of free text, "" for a missing one.
    """

    column: Column
    finish: Finish | None
    texts: Callable[[Any], list[str]] | None = None
    key: Callable[[Any], np.ndarray] | None = None


def words_of(name: str) -> list[str]:
    """Words of a column name: snake_case, camelCase, spaces and dots taken apart, lower case."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return [w for w in re.split(r"[^a-z0-9]+", spaced.lower()) if w]


def id_like(name: str) -> bool:
    """Whether the name says identifier: id, customer_id, CustomerId, ticket number ..."""
    words = words_of(name)
    return bool(words) and (words[-1] in _ID_WORDS or words[0] in ("id", "uuid", "guid"))


def decide(
    name: str, encoder: Encoder, plan: Plan, role: Role | None, *, target: bool
) -> Decision | Plan:
    """Column and storage of one source column, or the plan to read it by instead."""
    if isinstance(encoder, NumberEncoder):
        return _number(name, encoder, plan, role, target=target)
    if isinstance(encoder, LevelEncoder):
        return _level(name, encoder, plan, role, target=target)
    if isinstance(encoder, DateEncoder):
        return _date(name, encoder, plan, role)
    if isinstance(encoder, TextEncoder):
        return _text(name, encoder, plan, role)
    return _skipped(name, encoder, plan, role)


def _column(name: str, role: Role, encoder: Encoder, **more: object) -> Column:
    c = encoder.counts
    return Column(
        name=name,
        role=role,
        n=c.n,
        n_missing=c.missing,
        n_unreadable=c.unreadable,
        examples=tuple(c.examples),
        tokens=dict(c.tokens),
        n_infinite=c.infinite,
        n_inexact=c.inexact,
        **more,  # type: ignore[arg-type]
    )


def _as_is(name: str) -> Finish:
    return lambda raw: {name: raw}


def _number(
    name: str, encoder: NumberEncoder, plan: Plan, role: Role | None, *, target: bool
) -> Decision | Plan:
    counts, seen = encoder.counts, encoder.range
    present = counts.n - counts.missing + counts.unreadable
    if counts.unreadable > UNREADABLE * present and not plan.fixed:
        return Plan("level", fixed=False, reason=plan.reason)
    found: Role = "boolean" if encoder.boolean else "numeric"
    reason = plan.reason
    distinct = None if encoder.distinct is None else len(encoder.distinct)
    if seen.n == 0:
        found, reason, distinct = "constant", "every cell is missing", 0
    elif seen.minimum == seen.maximum:
        found, reason, distinct = "constant", f"every present cell is {seen.minimum:.15g}", 1
    elif role is None and not target and (why := _identifier(name, encoder)):
        found, reason = "identifier", why
    if role == "boolean":
        if distinct != 2:
            raise SchemaError(
                f"'{name}' was declared boolean, which takes two values; it has "
                f"{'many' if distinct is None else distinct}."
            )
        found = "boolean"
    elif role is not None and found != "constant":
        found = role
    column = _column(
        name, found, encoder,
        minimum=seen.minimum, maximum=seen.maximum, mean=seen.mean, n_distinct=distinct,
        integral=seen.integral and seen.n > 0, values=tuple(sorted(encoder.distinct or ())),
        reason=reason,
    )  # fmt: skip
    if (found == "boolean" and seen.maximum != 1.0) or (found == "boolean" and seen.minimum != 0.0):
        low, high = seen.minimum, seen.maximum
        column = dataclasses.replace(
            column, minimum=0.0, maximum=1.0, mean=(seen.mean - low) / (high - low),
            truth={f"{low:.15g}": 0.0, f"{high:.15g}": 1.0},
        )  # fmt: skip
        return Decision(column, lambda raw: {name: (raw - low) / (high - low)})
    return Decision(column, _as_is(name))


def _identifier(name: str, encoder: NumberEncoder) -> str:
    """Why a column of numbers is an identifier; "" if it is not one."""
    n = encoder.counts.n
    if not encoder.range.integral or encoder.boolean:
        return ""
    if encoder.counter and encoder.offset in (0.0, 1.0) and n > 1:
        if _COUNTER_NAME.match(name.strip()) or words_of(name)[:1] == ["row"]:
            return "row counter: the row number in every row"
        if n >= COUNTER_ROWS:
            return "row counter: the row number in every row"
    if n < ID_ROWS or encoder.counts.missing > 0.05 * n:
        return ""
    share = encoder.whole.distinct_share()
    if id_like(name) and (share == 1.0 or (share >= NEARLY_ALL and n >= MANY_ROWS)):
        return "identifier: nearly every row has a different whole number, and the name says so"
    width = encoder.range.maximum - encoder.range.minimum + 1.0
    if share == 1.0 and not encoder.sorted and n * n >= 2.0 * COINCIDENCES * width:
        return "identifier: whole numbers that never repeat in a range where a quantity would"
    return ""


def _level(
    name: str, encoder: LevelEncoder, plan: Plan, role: Role | None, *, target: bool
) -> Decision | Plan:
    counts = encoder.counts
    if encoder.overflow:
        return Plan("text", fixed=True, reason=plan.reason)
    texts = list(encoder.levels)
    if role is None and texts and not (plan.fixed or plan.literal):
        share, style_plan = _numeric_levels(texts, encoder)
        if share >= 1.0 - UNREADABLE:
            return style_plan
    order = sorted(range(len(texts)), key=lambda i: (-int(encoder.tally[i]), texts[i]))
    levels = tuple(texts[i] for i in order)
    tally = tuple(int(encoder.tally[i]) for i in order)
    present = counts.n - counts.missing
    found, reason = _string_role(levels, tally, present, target=target)
    if role in ("categorical", "boolean", "text", "identifier", "skip") and found != "constant":
        found, reason = role, plan.reason
    reason = reason or plan.reason
    column = _column(
        name, found, encoder, levels=levels, counts=tally, n_distinct=len(levels), reason=reason
    )
    rank = np.empty(len(texts) + 1, np.int32)
    rank[order] = np.arange(len(texts), dtype=np.int32)
    rank[-1] = -1
    if found == "boolean":
        if len(levels) != 2:
            raise SchemaError(
                f"'{name}' was declared boolean, which takes two values; it has {len(levels)}."
            )
        truth = _truth(levels)
        value = np.array([1.0 if t == truth else 0.0 for t in texts] + [np.nan])
        mean = sum(c for t, c in zip(levels, tally, strict=True) if t == truth) / present
        column = dataclasses.replace(
            column, minimum=0.0, maximum=1.0, mean=mean, integral=True,
            truth={t: float(t == truth) for t in levels},
        )  # fmt: skip
        return Decision(column, lambda raw: {name: value[raw]})
    if found == "text":
        characters = np.array([float(len(t)) for t in texts] + [np.nan])
        words = np.array([float(len(t.split())) for t in texts] + [np.nan])
        share = np.array([*encoder.tally, 0]) / max(present, 1)
        column = dataclasses.replace(
            column, levels=(), counts=(),
            characters=float(share[:-1] @ characters[:-1]), words=float(share[:-1] @ words[:-1]),
        )  # fmt: skip
        return Decision(
            column,
            lambda raw: {
                f"{name}\0characters": characters[raw],
                f"{name}\0words": words[raw],
                f"{name}\0text": raw,
            },
            lambda raw: [texts[i] if i >= 0 else "" for i in raw],
        )
    if found in ("identifier", "skip"):
        return Decision(
            dataclasses.replace(column, levels=(), counts=()), None, key=lambda raw: rank[raw]
        )
    if found == "constant":
        value = np.array([0.0] * len(texts) + [np.nan])
        return Decision(column, lambda raw: {name: value[raw]})
    return Decision(column, lambda raw: {name: rank[raw]})


def _truth(levels: tuple[str, ...]) -> str:
    """The level of a boolean column that counts as 1."""
    yes = [t for t in levels if t.casefold() in ("true", "yes", "t", "y", "1", "on")]
    return yes[0] if yes else max(levels)


def _numeric_levels(texts: list[str], encoder: LevelEncoder) -> tuple[float, Plan]:
    """Share of cells whose level is a number: the sample may have shown none of them."""
    read = read_numbers(pl.Series(texts, dtype=pl.String), "plain", ())
    tally = encoder.tally.astype(float)
    number = ~np.isnan(read.values)
    words = np.array([t in NUMERIC_MISSING for t in texts])
    total = tally[~words].sum()
    return (float(tally[number].sum() / total) if total else 0.0), Plan("number")


def _string_role(
    levels: tuple[str, ...], tally: tuple[int, ...], present: int, *, target: bool
) -> tuple[Role, str]:
    if not levels:
        return "constant", "every cell is missing"
    if len(levels) == 1:
        return "constant", f"every present cell is '{levels[0]}'"
    if len(levels) == 2 and {t.casefold() for t in levels} == {"true", "false"}:
        return "boolean", ""
    if target:
        return "categorical", ""
    ratio = len(levels) / present
    weights = np.array(tally) / present
    characters = float(weights @ [len(t) for t in levels])
    words = float(weights @ [len(t.split()) for t in levels])
    unique = len(levels) == present
    if len(levels) <= FEW_LEVELS and not (unique and present >= ID_ROWS):
        return "categorical", ""
    if ratio <= REPEATS and characters <= TEXT_CHARACTERS:
        return "categorical", ""
    if words >= TEXT_WORDS or characters > TEXT_CHARACTERS:
        return "text", f"{len(levels):,} different texts in {present:,} cells"
    if ratio >= 0.95:
        return "identifier", f"{len(levels):,} different strings in {present:,} cells"
    return "categorical", ""


def _date(name: str, encoder: DateEncoder, plan: Plan, role: Role | None) -> Decision | Plan:
    counts, seen = encoder.counts, encoder.range
    present = counts.n - counts.missing + counts.unreadable
    if counts.unreadable > 0.05 * present and not plan.fixed:
        return Plan("level", fixed=True)
    found: Role = role or "datetime"
    reason = plan.reason
    if seen.n == 0:
        found, reason = "constant", "every cell is missing"
    elif seen.minimum == seen.maximum:
        found, reason = "constant", "every present cell is the same moment"
    column = _column(
        name, found, encoder, minimum=seen.minimum, maximum=seen.maximum, mean=seen.mean,
        has_time=encoder.has_time, formats=encoder.formats, reason=reason,
    )  # fmt: skip
    return Decision(column, _as_is(name))


def _text(name: str, encoder: TextEncoder, plan: Plan, role: Role | None) -> Decision:
    counts, reason = encoder.counts, plan.reason
    found: Role = "text"
    long = encoder.words.mean >= TEXT_WORDS or encoder.characters.mean > TEXT_CHARACTERS
    if encoder.characters.n == 0:
        found, reason = "constant", "every cell is missing"
    elif role in ("identifier", "skip"):
        found = role
    elif role is None and not long:
        found, reason = "identifier", f"hardly a string repeats in {counts.n:,} cells"
    column = _column(
        name, found, encoder, reason=reason,
        characters=encoder.characters.mean, words=encoder.words.mean,
    )  # fmt: skip
    if found == "constant":
        return Decision(column, lambda raw: {name: raw.fixed[0]})
    if found in ("identifier", "skip"):
        return Decision(
            column, None, key=lambda raw: np.where(np.isnan(raw.fixed[0]), np.nan, raw.fixed[2])
        )
    return Decision(
        column,
        lambda raw: {
            f"{name}\0characters": raw.fixed[0],
            f"{name}\0words": raw.fixed[1],
            f"{name}\0text": raw.fixed[2],
        },
        lambda raw: texts_of(raw.flat[0], raw.lengths),
    )


def _skipped(name: str, encoder: SkipEncoder, plan: Plan, role: Role | None) -> Decision:
    found: Role = role if role in ("identifier", "constant", "skip") else "skip"
    return Decision(_column(name, found, encoder, reason=plan.reason), None)
