"""The page of a descent in a real browser: it draws, stays inside the window, and no name is a script."""

from __future__ import annotations

import pytest

from browser.test_page import REASON, browser, visit  # noqa: F401 - fixtures
from report.descents import diverged, hostile, noisy
from whyfit.report import descend_page

pytestmark = pytest.mark.skipif(bool(REASON), reason=f"no browser: {REASON}")


@pytest.mark.parametrize(
    ("make", "scheme"), [(diverged, "light"), (noisy, "dark"), (hostile, "light")]
)
@pytest.mark.parametrize("width", [400, 1200])
def test_it_draws_asks_for_nothing_and_fits(visit, make, scheme, width):  # noqa: F811
    v = visit(make(), render=descend_page.render, scheme=scheme, width=width)
    assert v.errors == v.console == v.dialogs == []
    assert [u for u in v.requests if not u.startswith("file://")] == []
    assert v.page.locator("figure.figure-landscape-1 svg").count() == 1
    assert v.page.locator("figure.figure-landscape-1 svg .role-mark line").count() > 50
    assert v.page.locator("img").count() == 0
    assert v.page.evaluate("document.documentElement.scrollWidth") <= width
