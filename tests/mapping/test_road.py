"""Whole maps: clouds of every odd kind walk the road, and scale changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from whyfit.errors import SpecError
from whyfit.mapping.choices import MapSpec
from whyfit.mapping.road import make_map
from whyfit.report import map_page, map_svg, map_text

ODD = {
    "three points": np.eye(3),
    "one coordinate": np.arange(5.0)[:, None],
    "copies": np.ones((10, 4)),
    "zeros": np.zeros((10, 4)),
    "whole numbers": np.random.default_rng(0).integers(0, 4, (40, 3)).astype(np.int8),
    "truths": np.eye(6) > 0,
    "wide": np.random.default_rng(1).standard_normal((12, 500)).astype(np.float32),
    "far off": np.random.default_rng(2).standard_normal((60, 4)) + 1e9,
}


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("X", ODD.values(), ids=ODD)
def test_odd_clouds_walk_the_whole_road(X, metric):
    result = make_map(X, MapSpec(metric=metric, near=("1",), project=("1-2+3",)))
    document = result.document
    assert result.coordinates.shape == (len(X), 2)
    assert np.isfinite(result.coordinates).all()
    map_text.render(document, 80, False)
    map_page.render(document)
    map_svg.render(document)
    assert len(document.answers[0].found) == min(10, len(X) - 1)


@pytest.mark.parametrize("scale", [1e-130, 1e130])
def test_scale_changes_nothing(scale):
    X = np.random.default_rng(3).standard_normal((150, 6)) + 1
    one, other = (make_map(Z, MapSpec(near=("5",))).document for Z in (X, X * scale))
    assert one.picture.both.value == pytest.approx(other.picture.both.value)
    assert one.picture.both.high == pytest.approx(other.picture.both.high)
    assert one.picture.kept == other.picture.kept
    assert [f.code for f in one.findings] == [f.code for f in other.findings]
    assert [n.label for n in one.answers[0].found] == [n.label for n in other.answers[0].found]


def test_a_transformation_that_leaves_nothing_is_refused():
    with pytest.raises(SpecError, match="nothing is left"):
        make_map(np.ones((6, 3)), MapSpec(transform="whiten"))


def test_documents_cannot_be_transformed(tmp_path):
    sparse.save_npz(tmp_path / "s.npz", sparse.csr_array(np.eye(6)))
    with pytest.raises(SpecError, match="sparse"):
        make_map(tmp_path / "s.npz", MapSpec(transform="centre"))


def test_a_remedy_taken_is_a_remedy_measured():
    """What the trial promised is what a map of the transformed vectors shows."""
    X = np.random.default_rng(4).standard_normal((500, 40)) + 1.5
    before = make_map(X, MapSpec())
    hubs = next(f for f in before.findings if f.code == "LA116")
    after = make_map(X, MapSpec(transform=hubs.remedy.edit["transform"]))
    assert after.seen.case.hubness.skewness == pytest.approx(hubs.remedy.trial.after)
    assert "LA116" not in {f.code for f in after.findings}


def test_of_points_that_do_not_differ_nothing_is_believed():
    document = make_map(np.ones((10, 4)), MapSpec()).document
    assert "believe    nothing: the points do not differ" in map_text.render(document, 80, False)
    assert document.misplaced == ()


def test_the_representation_is_a_line():
    result = make_map(np.eye(6) + 1, MapSpec())
    assert repr(result).startswith("<whyfit MapResult: array, 6 points in 6 dimensions, findings: ")
    assert len(repr(result)) < 200
