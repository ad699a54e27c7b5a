"""The examples in docs/ are run as a reader would run them."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md") if ">>> " in page.read_text(encoding="utf-8"))


def test_the_page_of_linear_algebra_has_examples():
    assert "linear-algebra.md" in [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page):
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(>>> .*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page.name, None, 0)
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(
        examples, out=said.append
    )
    assert result.attempted == text.count(">>> ")
    assert not result.failed, "".join(said)


#: Pages whose Python is one program, from top to bottom, with its own assertions.
PROGRAMS = (
    "bayes",
    "calculus",
    "generalisation",
    "new-rows",
    "certainty",
    "dependence",
    "descend",
    "resampling",
    "scores",
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_snippets_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = DOCS / f"{name}.md"
    code = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    names: dict[str, object] = {"__name__": name}
    for i, snippet in enumerate(code, 1):
        exec(compile(snippet, f"{page.name}, snippet {i}", "exec"), names)
