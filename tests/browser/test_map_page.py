"""The map in a real browser: it draws, answers the mouse and the search field, and no name is a script."""

from __future__ import annotations

import pytest

from browser.test_page import REASON, browser, visit  # noqa: F401 - fixtures
from report.maps import EVIL, hostile, words
from whyfit.report import map_page, map_svg

pytestmark = pytest.mark.skipif(bool(REASON), reason=f"no browser: {REASON}")
MAKERS = {"words": words, "hostile": hostile}
CIRCLES = "figure.map svg .role-mark path[transform]"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_it_draws_and_asks_for_nothing(visit, make, scheme):  # noqa: F811
    document = make()
    v = visit(document, render=map_page.render, scheme=scheme)
    assert v.errors == v.console == v.dialogs == []
    assert [u for u in v.requests if not u.startswith("file://")] == []
    box = v.page.locator("figure.map svg").first.bounding_box()
    assert box["width"] > 600
    assert box["height"] > 300
    assert v.page.locator(CIRCLES).count() >= len(document.drawn)
    assert v.page.locator("img").count() == 0


def test_a_point_tells_its_name_and_its_true_neighbours(visit):  # noqa: F811
    v = visit(words(), render=map_page.render)
    v.page.locator(CIRCLES).nth(6).hover(force=True)
    tip = v.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    text = tip.inner_text()
    assert "river" in text
    assert "bank, money" in text
    assert "6 of 10" in text


def test_hostile_names_are_inert_in_tooltips(visit):  # noqa: F811
    v = visit(hostile(), render=map_page.render)
    v.page.locator(CIRCLES).nth(0).hover(force=True)
    tip = v.page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert EVIL in tip.inner_text()
    assert v.page.locator("img").count() == 0
    assert v.dialogs == []


def test_search_dims_what_does_not_match(visit):  # noqa: F811
    v = visit(words(), render=map_page.render)

    def opacities():
        return v.page.eval_on_selector_all(
            CIRCLES, "points => points.slice(0, 10).map(p => +getComputedStyle(p).opacity)"
        )

    assert min(opacities()) > 0.5
    v.page.fill(".vega-bindings input", "KING(")  # no pattern language: a bracket is a bracket
    v.page.wait_for_timeout(200)
    assert max(opacities()) < 0.2
    v.page.fill(".vega-bindings input", "King")
    v.page.wait_for_timeout(200)
    assert [o > 0.5 for o in opacities()] == [True] + [False] * 9
    assert v.errors == v.console == []


@pytest.mark.parametrize(("width", "shown"), [(400, False), (1200, True)])
def test_on_a_phone_only_names_asked_for_are_shown(visit, width, shown):  # noqa: F811
    v = visit(words(), render=map_page.render, width=width)
    opacity = "t => +getComputedStyle(t).opacity"
    texts = v.page.locator("figure.map svg .role-mark text")
    assert texts.filter(has_text="king-man+woman").first.evaluate(opacity) == 1
    assert (texts.filter(has_text="bank").first.evaluate(opacity) > 0.5) == shown


def test_the_wheel_zooms(visit):  # noqa: F811
    v = visit(words(), render=map_page.render)
    labels = "figure.map svg .role-axis-label text"
    before = v.page.locator(labels).all_inner_texts()
    box = v.page.locator("figure.map svg").first.bounding_box()
    v.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    v.page.mouse.wheel(0, -400)
    v.page.wait_for_timeout(300)
    assert v.page.locator(labels).all_inner_texts() != before
    assert v.errors == []


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_sticks_out(visit, make, width):  # noqa: F811
    v = visit(make(), render=map_page.render, width=width)
    assert v.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_svg_and_the_fragment_open(visit):  # noqa: F811
    for render in (map_svg.render, map_page.notebook):
        v = visit(
            hostile(), render=lambda d, r=render: f"<!DOCTYPE html><body>{r(d)}", script=False
        )
        assert v.errors == v.console == v.dialogs == []
        assert v.page.locator("svg .point").count() == 6
        assert v.page.locator("img").count() == 0
