"""Annotations for GitHub Actions."""

from __future__ import annotations

import re

from whyfit.report import github

from .builders import classification, hostile, regression

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]*)")


def decoded(text: str) -> str:
    for code, sign in (("%0A", "\n"), ("%0D", "\r"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, sign)
    return text


def test_one_line_per_finding_with_its_severity():
    lines = github.render(regression()).splitlines()
    kinds = [COMMAND.fullmatch(line)[1] for line in lines]
    assert kinds == ["error", "error", "warning", "notice"]


def test_the_annotation_says_what_was_found_and_what_the_remedy_gave():
    match = COMMAND.fullmatch(github.render(regression()).splitlines()[2])
    assert decoded(match[2]) == "PR304 heteroscedastic (california_housing.csv)"
    assert decoded(match[3]).splitlines() == [
        "median_income: residuals spread 2.6 × wider in the top tenth of predictions than in the "
        "lowest",
        "predicted 95 % intervals cover 88 % in the top tenth; observed 87.4 %",
        "remedy: fit log(median_house_value); held-out log likelihood per row −12.561 → −12.402, "
        "gain +0.159 [+0.141, +0.177]; tried, helped",
    ]


def test_percent_signs_are_escaped_first():
    assert "61.6 %25 of the rows" in github.render(classification())


def test_a_hostile_name_stays_on_its_line_and_in_its_field():
    (line,) = github.render(hostile()).split("\n")[:-1]
    assert COMMAND.fullmatch(line)
    assert line.count("::") == 2


def test_nothing_found_is_nothing_said():
    assert github.render(regression(findings=())) == ""
