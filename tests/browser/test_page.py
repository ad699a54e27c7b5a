"""The report in a real browser: it opens, draws, asks for nothing, and no name is a script."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from report.builders import EVIL, classification, hostile, regression
from whyfit.report import html

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
REASON = os.environ.get("WHYFIT_NO_BROWSER") or ("" if CHROMIUM else "no Chromium on this machine")
pytestmark = pytest.mark.skipif(bool(REASON), reason=f"no browser: {REASON}")

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--no-default-browser-check",
    "--disable-dev-shm-usage",
]  # fmt: skip
MAKERS = {"regression": regression, "classification": classification, "hostile": hostile}


def wait_until(page, true, seconds=20):
    """Ask until it is so. The browser's own waiting evaluates text in the page, which its policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(true):
        assert time.monotonic() < end, f"still not so after {seconds} s: {true}"
        page.wait_for_timeout(20)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page that was opened, with what it said, asked for and popped up meanwhile."""

    def __init__(self, browser, path, width=1200, scheme="light", script=True):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            java_script_enabled=script,
            offline=True,
        )
        self.page = self.context.new_page()
        self.console, self.errors, self.requests, self.dialogs = [], [], [], []
        self.page.on("console", lambda m: self.console.append(f"{m.type}: {m.text}"))
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("dialog", lambda d: (self.dialogs.append(d.message), d.dismiss()))
        self.page.goto(path.as_uri())
        if script:
            wait_until(
                self.page,
                "document.querySelectorAll('.drawing').length"
                " === document.querySelectorAll('.drawing[data-drawn]').length",
            )


@pytest.fixture
def visit(browser, tmp_path):
    visits = []

    def open_page(document, render=html.render, **how):
        path = tmp_path / "report.html"
        path.write_text(render(document), encoding="utf-8")
        visits.append(Visit(browser, path, **how))
        return visits[-1]

    yield open_page
    for v in visits:
        v.context.close()


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_it_opens_draws_and_asks_for_nothing(visit, make):
    document = make()
    v = visit(document)
    assert v.errors == []
    assert v.console == []
    assert v.dialogs == []
    assert [u for u in v.requests if not u.startswith("file://")] == []
    assert len(v.requests) == 1
    drawings = v.page.locator(".drawing")
    assert drawings.count() >= (4 if document.task == "regression" else 3)
    for i in range(drawings.count()):
        svg = drawings.nth(i).locator("svg").first
        box = svg.bounding_box()
        assert box["width"] > 100
        assert box["height"] > 40
        assert svg.locator("path, text").count() > 3


def test_hostile_names_are_inert_and_readable(visit):
    v = visit(hostile())
    assert v.page.locator("img").count() == 0
    assert v.page.evaluate("document.querySelectorAll('[onerror]').length") == 0
    assert EVIL in v.page.locator("h1").inner_text()
    assert "a\\nb\\x1b" in v.page.locator(".figure-coefficients svg").text_content()
    assert v.dialogs == []


def test_eval_is_forbidden(visit):
    v = visit(regression())
    # later, because what the debugger itself evaluates is exempt from the policy
    v.page.evaluate(
        """() => { setTimeout(() => {
        try { new Function('return 1')(); document.title = 'ran' }
        catch (error) { document.title = error.name } }, 0) }"""
    )
    v.page.wait_for_timeout(200)
    assert v.page.title() == "EvalError"


def test_requests_are_forbidden(visit):
    v = visit(regression())
    v.page.evaluate("new Image().src = 'http://127.0.0.1:9/x.png'")
    v.page.wait_for_timeout(100)
    assert any("Content Security Policy" in line for line in v.console)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_sticks_out(visit, make, width):
    v = visit(make(), width=width)
    assert v.page.evaluate("document.documentElement.scrollWidth") <= width


def test_figures_follow_the_width(visit):
    v = visit(regression(), width=1200)
    svg = v.page.locator(".figure-coefficients svg").first
    wide = svg.bounding_box()["width"]
    v.page.set_viewport_size({"width": 500, "height": 900})
    wait_until(
        v.page,
        "document.querySelector('.figure-coefficients svg').getBoundingClientRect().width < 480",
    )
    assert svg.bounding_box()["width"] < wide


LUMINANCE = """element => {
  const rgb = getComputedStyle(element)[arguments[1] || 'color'].match(/[\\d.]+/g).map(Number);
  const [r, g, b] = rgb.slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper(visit, scheme):
    """Contrast of at least 4.5 : 1, WCAG 2.2 criterion 1.4.3."""
    v = visit(regression(), scheme=scheme)
    paper = v.page.locator("main").evaluate(LUMINANCE.replace("arguments[1]", "'backgroundColor'"))
    assert (paper < 0.1) == (scheme == "dark")
    for selector in (
        "h1", ".headline", ".message", ".badge.error", ".badge.warning", ".badge.note",
        ".outcome", ".outcome.helped", "figcaption", "nav a", ".code",
    ):  # fmt: skip
        ink = v.page.locator(selector).first.evaluate(LUMINANCE.replace("arguments[1] ||", ""))
        bright, dim = max(ink, paper), min(ink, paper)
        assert (bright + 0.05) / (dim + 0.05) >= 4.5, selector


def test_without_scripts_everything_but_the_figures_is_there(visit):
    v = visit(regression(), script=False)
    text = v.page.locator("body").inner_text()
    assert "condition index 41" in text
    assert "The figures are drawn by a script" in text


def test_the_notebook_fragment(visit):
    v = visit(hostile(), render=lambda d: "<!DOCTYPE html><body>" + html.notebook(d))
    assert v.console == []
    assert v.errors == []
    assert v.dialogs == []
    assert EVIL in v.page.locator(".whyfit").inner_text()


def test_it_prints(visit):
    v = visit(regression())
    v.page.emulate_media(media="print")
    assert v.page.locator("nav").is_hidden()
    assert v.page.pdf(format="A4").startswith(b"%PDF")
