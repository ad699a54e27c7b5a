"""`whyfit map` as typed: what it writes where, exit statuses, one-line errors, what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import whyfit
from whyfit import cli

GROUPS = {"royal": ("king", "queen", "prince"), "food": ("bread", "cheese", "apple")}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the vectors of 120 words in two groups, their names, and a table of messages."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    words = [w for group in GROUPS.values() for w in group] + [f"word{i}" for i in range(114)]
    X = rng.standard_normal((120, 20))
    for i, group in enumerate(GROUPS.values()):
        at = [words.index(w) for w in group]
        X[at] = rng.standard_normal(20) * 2 + 0.3 * rng.standard_normal((len(group), 20))
        X[at] += i
    np.save("vectors.npy", X)
    (tmp_path / "words.txt").write_text("\n".join(words), encoding="utf-8")
    texts = ["win a free prize now", "free prize to win", "lunch at noon", "noon lunch today", "no"]
    lines = [f'{"spam" if "free" in t else "ham"},"{t}"' for t in texts]
    (tmp_path / "m.csv").write_text("type,text\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def run(*args: str) -> int:
    return cli.main(["map", "vectors.npy", "--labels", "words.txt", *args])


def test_text_to_stdout_and_a_page_beside(here, capsys):
    assert run("--near", "king", "--project", "king-prince+queen", "--svg", "v.svg") == 0
    out, err = capsys.readouterr()
    assert out.startswith("vectors.npy   120 points × 20 dimensions   by cosine")
    assert "report: vectors.map.html" in out
    near = out.split("near       king")[1].split("project")[0]
    assert "queen" in near
    assert "prince" in near
    assert "project    king − prince + queen" in out
    assert err == ""
    page = (here / "vectors.map.html").read_text(encoding="utf-8")
    assert "king − prince + queen" in page
    ElementTree.parse(here / "v.svg")


def test_json_holds_what_was_asked(here, capsysbinary):
    assert run("--near", "king", "--format", "json", "--neighbours", "2") == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["kind"] == "map"
    found = document["answers"][0]["found"]
    assert {f["label"] for f in found} == {"queen", "prince"}
    X = np.load(here / "vectors.npy")
    cosine = X[0] @ X[found[0]["row"] - 1]
    cosine /= np.linalg.norm(X[0]) * np.linalg.norm(X[found[0]["row"] - 1])
    assert found[0]["similarity"] == pytest.approx(cosine)
    assert len(document["drawn"]) == document["points"] == 120
    assert not (here / "vectors.map.html").exists()


def test_no_html_and_output(here, capsys):
    assert run("--no-html", "-o", "map.txt") == 0
    assert capsys.readouterr().out == ""
    assert (here / "map.txt").read_text(encoding="utf-8").startswith("vectors.npy")
    assert run("--format", "html", "-o", "p.html", "--no-html") == 0
    assert (here / "p.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [p.name for p in here.glob("*.html")] == ["p.html"]


@pytest.mark.usefixtures("here")
def test_documents(capsys):
    assert cli.main(["map", "m.csv", "--text", "text", "--near", "1", "--colour", "type"]) == 0
    out = capsys.readouterr().out
    assert "5 documents" in out
    first = out.split("near       row 1")[1].splitlines()
    assert "win a free prize now" in first[1]
    assert "row 2" in first[2]
    assert "free prize to win" in first[2]


@pytest.mark.usefixtures("here")
def test_fail_on(capsys):
    X = np.load("vectors.npy") + 3
    np.save("vectors.npy", X)
    assert run("--no-html", "--select", "LA115") == 0
    assert run("--no-html", "--select", "LA115", "--fail-on", "error") == 0
    assert run("--no-html", "--select", "LA115", "--fail-on", "warning") == 1
    assert run("--no-html", "--ignore", "dominating-direction,hubs", "--fail-on", "note") == 0
    assert "LA115" in capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_the_remedy_can_be_applied(capsys):
    np.save("vectors.npy", np.load("vectors.npy") + 3)
    assert run("--no-html", "--transform", "centre", "--fail-on", "note") == 0
    assert "no findings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--near", "quen"), "no point is called 'quen'; did you mean 'queen'?"),
        (("--project", "king-"), "ends where a label is expected"),
        (("--select", "LA999"), "'LA999' matches no rule"),
        (("--text", "t"), "leave --text out"),
        (("--confidence", "2"), "confidence is 2.0"),
        (("--svg", "no/such/folder.svg"), "the folder 'no/such' does not exist"),
    ],
)
def test_wrong_input_is_one_line_and_status_two(here, capsys, args, said):
    assert run(*args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
    assert not list(here.glob("*.html"))


def test_rule_pages_of_clouds_are_printed(capsys):
    for name in ("hubs", "LA115"):
        assert cli.main(["rule", name]) == 0
    out = capsys.readouterr().out
    assert "LA116  hubs" in out
    assert "LA115  dominating-direction" in out


def test_vectors_load_no_table_and_no_learning_library(here):
    code = (
        "import sys\n"
        "from whyfit.cli import main\n"
        "assert main(['map', 'vectors.npy', '--labels', 'words.txt', '--near', 'king']) == 0\n"
        "print('LOADED', *sorted(m for m in sys.modules if '.' not in m))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=here)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.rpartition("LOADED")[2].split())
    assert not loaded & {"sklearn", "polars", "pandas", "narwhals", "torch", "matplotlib"}


def test_in_python(here):
    labels = (here / "words.txt").read_text(encoding="utf-8").split("\n")
    result = whyfit.map(np.load("vectors.npy"), labels=labels, near="king")
    assert result.coordinates.shape == (120, 2)
    near = result.near("king", 2)
    assert {label for label, _ in near} == {"queen", "prince"}
    assert result.project("king-prince+prince", 1)[0][0] in ("queen", "word0", *labels)
    assert isinstance(result, whyfit.MapResult)
    result.save("m.html")
    result.save("m.svg")
    result.save("m.json")
    assert json.loads((here / "m.json").read_bytes())["answers"][0]["asked"] == "king"
    assert "<svg" in result._repr_html_()
    with pytest.raises(whyfit.errors.SpecError, match=r"\.html, \.svg or \.json"):
        result.save("m.pdf")


@pytest.mark.usefixtures("here")
def test_the_same_seed_gives_the_same_map():
    a, b = (whyfit.map("vectors.npy", seed=3).to_dict() for _ in range(2))
    a.pop("timings")
    b.pop("timings")
    assert a == b
