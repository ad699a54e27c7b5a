"""The reports of a map: text, page, fragment, SVG and JSON say what the document says, whatever strings it holds."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest
from rich.cells import cell_len

from report.maps import EVIL, WORDS, hostile, words
from report.test_html import Page
from report.test_text import ANSI, check_golden
from whyfit.report import map_figure, map_json, map_labels, map_page, map_svg, map_text, map_words
from whyfit.report.document import Score
from whyfit.report.map_document import KEYS, MapDocument, Point

MAKERS = {"words": words, "hostile": hostile}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", MAKERS)
def test_golden(name, width):
    text = map_text.render(MAKERS[name](), width, False, report="vectors.map.html")
    check_golden(f"map_{name}_{width}.txt", text)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
@pytest.mark.parametrize("width", [30, 64, 200])
def test_no_line_is_longer_than_the_screen(make, width, encoding):
    text = map_text.render(make(), width, False, encoding=encoding)
    text.encode(encoding)
    assert max(map(cell_len, text.splitlines())) <= max(min(width, 110), 40)
    assert "\x1b" not in text


def test_colour_changes_nothing_but_colour():
    plain, painted = (map_text.render(words(), 100, colour) for colour in (False, True))
    assert ANSI.sub("", painted) == plain
    assert painted != plain


def test_quiet_says_answers_and_findings_only():
    text = map_text.render(words(), 100, False, findings_only=True)
    assert text.startswith("near")
    assert "LA115" in text
    assert "believe" not in text


def test_what_the_picture_is_good_for_follows_what_is_kept():
    document = words()

    def said(kept: float) -> str:
        picture = dataclasses.replace(
            document.picture, kept=dataclasses.replace(document.picture.kept, value=kept)
        )
        return map_words.believe(dataclasses.replace(document, picture=picture))

    assert said(0.6).endswith("who stands close is close")
    assert "see groups" in said(0.3)
    assert "see broad regions" in said(0.1)
    assert said(0.03).endswith("closeness in it says nothing")
    few = dataclasses.replace(
        document,
        picture=dataclasses.replace(document.picture, chance=0.6, kept=Score(0.9, 0.8, 1.0)),
    )
    assert map_words.believe(few).endswith("too few points to tell")


def test_an_interval_without_width_is_not_shown():
    assert map_words.share(Score(1.0, 1 - 1e-12, 1.0)) == "100 %"
    assert map_words.share(Score(0.124, 0.115, 0.133)) == "12.4 ± 0.9 %"
    assert map_words.share(Score(0.0096, 0.009, 0.0102)) == "0.96 ± 0.06 %"


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("render", [map_page.render, map_page.notebook])
def test_pages_nest_and_hold_no_markup_of_the_user(make, render):
    page = Page(re.sub(r"<svg xmlns.*?</svg>", "", render(make()), flags=re.DOTALL))  # tested below
    assert not [t for t, _ in page.tags if t == "img"]
    assert not [a for _, a in page.tags if any(k.startswith("on") for k in a)]
    assert len(page.scripts) == (6 if render is map_page.render else 0)
    assert "\x1b" not in page.text


def test_the_page_says_everything():
    text = " ".join(Page(map_page.render(words())).text.split())
    for part in (
        "vectors.npy", "500 points × 300 dimensions", "12.4 ± 0.9 %", "10.5 ± 1.2 %", "46.2", "king − man + woman",
        "0.903", "−0.031", "tree", "river, castle, bank", "(2.4, −0.6)", "LA115", "subtract the mean",
        "--transform centre", "57 %", "whyfit.map('vectors.npy')", "a remark.",
    ):  # fmt: skip
        assert part in text, part


def test_the_page_asks_for_nothing():
    source = re.sub(r"<script>.*?</script>", "", map_page.render(words()), flags=re.DOTALL)
    assert not re.search(r"(?:src|href)=[\"'](?!#)", source)
    assert "Content-Security-Policy" in source


def test_labels_are_data_and_nothing_else():
    spec = map_figure.figure(hostile()).spec

    def strings(value, path=()):
        if isinstance(value, dict):
            for k, v in value.items():
                yield from strings(v, (*path, k))
        elif isinstance(value, list):
            for v in value:
                yield from strings(v, path)
        elif isinstance(value, str):
            yield path, value

    allowed = {"values", "domain", "title"}
    for path, text in strings(spec):
        if "img" in text or "script" in text:
            assert allowed & set(path), (path, text)
    assert json.loads(json.dumps(spec)) == spec


def test_every_layer_shares_the_axes():
    spec = map_figure.figure(words()).spec
    layers = [inner for layer in spec["layer"] for inner in layer.get("layer", [layer])]
    assert len(layers) >= 5
    for layer in layers:
        assert layer["encoding"]["x"] == layers[0]["encoding"]["x"]
        assert layer["encoding"]["y"] == layers[0]["encoding"]["y"]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_svg_is_well_formed_and_holds_every_point(make):
    document = make()
    root = ElementTree.fromstring(map_svg.render(document))
    tag = "{http://www.w3.org/2000/svg}"
    points = [c for c in root.iter(f"{tag}circle") if c.get("class") == "point"]
    assert len(points) == len(document.drawn)
    assert {e.tag for e in root.iter()} <= {
        tag + t for t in ("svg", "title", "desc", "style", "rect", "text", "g", "line", "circle", "path")
    }  # fmt: skip
    _, _, width, height = map(float, root.get("viewBox").split())
    for circle in points:
        assert 0 < float(circle.get("cx")) < width
        assert 0 < float(circle.get("cy")) < height


def test_the_svg_is_as_long_across_as_up():
    """A circle of points stays a circle."""
    frame = map_labels.frame_of(words(), 960, (100, 2000))
    x0, y0 = frame.at(0, 0)
    x1, y1 = frame.at(1, 1)
    assert x1 - x0 == pytest.approx(y0 - y1)


def test_what_was_asked_is_named_first_and_names_do_not_touch():
    document = words()
    frame = map_labels.frame_of(document, 900, (400, 700))
    names = map_labels.names_in(document, frame)
    assert [n.why for n in names[:4]] == ["sum", "asked", "asked", "asked"]
    assert {n.text for n in names} == {*WORDS, "king-man+woman"}
    boxes = [map_labels._box(frame, n.text, n.x, n.y, n.anchor, n.up) for n in names]
    for i, a in enumerate(boxes):
        assert a is not None
        assert not any(map_labels._touch(a, b) for b in boxes[:i])


def test_crowded_maps_leave_names_out():
    base = words()
    drawn = tuple(Point(f"word{i}", i + 1, (i % 40) / 40, i / 1600) for i in range(1600))
    crowded = dataclasses.replace(base, drawn=drawn, answers=(), misplaced=())
    frame = map_labels.frame_of(crowded, 900, (400, 700))
    assert 10 < len(map_labels.names_in(crowded, frame)) <= map_labels.NAMED


def test_copies_are_named_once_and_rows_without_names_hardly():
    base = dataclasses.replace(words(), answers=(), misplaced=())
    drawn = tuple(Point(f"w{i}", i + 1, float(i % 5), float(i % 3)) for i in range(60))
    copies = dataclasses.replace(base, drawn=drawn)
    frame = map_labels.frame_of(copies, 900, (400, 700))
    assert len(map_labels.names_in(copies, frame)) == 15
    rows = tuple(dataclasses.replace(p, label=f"row {p.row}") for p in drawn)
    nameless = dataclasses.replace(base, drawn=rows)
    assert len(map_labels.names_in(nameless, frame)) <= 16


def test_one_place_for_all_points_can_be_drawn():
    drawn = tuple(Point(f"w{i}", i + 1, 0.0, 0.0) for i in range(4))
    flat = dataclasses.replace(words(), drawn=drawn, answers=(), misplaced=())
    ElementTree.fromstring(map_svg.render(flat))
    map_page.render(flat)


@pytest.mark.parametrize(("share", "colour"), [(0, map_figure.RAMP[0]), (1, map_figure.RAMP[2])])
def test_the_ramp_ends_where_it_should(share, colour):
    assert map_svg.ramp(share) == colour


def test_json_has_every_field_and_survives_a_round_trip():
    assert set(KEYS) == {f.name for f in dataclasses.fields(MapDocument)}
    for make in MAKERS.values():
        read = json.loads(map_json.to_json(make()))
        assert list(read) == list(KEYS)
        assert read["kind"] == "map"
        assert read["schema"] == 1
    assert json.loads(map_json.to_json(hostile()))["drawn"][0]["label"] == EVIL
