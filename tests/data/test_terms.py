"""What rounding took from derived columns, against exact rational arithmetic."""

from __future__ import annotations

import functools
from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from whyfit.data.design import Design
from whyfit.data.table import read_table
from whyfit.data.terms import low_parts, write_term
from whyfit.data.views import Remembered, among, without_columns
from whyfit.spec import Spec
from whyfit.term import Term, polynomial

U = Fraction(1, 2**53)
TERMS = (
    *polynomial("a", 9),
    Term("product", ("a", "b")),
    Term("product", ("a", "b", "flag")),
    Term("hinge", ("a",), knot=0.1),
    Term("log", ("b",)),
    Term("square", ("a × b",)),
    Term("product", ("a³", "flag")),
)


def exact(term: Term, value: dict[str, Fraction]) -> Fraction:
    x = value[term.columns[0]]
    match term.kind:
        case "square" | "power":
            return x ** (term.degree or 2)
        case "product":
            return functools.reduce(lambda s, t: s * t, (value[c] for c in term.columns))
        case "hinge":
            return max(Fraction(0), x - Fraction(term.knot or 0.0))
    raise AssertionError(term.kind)


def frame(n: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(7)
    return pl.DataFrame(
        {
            "a": rng.normal(size=n) + 3,
            "b": rng.lognormal(sigma=3, size=n),
            "flag": rng.random(n) < 0.5,
            "y": rng.normal(size=n),
        }
    )


def rows_of(terms, **choices):
    spec = Spec(target="y", terms=terms, **choices)
    table = read_table(frame(), spec)
    return Design.of(table, spec).rows(table)


def check(rows, expect_rows: int = 300) -> None:
    """dense + low is every term to 100 bits, in whatever view `rows` is."""
    data, made = frame().to_dict(as_series=False), {t.name: t for t in TERMS}
    seen = 0
    for block in rows.blocks():
        low = block.low
        assert low is not None
        assert low.shape == block.dense.shape
        for i, row in enumerate(block.index):
            value = {c: Fraction(float(data[c][row])) for c in ("a", "b", "flag")}
            for t in TERMS:
                if t.kind != "log":
                    value[t.name] = exact(t, value)
            for j, name in enumerate(rows.names):
                high, rest = Fraction(block.dense[i, j]), Fraction(low[i, j])
                if name not in made or made[name].kind == "log":
                    assert rest == 0
                    continue
                assert abs(high + rest - value[name]) <= 100 * U**2 * abs(value[name])
                assert abs(rest) <= 8 * U * abs(high)
        seen += len(block.index)
    assert seen == expect_rows


def test_terms_to_twice_the_digits():
    check(rows_of(TERMS))


def test_inputs_that_are_dropped_are_used_all_the_same():
    check(rows_of(TERMS, drop=("a", "a³", "a × b")))


def test_every_view_carries_them_along():
    rows = rows_of(TERMS)
    dropped = np.zeros(len(rows.names), bool)
    dropped[[0, 3, 5, 11]] = True
    check(without_columns(rows, dropped))
    check(without_columns(Remembered(rows), dropped))
    check(among(Remembered(rows), frozenset(range(0, 300, 3))), 100)
    check(without_columns(among(rows, frozenset({1, 2}), inside=False), dropped), 298)


@pytest.mark.parametrize(
    "terms", [(), (Term("log", ("b",)),), (Term("product", ("a", "flag")),)], ids=len
)
def test_exact_columns_carry_none(terms):
    assert all(block.low is None for block in rows_of(terms).blocks())


def test_beyond_the_range_of_float64_nothing_is_carried():
    x = np.array([1e200, -1e160, 1e-200, 0.0, 2.0, 1e308, np.nan])
    work = np.vstack([x, np.empty((2, x.size))])
    terms = (Term("power", ("x",), degree=3), Term("product", ("x", "x")))
    slots = {"x": 0, "x³": 1, "x × x": 2}
    for t in terms:
        write_term(t, [work[slots[c]] for c in t.columns], work[slots[t.name]])
    with np.errstate(over="ignore", under="ignore"):
        np.testing.assert_array_equal(work[1], x * x * x)
        np.testing.assert_array_equal(work[2], x * x)
    low = low_parts(terms, slots, work)
    assert np.isfinite(low).all()
    assert not low.any()  # 2³ and 2² are exact


def test_powers_are_off_by_fewer_roundings_than_their_degree():
    x = np.random.default_rng(0).normal(size=1000)
    out = np.empty(1000)
    for degree in range(2, 31):
        write_term(Term("power", ("x",), degree=degree), [x], out)
        np.testing.assert_allclose(out, x**degree, rtol=degree * float(U))
