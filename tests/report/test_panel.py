"""Panels as text and as figures: what is drawn is what the panel holds, at any width."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from rich.cells import cell_len

from report.builders import EVIL_NAME, panel, regression
from whyfit.errors import SpecError
from whyfit.report.panel import Chart, Grid, Panel, Series
from whyfit.report.panel_figures import panel_figures
from whyfit.report.panel_text import cell, set_right
from whyfit.report.text import render_panels


def shown(width: int = 80, **how) -> str:
    return render_panels(regression(), width, False, keys=("learning",), **how)


def test_every_cell_is_read_as_it_should_be() -> None:
    text = shown()
    assert "Learning curve: twice the rows would save 0.1." in text
    assert "2.00 ± 0.10" in text
    assert "20,640" in text
    assert "–" in text  # NaN
    assert "size" in text


def test_numbers_are_set_to_the_right_and_words_to_the_left() -> None:
    grid = panel().grids[0]
    assert [set_right(grid, j) for j in range(4)] == [True, True, True, False]
    lines = shown().splitlines()
    head, first = next(
        (a, b) for a, b in itertools.pairwise(lines) if a.lstrip().startswith("size")
    )
    assert head.index("size") + 4 == first.index("100") + 3


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_lines_fit_and_no_column_is_lost(width) -> None:
    wide = Grid(
        "many", tuple(f"column {i}" for i in range(12)), (tuple(float(i) for i in range(12)),)
    )
    document = regression(panels=(dataclasses.replace(panel(), grids=(wide,)),))
    text = render_panels(document, width, False, keys=("all",))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert all(f"column {i}" in text for i in range(12))


def test_hostile_names_stay_on_their_line() -> None:
    document = regression(panels=(panel(EVIL_NAME),))
    text = render_panels(document, 100, False, keys=("learning",))
    assert "\x1b" not in text
    assert "\u202e" not in text
    ascii_only = render_panels(document, 100, False, keys=("learning",), encoding="ascii")
    assert ascii_only.isascii()


def test_an_unknown_panel_is_named_with_those_there_are() -> None:
    with pytest.raises(SpecError, match="under 'lerning'; expected all or one of: learning"):
        render_panels(regression(), 80, False, keys=("lerning",))
    with pytest.raises(SpecError, match="one of: none"):
        render_panels(regression(panels=()), 80, False, keys=("learning",))


def test_cells() -> None:
    assert [cell(v) for v in (None, float("nan"), 1234567, 0.5, "a\nb")] == [
        "–", "–", "1,234,567", "0.5", "a\\nb",
    ]  # fmt: skip


def test_charts_hold_the_points_and_leave_out_what_an_axis_cannot_show() -> None:
    first, second = panel_figures(panel())
    assert (first.key, second.key) == ("learning", "learning-2")
    drawn = [
        layer["data"]["values"] for layer in first.spec["layer"] if layer["data"]["values"] != [{}]
    ]
    assert all(len(values) == 4 for values in drawn)
    assert {layer["mark"]["type"] for layer in first.spec["layer"]} == {
        "rule",
        "point",
        "line",
        "area",
    }
    log = Chart(
        "",
        "",
        "",
        "x",
        "y",
        (Series("s", "points", (0.0, 1.0, float("nan")), (1.0, 2.0, 3.0)),),
        log_x=True,
    )
    (figure,) = panel_figures(Panel("k", "t", "l", charts=(log,)))
    assert [v["x"] for v in figure.spec["layer"][0]["data"]["values"]] == [1.0]


def test_a_chart_without_points_is_not_drawn() -> None:
    empty = Chart("", "", "", "x", "y", (Series("s", "line", ()),))
    assert panel_figures(Panel("k", "t", "l", charts=(empty,))) == ()


def test_written_numbers_are_set_to_the_right_too() -> None:
    grid = Grid(
        "",
        ("slope", "p", "sign", "where"),
        (("a", "< 1e−16", "99.8 %", "0"), ("b", "–", "100 %", "0 to 8")),
    )
    assert [set_right(grid, j) for j in range(4)] == [False, True, True, False]
