"""The page: everything the document says is in it, and nothing a user wrote is markup or script."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from html.parser import HTMLParser

import pytest

from whyfit.diagnosis.finding import Trial
from whyfit.report import html
from whyfit.report.mathml import mathml

from .builders import EVIL, classification, hostile, regression

VOID = {"meta", "br", "img", "link", "input", "hr", "circle", "line"}


class Page(HTMLParser):
    """Elements, attributes, text and scripts; fails on tags that do not nest."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(str(source))
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.text += " "
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.text += data


MAKERS = {"regression": regression, "classification": classification, "hostile": hostile}


@pytest.mark.parametrize("render", [html.render, html.notebook])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_tags_nest(make, render):
    Page(render(make()))


@pytest.mark.parametrize("render", [html.render, html.notebook])
def test_no_user_string_becomes_markup(render):
    page = Page(render(hostile()))
    tags = {tag for tag, _ in page.tags}
    assert "img" not in tags
    handlers = [a for _, attributes in page.tags for a in attributes if a.startswith("on")]
    assert handlers == []
    assert EVIL in page.text  # it is there, as text
    assert all("alert(1)" not in s or s.lstrip().startswith("{") for s in page.scripts)


def test_the_page_has_only_its_own_scripts():
    assert len(Page(html.render(hostile())).scripts) == 6  # two of data, three libraries, one
    assert Page(html.notebook(hostile())).scripts == []


def test_data_in_scripts_cannot_end_them():
    source = html.render(hostile())
    data = re.search(r'id="figure-data">(.*?)</script>', source, re.S)[1]
    assert not re.search("[<>&\u2028\u2029]", data)
    names = [row["name"] for row in json.loads(data)["coefficients"]["data"]["values"]]
    assert any("<script>" in name for name in names)


def test_script_json_escapes_and_keeps_its_meaning():
    value = {"</script>": "\u2028\u2029<!--&amp;"}
    text = html.script_json(value)
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == value


def test_the_policy_forbids_requests_and_eval():
    page = Page(html.render(regression()))
    policy = next(
        a["content"] for t, a in page.tags
        if t == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )  # fmt: skip
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'unsafe-inline'"
    assert "connect-src" not in rules


def test_no_element_points_outside():
    for tag, attributes in Page(html.render(regression())).tags:
        for name in ("src", "href", "action", "srcset", "poster", "data"):
            if name in attributes:
                assert attributes[name].startswith("#"), (tag, attributes)
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}


def test_everything_is_said():
    page = Page(html.render(regression()))
    text = " ".join(page.text.split())
    for said in (
        "20,640 rows × 9 features → median_house_value",
        "held-out R² 0.640 ± 0.010",
        "2 errors 1 warning 1 note",
        "condition index 41 (limit 30): total_bedrooms ≈ 0.17 total_rooms + 0.05 households",
        "predicted se(total_rooms) 5.8 × wider than if uncorrelated observed 5.7 ×",
        "variance inflation of total_rooms 33.6 × [31.9, 35.4] 10",
        "ridge, λ = 12 by evidence ridge = 12.0",
        "held-out R² 0.6402 → 0.6406, gain +0.0004 [−0.0006, +0.0014] tried, no measurable gain",
        "Also accounts for the symptom of PR304.",
        "longitude −26,790 1,020 −26.3 < 1e−16 [−28,790, −24,790] 11",
        "total_bedrooms 36.1 6.01",
        "target = 'median_house_value' drop = ['block']",
        "import whyfit",
        "Residuals against predictions",
        "R² 0.640 ± 0.010 0.6454 −0.0004",
    ):
        assert said in text, said


def test_rows_and_columns_left_out_are_said():
    text = " ".join(Page(html.render(classification())).text.split())
    assert "Rows 2 of 891 left out: target missing 2" in text
    assert "ticket – identifier: 681 values in 891 rows" in text
    assert "age missing repeats another column" in text
    assert "Remark fare is skewed" in text


def test_headings_captions_and_names_for_those_who_cannot_see():
    page = Page(html.render(regression()))
    levels = [int(t[1]) for t, _ in page.tags if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    tables = sum(t == "table" for t, _ in page.tags)
    assert tables == sum(t == "caption" for t, _ in page.tags) > 0
    images = [a for _, a in page.tags if a.get("role") == "img"]
    assert len(images) == 10  # five figures, two of a panel, three trials
    assert all(a["aria-label"] for a in images)
    assert next(a for t, a in page.tags if t == "html")["lang"] == "en"


def test_ids_are_unique_and_links_lead_to_them():
    page = Page(html.render(regression()))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for t, a in page.tags if t == "a"}
    assert targets <= set(ids)


def test_a_document_without_points_has_no_figures_and_no_script():
    from whyfit.report.document import Figures

    document = regression()
    bare = dataclasses.replace(
        document,
        figures=Figures(),
        panels=(),
        model=dataclasses.replace(document.model, coefficients=()),
    )
    page = Page(html.render(bare))
    assert page.scripts == []
    assert "Figures" not in page.text


def test_the_notebook_fragment_brings_its_styles_and_names_every_finding():
    source = html.notebook(regression())
    page = Page(source)
    styles = re.search("<style>(.*?)</style>", source, re.S)[1]
    bare = re.sub(r"@media[^{]*", "", styles)
    selectors = [
        part.strip() for rule in re.findall(r"([^{}]+)\{", bare) for part in rule.split(",")
    ]
    assert all(s.startswith(".whyfit") for s in selectors if s), selectors
    assert all(f.code in page.text for f in regression().findings)


def test_a_trial_is_drawn_with_its_interval_beside_zero():
    svg = html.trial_drawing(Trial("R²", 0.5, 0.6, 0.1, 0.05, 0.15, True))
    place = {k: float(v) for k, v in re.findall(r'(x1|x2|cx)="([^"]+)"', svg)[2:]}
    assert place == {
        "x1": pytest.approx(90.67, abs=0.01),
        "x2": 248.0,
        "cx": pytest.approx(169.33, abs=0.01),
    }
    assert 'class="trial helped"' in svg


def test_a_trial_without_an_interval_is_not_drawn():
    nan = float("nan")
    assert html.trial_drawing(Trial("R²", 0.5, 0.5, 0.0, 0.0, 0.0, False)) == ""
    assert html.trial_drawing(Trial("R²", 0.5, 0.6, nan, nan, nan, False)) == ""


def test_formulas_become_mathml():
    out = mathml(r"\sqrt{\mathrm{VIF}} = \sqrt{33.6} < 5.8")
    assert out.startswith("<math ")
    assert "<msqrt>" in out
    assert "&lt;" in out
    assert "<script" not in mathml(rf"\text{{{EVIL}}} = 1")
    assert EVIL in Page(mathml(rf"\text{{{EVIL}}} = 1")).text


@pytest.mark.parametrize(
    "broken", [r"\frac{1}", r"\left(", r"\begin{x", "{{{", "", "^", r"a & b \\ <i>"]
)
def test_a_formula_that_cannot_be_read_is_shown_as_it_is(broken):
    Page(mathml(broken))
    assert "<i>" not in mathml(broken)


@pytest.mark.parametrize(
    "attack", [r"\href{javascript:alert(1)}{x}", r"\style{onclick=1}{x}", r"\class{a}{x}"]
)
def test_no_formula_makes_a_link_or_a_style(attack):
    for _, attributes in Page(mathml(attack)).tags:
        assert not {"href", "style", "class", "onclick", "id"} & set(attributes)
