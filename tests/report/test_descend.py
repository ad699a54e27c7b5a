"""The account of a descent as text, JSON and HTML; contours of a bowl are circles."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from rich.cells import cell_len

from report import descents
from whyfit.report import descend_json, descend_page, descend_text
from whyfit.report.contours import contour
from whyfit.report.descend_document import KEYS, DescendDocument
from whyfit.report.descend_figures import figures

MAKERS = {"diverged": descents.diverged, "noisy": descents.noisy, "raced": descents.raced,
          "hostile": descents.hostile}  # fmt: skip


@pytest.fixture(scope="module", params=MAKERS)
def document(request) -> DescendDocument:
    return MAKERS[request.param]()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_text_fits_the_terminal(document, width, encoding):
    text = descend_text.render(document, width, False, encoding=encoding)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    text.encode(encoding)
    for finding in document.findings:
        assert finding.code in text


def test_text_says_the_outcome_and_what_was_predicted(document):
    text = descend_text.render(document, 110, False)
    head = text.splitlines()
    assert "price" in head[0]
    assert "outcome" in text
    if document.told:
        assert "predicted" in text
        assert "observed" in text
    only = descend_text.render(document, 110, False, findings_only=True)
    assert "outcome" not in only


def test_json_has_every_key_in_order_and_no_nan(document):
    plain = json.loads(descend_json.to_json(document), parse_constant=lambda c: pytest.fail(c))
    assert tuple(plain) == KEYS
    fields = {f.name for f in dataclasses.fields(DescendDocument)}
    assert fields - set(KEYS) == {"landscapes"}


def test_the_page_is_one_safe_file(document):
    page = descend_page.render(document)
    before = page.split('<script type="application/json"')[0]  # what follows are data and libraries
    assert "<img" not in before
    assert "http" not in before.replace("http-equiv", "").replace("http://www.w3.org", "")
    for f in figures(document):
        assert f'id="figure-{f.key}"' in page
        assert f.description


def test_the_notebook_fragment_has_the_outcome_the_findings_and_no_script(document):
    fragment = descend_page.notebook(document)
    assert "<script" not in fragment
    assert "<html" not in fragment
    assert document.source.name.replace("&", "&amp;") in fragment or "\\" in fragment
    assert fragment.count('class="finding ') == len(document.findings)
    assert ("<summary>Race" in fragment) == bool(document.race)


def test_figures_are_there_for_what_was_run():
    keys = {f.key for f in figures(descents.diverged())}
    assert keys == {"curve", "landscape-1", "landscape-2", "race"}
    assert {f.key for f in figures(descents.raced())} == {"race"}


def test_contours_of_a_bowl_are_circles():
    xs = [i / 10 - 2 for i in range(41)]
    height = [[math.hypot(x, y) for y in xs] for x in xs]
    segments = list(contour(xs, xs, height, 1.0))
    radii = [math.hypot(x, y) for a, b, c, d in segments for x, y in ((a, b), (c, d))]
    assert radii == pytest.approx([1.0] * len(radii), rel=2e-3)
    length = sum(math.hypot(a - c, b - d) for a, b, c, d in segments)
    assert length == pytest.approx(2 * math.pi, rel=5e-3)


def test_contours_leave_out_what_is_not_finite_and_tell_saddles_apart():
    assert not list(contour([0, 1], [0, 1], [[math.inf, 0], [0, 0]], 0.5))
    saddle = list(contour([0, 1], [0, 1], [[1.0, 0.0], [0.0, 1.0]], 0.6))
    assert len(saddle) == 2
    for a, b, c, d in saddle:  # the mean 0.5 is below the level: the high corners are islands
        assert (a < 0.5 and b < 0.5 and c < 0.5 and d < 0.5) or min(a, b, c, d) > 0.5
