"""What the documentation shows runs: the Python of every page, from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
#: Pages that can run by themselves; the others speak of files of the reader's own.
PAGES = ("calculus",)


@pytest.mark.parametrize("name", PAGES)
def test_snippets_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = DOCS / f"{name}.md"
    code = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert code
    names: dict[str, object] = {"__name__": name}
    for i, snippet in enumerate(code, 1):
        exec(compile(snippet, f"{page.name}, snippet {i}", "exec"), names)
