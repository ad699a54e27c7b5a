"""The rules of the house that a machine can check: layers, start-up, file sizes, addresses."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted((ROOT / "src" / "whyfit").rglob("*.py"))
LONGEST_FILE = 400  # lines; the house style says "split near 400"

#: Libraries too slow to load for a command that only prints help.
HEAVY = (
    "numpy", "scipy", "sklearn", "polars", "pandas", "pyarrow", "narwhals", "jaxtyping",
    "jinja2", "latex2mathml", "torch", "threadpoolctl",
)  # fmt: skip


def module_name(path: Path) -> str:
    return str(path.relative_to(ROOT / "src"))


def tracked_files() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there is no list of tracked files")
    listing = subprocess.run(
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [ROOT / name for name in listing.split("\0") if name]


def test_layers_are_kept():
    lint = Path(sys.executable).with_name("lint-imports")
    assert lint.exists(), "import-linter is missing: install whyfit[test]"
    done = subprocess.run(
        [str(lint), "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_start_up_loads_no_heavy_library(argument: str):
    code = (
        "import sys\n"
        "from whyfit.cli import main\n"
        f"sys.argv = ['whyfit', {argument!r}]\n"
        "assert main() == 0\n"
        "print('LOADED', *sorted(m for m in sys.modules if '.' not in m))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert "whyfit" in loaded
    assert not loaded & set(HEAVY)


def test_importing_whyfit_loads_no_heavy_library():
    code = "import sys, whyfit\nprint(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & set(HEAVY)


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module_is_short_and_says_what_it_is(path: Path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring, "the module docstring is missing"


# Written in pieces, so that this file does not name what it forbids.
FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(?<![\w.])/(?:home|Users|root|work|tmp)" + r"/[\w.-]+", re.ASCII
    ),
    "the host of a package registry": re.compile(
        r"\b(?:files\.python" + r"hosted|(?:test\.)?py" + r"pi\.org|registry\.np" + r"mjs)",
        re.ASCII,
    ),
}


def test_tracked_files_name_no_machine_and_no_registry():
    bad = []
    for path in tracked_files():
        if path.suffix in {".png", ".whyfit", ".gz", ".parquet"} or not path.is_file():
            continue
        if ".min." in path.name:  # vendored bundles are other people's text
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        for what, pattern in FORBIDDEN.items():
            bad += [f"{path.relative_to(ROOT)}: {what}: {m[0]}" for m in pattern.finditer(text)]
    assert not bad, "\n".join(bad)


def test_version_is_the_same_in_the_code_and_the_changelog():
    version = re.search(r'__version__ = "([^"]+)"', (ROOT / "src/whyfit/__init__.py").read_text())
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version is not None
    assert newest is not None
    assert version[1] == newest[1]


def test_pinned_versions_satisfy_what_the_package_asks_for():
    """`constraints.txt` pins every direct requirement, with a version that the range admits."""
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [Requirement(r) for r in project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        asked += [Requirement(r) for r in extra]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    pinned = {canonical(p.name): next(iter(p.specifier)).version for p in pins}
    for requirement in asked:
        version = pinned.get(canonical(requirement.name))
        assert version is not None, f"{requirement.name} is not pinned in constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement} does not admit {version}"


def test_rule_pages_are_current():
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "rule_pages.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_documented_commands_and_options_exist(page: str):
    import click

    from whyfit.cli import commands

    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^    (?:\$ )?whyfit (.+)$", text, re.MULTILINE)
    lines += re.findall(r"`whyfit ([^`]+)`", text)
    assert lines or page != "README.md"
    for line in lines:
        name, *rest = line.partition("#")[0].split()
        if name.startswith("-"):
            continue
        command = commands.commands.get(name)
        assert isinstance(command, click.Command), f"{page}: there is no `whyfit {name}`"
        known = {option for parameter in command.params for option in parameter.opts}
        used = {word.partition("=")[0] for word in rest if word.startswith("-")}
        assert used <= known, f"{page}: `whyfit {line}` uses {sorted(used - known)}"


def test_links_between_documents_lead_somewhere():
    broken = []
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert len(pages) > 5
    for page in pages:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link and not (page.parent / link).exists():
                broken.append(f"{page.name}: {link}")
    assert not broken, "\n".join(broken)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
