"""The computational graph as a picture: well-formed, complete, and no box upon another."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from whyfit.calculus import trace
from whyfit.report.graph_svg import render

SVG = "{http://www.w3.org/2000/svg}"
Z, Y = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]]), np.array([1.0, 0.0, 1.0])
GRAPHS = {
    "scalars": trace(lambda x, y: np.sin(x * y) / x**2 + abs(y - x) ** 3, x=2.0, y=0.5),
    "logistic": trace(
        lambda w, b: np.mean(np.logaddexp(0, Z @ w + b) - Y * (Z @ w + b)), w=np.ones(2), b=0.1
    ),
    "one step": trace(lambda x: x * x, x=3.0),
}


def picture(name: str) -> ET.Element:
    return ET.fromstring(render(GRAPHS[name]))


@pytest.mark.parametrize("name", GRAPHS)
def test_every_node_has_its_value_and_its_adjoint(name: str) -> None:
    texts = {t.text for t in picture(name).iter(f"{SVG}text")}
    for node in GRAPHS[name].nodes:
        if node.operation not in ("input", "constant"):
            assert any(t and t.startswith(f"{node.name} = ") for t in texts), node.name
    assert "← 1" in texts  # of the result


@pytest.mark.parametrize("name", GRAPHS)
def test_boxes_do_not_touch_and_lie_inside(name: str) -> None:
    root = picture(name)
    boxes = [
        [float(r.get(k, "nan")) for k in ("x", "y", "width", "height")]
        for r in root.iter(f"{SVG}rect")
        if "box" in (r.get("class") or "")
    ]
    wide, high = float(root.get("width", "nan")), float(root.get("height", "nan"))
    for x, y, w, h in boxes:
        assert 0 <= x <= x + w <= wide
        assert 0 <= y <= y + h <= high
    for (x, y, w, h), (a, b, c, d) in itertools.combinations(boxes, 2):
        assert x + w <= a or a + c <= x or y + h <= b or b + d <= y


def test_local_derivatives_stand_beside_their_edges() -> None:
    texts = {t.text for t in picture("scalars").iter(f"{SVG}text")}
    assert "×cos v1 = 0.5403" in texts
    assert "×y = 0.5" in texts


def test_names_are_escaped() -> None:
    assert "<b>" not in render(trace(lambda **k: k["<b>"] * 2, **{"<b>": 1.0}))
