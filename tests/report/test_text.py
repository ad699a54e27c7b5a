"""The report on a terminal: the calm layout, at any width, for any string and encoding."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from whyfit.diagnosis.finding import Evidence, Finding, Remedy, Trial
from whyfit.report import summary
from whyfit.report.document import Feature
from whyfit.report.strings import in_encoding
from whyfit.report.text import FINDING_LINES, MAX_WIDTH, render, render_coefficients

from .builders import EVIL_NAME, HETERO, ILL, classification, hostile, regression

GOLDEN = Path(__file__).with_name("golden")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
DOCUMENTS = {"regression": regression, "classification": classification, "hostile": hostile}


def check_golden(name: str, text: str) -> None:
    """Compare with the stored text; WHYFIT_UPDATE_GOLDEN=1 stores what is there now."""
    path = GOLDEN / name
    if os.environ.get("WHYFIT_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_golden(name, width):
    text = render(DOCUMENTS[name](), width, False, report="california_housing.whyfit.html")
    check_golden(f"{name}_{width}.txt", text)


@pytest.mark.parametrize("width", [80, 120])
def test_golden_table(width):
    check_golden(f"table_{width}.txt", render_coefficients(regression(), width, False))


@pytest.mark.parametrize("width", [40, 63, 80, 100, 200])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_line_is_wider_than_the_screen(name, width):
    text = render(DOCUMENTS[name](), width, False, report="california_housing.whyfit.html")
    assert max(cell_len(line) for line in text.splitlines()) <= min(width, MAX_WIDTH)


def blocks(text: str) -> list[list[str]]:
    """The lines of each finding."""
    out: list[list[str]] = []
    for line in text.splitlines():
        if re.match(r"(LA|CA|PR)\d{3} ", line):
            out.append([line])
        elif line.startswith(" ") and out:
            out[-1].append(line)
    return out


LONG = dataclasses.replace(
    ILL,
    subject=tuple(f"a_rather_long_column_name_{i}" for i in range(40)),
    message="the near-relation " + " + ".join(f"0.{i} column_{i}" for i in range(60)),
    prediction="predicted " + "much wider " * 12 + "observed " + "nearly as wide " * 8,
)


@pytest.mark.parametrize("width", [80, 100, 110])
@pytest.mark.parametrize("finding", [ILL, HETERO, LONG])
def test_a_finding_takes_at_most_six_lines(finding, width):
    short = dataclasses.replace(finding, prediction=ILL.prediction)
    (block,) = blocks(render(regression(findings=(short,)), width, False))
    assert len(block) <= FINDING_LINES


@pytest.mark.parametrize("width", [50, 80, 110])
def test_a_subject_too_long_names_the_first_and_counts_the_rest(width):
    text = render(regression(findings=(LONG,)), width, False)
    assert "a_rather_long_column_name_0" in text
    shown = text.count("a_rather_long_column_name_")
    assert f"+{40 - shown} more" in text


def test_a_name_too_long_for_the_screen_keeps_its_ends():
    finding = dataclasses.replace(ILL, subject=("x_" + "very_" * 30 + "long_y", "second"))
    text = render(regression(findings=(finding,)), 80, False)
    assert re.search(r"x_very_[a-z_]*…[a-z_]*_long_y \+1 more\n", text)


def test_every_finding_is_shown_in_the_order_of_the_document():
    many = tuple(dataclasses.replace(HETERO, subject=(f"column_{i:02d}",)) for i in range(40))
    text = render(regression(findings=many), 100, False)
    assert re.findall(r"column_\d\d", text) == [f"column_{i:02d}" for i in range(40)]
    assert "40 warnings" in text


def test_the_summary_is_three_lines_where_nothing_was_left_out():
    head = render(regression(), 110, False).split("\n\n")[0].splitlines()
    assert len(head) == 3
    assert head[0].startswith("california_housing.csv   20,640 rows × 9 features → ")
    assert head[0].endswith("least squares, 0.6 s")
    assert "typical error 68,810" in head[1]
    assert head[1].endswith("10 folds, 95 %")


def test_rows_and_columns_left_out_are_said_with_their_reasons():
    text = render(classification(), 110, False)
    assert "rows     2 of 891 left out: target missing 2" in text
    assert "ticket (identifier: 681 values in 891 rows)" in text
    assert "name (text)" in text
    assert "remark   fare is skewed" in text


def test_a_classification_stands_beside_the_constant_predictor():
    text = render(classification(), 110, False)
    assert "held-out log loss 0.51 ± 0.03 (constant 0.67)" in text
    assert "accuracy 0.79 ± 0.03 (constant 0.62)" in text


def test_no_findings_are_said():
    text = render(regression(findings=()), 100, False)
    assert "no findings" in text
    assert not text.endswith("\n\n")


def test_findings_only():
    text = render(regression(), 100, False, findings_only=True)
    assert text.startswith("LA107")
    assert "california_housing" not in text
    assert render(regression(findings=()), 100, False, findings_only=True) == ""


def test_colour_changes_nothing_but_colour():
    plain = render(regression(), 100, False)
    coloured = render(regression(), 100, True)
    assert "\x1b[" not in plain
    assert "\x1b[" in coloured
    assert ANSI.sub("", coloured) == plain


@pytest.mark.parametrize("colour", [True, False])
def test_a_hostile_name_cannot_steer_the_terminal(colour):
    text = render(hostile(), 100, colour) + render_coefficients(hostile(), 100, colour)
    left = ANSI.sub("", text) if colour else text
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202e\u2028]", left)
    assert "a\\nb\\x1b[31m" in left
    assert EVIL_NAME not in text


def test_markup_of_rich_in_a_name_is_no_markup():
    finding = dataclasses.replace(ILL, subject=("[bold red]x[/]", ":smile:"))
    assert "[bold red]x[/], :smile:" in render(regression(findings=(finding,)), 100, False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "no-such-encoding"])
def test_a_narrow_encoding_gets_ascii_of_the_same_meaning(encoding):
    text = render(regression(), 100, False, encoding=encoding)
    table = render_coefficients(regression(), 100, False, encoding=encoding)
    target = "ascii" if encoding == "no-such-encoding" else encoding
    (text + table).encode(target)
    assert "->" in text
    assert "\\u" not in text + table


def test_ascii_keeps_the_layout():
    text = render(regression(), 100, False, encoding="ascii")
    assert "held-out R^2 0.640 +/- 0.010" in text
    assert max(map(len, text.splitlines())) <= 100


def test_wide_characters_are_measured_as_they_are_drawn():
    finding = dataclasses.replace(ILL, message="价格 " * 60, subject=("面积",))
    text = render(regression(findings=(finding,)), 80, False)
    assert max(cell_len(line) for line in text.splitlines()) <= 80


def test_what_the_remedy_gave():
    assert summary.verdict(Remedy("drop x", {"drop": ["x"]})) == "not tried"
    assert summary.verdict(Remedy("judge by log loss", {})) == ""
    helped = Trial("held-out R²", 0.5, 0.6, 0.1, 0.08, 0.12, True)
    assert summary.verdict(Remedy("x", {}, helped)) == "tried, helped"
    assert summary.trial_effect(helped) == (
        "held-out R² 0.500 → 0.600, gain +0.100 [+0.080, +0.120]"
    )


def test_an_end_that_is_not_zero_never_looks_like_zero():
    trial = Trial("held-out R²", 0.5, 0.75, 0.25, 0.0004, 0.4996, True)
    assert "[+0.0004, +0.4996]" in summary.trial_effect(trial)


def test_a_count_has_no_interval():
    trial = Trial("undetermined coefficients", 5.0, 4.0, 1.0, 1.0, 1.0, True)
    assert summary.trial_effect(trial) == "undetermined coefficients 5 → 4, gain +1"


@pytest.mark.parametrize(
    ("trial", "shown"),
    [
        (  # lower is better
            Trial("standard error", 5.8, 1.45, math.log(4), 1.36, 1.46, True),
            "standard error 5.80 → 1.45, 4.00 × smaller [3.90, 4.31]",
        ),
        (
            Trial("standard error", 2.0, 4.0, -math.log(2), -0.8, -0.6, False),
            "standard error 2.00 → 4.00, 2.00 × larger [1.82, 2.23]",
        ),
        (
            Trial("coverage", 2.0, 4.0, math.log(2), 0.6, 0.8, True),
            "coverage 2.00 → 4.00, 2.00 × larger [1.82, 2.23]",
        ),
    ],
)
def test_a_difference_of_logarithms_reads_as_a_factor(trial, shown):
    assert summary.trial_effect(trial) == shown


@pytest.mark.parametrize(
    ("prediction", "parts"),
    [
        ("predicted 5.8 × wider observed 5.7 ×", ("5.8 × wider", "5.7 ×")),
        ("predicted 5.8; observed: 5.7", ("5.8", "5.7")),
        ("Predicted: loss falls", ("loss falls", "")),
        ("", ("", "")),
        ("observed only", ("observed only", "")),
    ],
)
def test_prediction_and_observation_are_told_apart(prediction, parts):
    finding = dataclasses.replace(ILL, prediction=prediction)
    assert summary.split_prediction(finding) == parts


def test_the_number_against_its_limit_is_said_once():
    assert summary.evidence_line(ILL) == ""  # the message has it
    assert summary.evidence_line(HETERO).endswith("2.61 × [2.44, 2.78] (limit 2)")
    share = (Evidence("share", 0.8, limit=0.05),)
    said = dataclasses.replace(HETERO, message="80 % are missing (limit 5 %)", evidence=share)
    assert summary.evidence_line(said) == ""
    none = Finding("LA102", "x", "probability", "note", (), "m", (Evidence("share", 0.1),))
    assert summary.evidence_line(none) == ""


def test_a_limit_of_zero_is_not_repeated():
    count = dataclasses.replace(HETERO, evidence=(Evidence("rows", 59, limit=0, unit="rows"),))
    assert summary.evidence_line(count) == ""


@pytest.mark.parametrize("width", [50, 80, 100])
def test_what_was_observed_stands_beside_the_prediction_or_on_a_line_that_says_so(width):
    text = render(regression(findings=(ILL,)), width, False)
    (line,) = [line for line in text.splitlines() if line.endswith("5.7 ×")]
    assert re.fullmatch(r" {6}(observed|\s*\S+.*  observed) +5.7 ×", line)
    assert line.index("observed") == 6 or len(line) == width


def test_the_message_goes_before_the_details_of_a_trial():
    message = "a message that takes three lines of eighty columns, because it says " + "much " * 16
    finding = dataclasses.replace(ILL, message=message + "to the end")
    (block,) = blocks(render(regression(findings=(finding,)), 80, False))
    assert "to the end" in " ".join(line.strip() for line in block)
    assert block[-1].endswith("tried, no measurable gain")
    assert len(block) <= FINDING_LINES


def test_missing_numbers_in_the_table_are_dashes():
    line = next(
        row
        for row in render_coefficients(classification(), 100, False).splitlines()
        if row.startswith("age missing")
    )
    assert line.split()[2:] == ["–"] * 6


def test_many_columns_left_out_are_counted():
    left_out = tuple(Feature(f"c{i}", "text", (), reason=f"text {i}") for i in range(100))
    text = render(regression(features=left_out), 100, False)
    assert "c0 (text 0)" in text
    assert "+92 more" in text
    same = tuple(Feature(f"c{i}", "text", (), reason="text") for i in range(100))
    assert "c7 +92 more (text)" in render(regression(features=same), 100, False)


def test_greek_letters_have_their_names():
    assert in_encoding("Ωξ ŷ é", "ascii") == "Omegaxi y^ \\xe9"
