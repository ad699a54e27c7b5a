"""The page of a rule on a terminal, and the list of rules."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from whyfit.report import rule_page

PAGE = """Columns that nearly repeat each other make coefficients uncertain.

What it says
------------
Some columns are, up to a small remainder, a sum of multiples of others, so that the data cannot
tell their effects apart.

The mathematics
    η_k = σ₁ / σ_k          condition index
    se(w_j) ∝ √VIF_j

- σ₁ is the largest singular value of the centred columns scaled to unit length, which is a long
  item that must wrap under itself
- VIF_j is 1/(1 − R_j²)

**Why it hurts**
Signs flip.

What to do:
Drop one of the columns.
"""


RULE = {
    "code": "LA107",
    "slug": "ill-conditioned",
    "pillar": "linear algebra",
    "severity": "error",
    "page": PAGE,
}


def render(width=80, colour=False, **more):
    return rule_page.render(RULE, width, colour, **more)


def mapping_of(rule) -> dict[str, str]:
    return {key: getattr(rule, key) for key in RULE}


def test_parts_and_formulas():
    lines = render().splitlines()
    assert lines[0] == "LA107  ill-conditioned   linear algebra   error"
    assert [line for line in lines if line in rule_page.PARTS] == [
        "What it says", "The mathematics", "Why it hurts", "What to do"
    ]  # fmt: skip
    assert "      η_k = σ₁ / σ_k          condition index" in lines  # spaces kept
    assert not any(set(line) == {"-"} for line in lines)
    assert lines[-1] == "  Drop one of the columns."


@pytest.mark.parametrize("width", [40, 60, 88, 200])
def test_prose_is_set_to_the_width(width):
    lines = render(width).splitlines()
    assert max(cell_len(line) for line in lines if "condition index" not in line) <= min(width, 88)


def test_bullets_wrap_under_themselves():
    lines = render(50).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("  · σ₁"))
    assert lines[start + 1].startswith("    ")
    assert any(line.startswith("  · VIF_j") for line in lines)


def test_ascii():
    text = render(encoding="ascii")
    text.encode("ascii")
    assert "sqrtVIF_j" in text


def test_colour_is_asked_for():
    assert "\x1b[" in render(colour=True)
    assert "\x1b[" not in render()


RULES = [
    {"code": "LA107", "slug": "ill-conditioned", "pillar": "linear algebra", "severity": "error",
     "summary": "columns nearly repeat each other " * 4},
    {"code": "PR304", "slug": "heteroscedastic", "pillar": "probability", "severity": "warning",
     "summary": "errors spread unevenly"},
]  # fmt: skip


def test_list_groups_by_pillar_and_wraps():
    text = rule_page.render_list(RULES, 80, False)
    lines = text.splitlines()
    assert lines[0] == "linear algebra"
    assert "probability" in lines
    assert "  PR304  warning  heteroscedastic  errors spread unevenly" in lines
    assert max(map(len, lines)) <= 80


def test_an_empty_list():
    assert rule_page.render_list([], 80, False) == ""


def test_every_page_of_the_house_can_be_read_in_ascii():
    from whyfit.diagnosis.registry import all_rules

    for rule in all_rules():
        text = rule_page.render(mapping_of(rule), 80, False, encoding="ascii")
        assert "\\u" not in text, rule.slug
        assert "\\x" not in text, rule.slug


def test_every_page_has_its_four_parts():
    from whyfit.diagnosis.registry import all_rules

    for rule in all_rules():
        text = rule_page.render(mapping_of(rule), 88, False)
        parts = [line for line in text.splitlines() if line in rule_page.PARTS[:4]]
        assert parts == list(rule_page.PARTS[:4]), rule.slug
