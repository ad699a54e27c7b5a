"""How terms are written and read."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from whyfit.errors import SpecError
from whyfit.spec import Spec, edited
from whyfit.term import MOST_DEGREE, Term, polynomial

READ = {
    "x^3": Term("power", ("x",), degree=3),
    " x ** 12 ": Term("power", ("x",), degree=12),
    "x³": Term("power", ("x",), degree=3),
    "lot size¹⁰": Term("power", ("lot size",), degree=10),
    "log( lot size )": Term("log", ("lot size",)),
    "a*b": Term("product", ("a", "b")),
    "a × sex=male*c": Term("product", ("a", "sex=male", "c")),
    "x^2*z": Term("product", ("x²", "z")),
    "log(x)*hinge(z, 1)": Term("product", ("log(x)", "(z − 1)₊")),
    "hinge(x, -2.5e-1)": Term("hinge", ("x",), knot=-0.25),
    "hinge(size (m), 3)": Term("hinge", ("size (m)",), knot=3.0),
    "`a*b`^2": Term("power", ("a*b",), degree=2),
    "`a*b`*`c^d`": Term("product", ("a*b", "c^d")),
    "log(a)^2": Term("power", ("log(a)",), degree=2),
}


@pytest.mark.parametrize("text", READ)
def test_reads(text):
    assert Term.of(text) == READ[text]


@pytest.mark.parametrize(
    "text", ["", "x", "x^", "x^0.5", "^2", "*a", "a*", "a**b", "log()", "hinge(x)", "hinge(x, y)",
             "a^b^2", "x^2^3", "`x"]
)  # fmt: skip
def test_refuses_in_one_line(text):
    with pytest.raises(SpecError, match="is no term; expected one like") as caught:
        Term.of(text)
    assert "\n" not in str(caught.value)


column = st.text(st.characters(codec="ascii", exclude_characters="*^`\n"), min_size=1).filter(
    lambda s: s == s.strip() and not s.startswith(("log(", "hinge("))
)


@given(column, column, st.integers(2, MOST_DEGREE))
def test_names_read_back(a, b, degree):
    for term in (Term("power", (a,), degree=degree), Term("product", (a, b)), Term("log", (a,))):
        assert Term.of(term.name) == term


anything = st.text(st.characters(exclude_characters="`\n"), min_size=1)


@given(
    anything,
    anything,
    st.integers(2, MOST_DEGREE),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_what_is_written_reads_back(a, b, degree, knot):
    for term in (
        Term("power", (a,), degree=degree),
        Term("product", (a, b, a)),
        Term("log", (b,)),
        Term("hinge", (a,), knot=knot),
    ):
        assert Term.of(term.text) == term
        assert repr(term) == f"Term.of({term.text!r})"
    assert Term.of(Term("square", (a,)).text).name == Term("square", (a,)).name


def test_a_square_is_the_power_of_degree_two():
    assert Term("square", ("x",)).name == Term("power", ("x",), degree=2).name == "x²"
    assert Term("square", ("x²",)).name == "(x²)²" != Term("power", ("x",), degree=22).name


def test_a_polynomial_is_all_its_powers():
    assert [t.name for t in polynomial("x", 10)] == [
        "x²", "x³", "x⁴", "x⁵", "x⁶", "x⁷", "x⁸", "x⁹", "x¹⁰"
    ]  # fmt: skip
    for degree in (1, MOST_DEGREE + 1):
        with pytest.raises(SpecError, match="expected a degree from 2 to 30"):
            polynomial("x", degree)


def test_an_edit_may_write_terms_as_text():
    spec = edited(Spec(), {"terms": ["x^3", {"kind": "log", "columns": ["z"]}]})
    assert spec.terms == (Term("power", ("x",), degree=3), Term("log", ("z",)))
