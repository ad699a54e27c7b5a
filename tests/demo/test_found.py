"""Planted beside found: a fault counts as found only by its own rule, in its own columns."""

from __future__ import annotations

import pytest

from whyfit.demo import found
from whyfit.demo.houses import Fault
from whyfit.demo.layout import Layout
from whyfit.diagnosis.finding import Finding, Remedy, Trial
from whyfit.report.terminal import Screen


def finding(code: str, *subject: str, remedy: Remedy | None = None) -> Finding:
    return Finding(
        code, "some-rule", "linear algebra", "warning", subject, "said so", (), remedy=remedy
    )


LEAK = Fault("a leak", ("commission",), ("LA113",))
SPREAD = Fault("a spread", (), ("PR304",))


@pytest.mark.parametrize(
    ("subject", "hit"),
    [
        (("commission",), True),
        (("sqft", "commission"), True),
        (("commission=high",), True),
        (("commission missing",), True),
        (("commissioner",), False),
        (("sqft",), False),
        ((), False),
    ],
)
def test_columns_must_meet(subject, hit):
    seen = found.verdicts([LEAK], [found.Look((finding("LA113", *subject),))])
    assert (seen[0].finding is not None) == hit


def test_rule_must_be_the_one_asked_for():
    seen = found.verdicts([LEAK], [found.Look((finding("LA107", "commission"),))])
    assert seen[0].finding is None


def test_fault_without_columns_takes_any_subject():
    seen = found.verdicts([SPREAD], [found.Look((finding("PR304", "prediction"),))])
    assert seen[0].finding is not None


def test_first_look_wins_and_a_later_one_says_what_was_different():
    early, late = finding("PR304", "prediction"), finding("PR304", "prediction")
    looks = [found.Look((finding("LA113", "commission"),)), found.Look((late,), "without it")]
    seen = found.verdicts([LEAK, SPREAD], looks)
    assert [v.note for v in seen] == ["", "without it"]
    assert seen[1].finding is late
    looks[0] = found.Look((early,))
    assert found.verdicts([SPREAD], looks)[0].finding is early


def test_findings_nobody_planted_are_listed():
    other = finding("PR307", "row 8")
    look = found.Look((finding("LA113", "commission"), other))
    seen = found.verdicts([LEAK], [look])
    assert found.unplanted(seen, look) == (other,)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_two_columns_keep_apart_and_fit(width):
    trial = Trial("held-out R²", 0.8, 0.9, 0.1, 0.05, 0.15, True)
    remedy = Remedy("drop " + ", ".join(f"column_{i}" for i in range(9)), {"drop": ("a",)}, trial)
    fault = Fault("a fault told at some length, over several lines", ("commission",), ("LA113",))
    seen = [
        found.Verdict(fault, finding("LA113", "commission", remedy=remedy), "seen at second sight"),
        found.Verdict(SPREAD, None),
    ]
    layout = Layout(Screen(width))
    text = layout.screen.paint(found.render(seen, layout, ("planted", "found")))
    assert max(map(len, text.splitlines())) <= width
    assert "✓ a fault" in text
    assert "✗ a spread" in text
    assert "not found" in text
    assert "gain" in text
    assert "seen at second sight" in text
    column = text.splitlines()[0].index("found")
    assert all(len(row) <= column or row[column - 1] == " " for row in text.splitlines())
