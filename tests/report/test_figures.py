"""Figures: the right points, names as data only, and a description in words."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from whyfit.report.document import Figures
from whyfit.report.figures import FOREST_ROWS, HARMFUL_INDEX, figures

from .builders import EVIL, classification, coefficient, hostile, regression


def by_key(document):
    return {f.key: f for f in figures(document)}


def values(figure):
    return figure.spec["data"]["values"]


def with_figures(**changes):
    return regression(figures=dataclasses.replace(regression().figures, **changes))


def test_which_figures_there_are():
    assert list(by_key(regression())) == [
        "residuals", "observed", "coefficients", "spectrum", "ridge"
    ]  # fmt: skip
    assert list(by_key(classification())) == ["probability", "coefficients", "spectrum"]


def test_points_are_those_of_the_document():
    document = regression()
    points = values(by_key(document)["residuals"])
    assert [p["fitted"] for p in points] == list(document.figures.fitted)
    assert [p["residual"] for p in points] == list(document.figures.residual)


def test_points_that_do_not_exist_are_left_out():
    figure = by_key(with_figures(fitted=(1.0, math.nan, 3.0), residual=(0.1, 0.2, math.inf)))
    assert values(figure["residuals"]) == [{"fitted": 1.0, "residual": 0.1}]


def test_specs_are_json_without_numbers_that_json_lacks():
    for figure in figures(regression()) + figures(hostile()) + figures(classification()):
        json.dumps(figure.spec, allow_nan=False)
        assert figure.description
        assert figure.title
        assert figure.key.isalpha()


def strings(node, path=()):
    """Every string of a spec with the keys that lead to it, data apart."""
    if isinstance(node, dict):
        for key, value in node.items():
            if not (key == "values" and path[-1:] == ("data",)):
                yield from strings(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from strings(value, path)
    elif isinstance(node, str):
        yield path, node


def test_names_are_data_or_titles_never_fields_or_expressions():
    for figure in figures(hostile()):
        for path, text in strings(figure.spec):
            if EVIL in text:
                assert path[-1] == "title", path


def test_the_forest_shows_intervals_in_standard_errors_clearest_first():
    rows = values(by_key(regression())["coefficients"])
    assert rows[0]["name"] == "median_income"
    assert "(intercept)" not in [r["name"] for r in rows]
    sizes = [abs(r["t"]) for r in rows]
    assert sizes == sorted(sizes, reverse=True)
    for row in rows:
        assert row["high"] - row["t"] == pytest.approx(1.96)
        assert (row["opacity"] < 1) == (row["low"] < 0 < row["high"])


def test_many_coefficients_are_cut_and_counted():
    document = regression()
    many = tuple(coefficient(f"x{i}", i + 1.0, 1.0, 9.0) for i in range(200))
    wide = dataclasses.replace(
        document, model=dataclasses.replace(document.model, coefficients=many)
    )
    figure = by_key(wide)["coefficients"]
    assert len(values(figure)) == FOREST_ROWS
    assert values(figure)[0]["name"] == "x199"
    assert f"the {FOREST_ROWS} clearest of 200" in figure.description


@pytest.mark.parametrize("reach", [1.0, 9.0, 120.0, 3e6])
def test_ticks_of_the_forest_hold_zero_and_stay_few(reach):
    document = regression()
    pair = (coefficient("a", reach, 1.0, 9.0), coefficient("b", -reach / 3, 1.0, 9.0))
    wide = dataclasses.replace(
        document, model=dataclasses.replace(document.model, coefficients=pair)
    )
    layer = by_key(wide)["coefficients"].spec["layer"][1]
    ticks = layer["encoding"]["x"]["axis"]["values"]
    assert 0.0 in ticks
    assert ticks == sorted(set(ticks))
    assert 2 <= len(ticks) <= 15


def test_the_spectrum_marks_the_harmful_index_only_when_it_is_near():
    figure = by_key(regression())["spectrum"]
    guide = figure.spec["layer"][0]["encoding"]["y"]["datum"]
    assert guide == pytest.approx(2.31 / HARMFUL_INDEX)
    assert "41.2" in figure.description
    healthy = by_key(with_figures(singular_values=(1.2, 1.0, 0.8)))["spectrum"]
    assert len(healthy.spec["layer"]) == 1
    assert "dashed line" not in healthy.reading


def test_zero_singular_values_are_counted_not_drawn():
    figure = by_key(with_figures(singular_values=(1.0, 0.5, 0.0, 1e-20)))["spectrum"]
    assert len(values(figure)) == 2
    assert "2 values numerically zero, not drawn." in figure.reading


def test_classes_are_named():
    figure = by_key(classification())["probability"]
    assert {p["class"] for p in values(figure)} == {"0", "1"}
    assert figure.spec["encoding"]["x"]["title"] == "predicted probability of 1"


def test_several_classes_show_the_probability_of_the_truth():
    document = classification(task="multiclass")
    document = dataclasses.replace(
        document,
        figures=Figures(fitted=(0.9, 0.2), residual=(0.1, 0.8), observed=(1.0, 1.0)),
    )
    keys = by_key(document)
    assert "residuals" not in keys
    assert values(keys["probability"]) == [{"fitted": 0.9}, {"fitted": 0.2}]
    assert "for 1 of them" in keys["probability"].description


def test_the_ridge_path_needs_two_penalties_and_marks_none():
    layers = by_key(regression())["ridge"].spec["layer"]
    assert layers[0]["encoding"]["y"]["datum"] == 0.6402
    assert "ridge" not in by_key(with_figures(ridge_path=((0.0, 0.5), (1.0, 0.6))))
    bare = by_key(with_figures(ridge_path=((0.1, 0.5), (1.0, 0.6))))["ridge"]
    assert len(bare.spec["layer"]) == 1
    assert "dashed" not in bare.reading
