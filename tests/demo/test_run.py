"""The whole demo: every planted fault found on the file it writes, nothing of the user's touched."""

from __future__ import annotations

import re
import socket

import pytest

from whyfit.cli import main
from whyfit.demo import houses, run, run_demo
from whyfit.demo.run import place
from whyfit.errors import InputError
from whyfit.report.terminal import Screen

MAX_LINES = 105  # of the demo beside the report in it


def shown(capsys, *, real: bool, directory, width: int = 80) -> str:
    run_demo(real, directory, width=width, colour=False, page=False)
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("houses")


@pytest.fixture(scope="module")
def said(folder) -> str:
    """The demo at 80 columns, once for all tests of its text."""
    parts: list[str] = []
    run._houses(run.Stage(folder, Screen(80), True, parts.append))
    return "".join(parts)


def section(text: str, start: str, end: str | None = None) -> str:
    begin = text.index(start)
    return text[begin : text.index(end, begin) if end else None]


def test_every_planted_fault_is_found_in_its_columns(said):
    table = section(said, "6  Planted and found", "Next")
    marks = re.findall(r"^   ([✓✗]) ", table, re.MULTILINE)
    assert marks == ["✓"] * len(houses.PLANTED), table
    assert f"{len(houses.PLANTED)} of {len(houses.PLANTED)}" in table.splitlines()[0]
    codes = re.findall(r"\b(?:LA|CA|PR)\d{3}\b", table.partition("also found")[0])
    assert len(codes) == len(houses.PLANTED)
    for code, fault in zip(codes, houses.PLANTED, strict=True):
        assert code in fault.codes


def test_road_is_walked_in_order(said):
    places = [
        said.index(what)
        for what in (
            "whyfit   1,200 houses", "price = 20,000 + 90·sqft", "houses.csv",
            "1  Data become vectors", "x = [2100, 3, 7.2, 10]", "ŷ = β₀ + Xw", "≈ 3",
            "2  Vectors become a model", "L(w) = (1/n) Σ (yᵢ − ŷᵢ)²",
            "∂L/∂w = −(2/n) Xᵀ(y − ŷ)",
            "3  A model becomes predictions", "By the law it is $350,000",
            "Does a column influence price?",
            '4  The same houses, "above market?"', "odds ratio",
            "5  The whole journey", "--target price", "held-out R²",
            "6  Planted and found", "Without the leak",
            "Next", "whyfit rule", "--fix", "whyfit demo --real",
        )
    ]  # fmt: skip
    assert places == sorted(places)


def test_it_is_brief_and_fits_the_terminal(said):
    report = section(said, "\nhouses.csv ", "6  Planted")
    assert len(said.replace(report, "").splitlines()) <= MAX_LINES
    long = [line for line in said.splitlines() if len(line) > 80]
    assert all("houses" in line for line in long)  # a path is never broken


def test_without_the_leak_the_fit_is_as_good_as_the_law(said):
    text = " ".join(section(said, "Without the leak", "Next").split())
    error, noise = (
        float(re.search(p, text)[1].replace(",", ""))
        for p in (r"typical error \$([\d,]+)", r"ε itself is \$([\d,]+)")
    )
    assert 0.95 * noise < error < 1.05 * noise
    assert "nothing left to learn" in text


@pytest.mark.usefixtures("said")
def test_report_is_written_beside_the_file(folder):
    assert (folder / "houses.csv").read_bytes() == houses.to_csv()
    page = (folder / "houses.whyfit.html").read_text(encoding="utf-8")
    assert "LA113" in page
    assert sorted(p.name for p in folder.iterdir()) == ["houses.csv", "houses.whyfit.html"]


def test_another_file_of_that_name_is_left_alone(tmp_path, capsys):
    mine = tmp_path / "houses.csv"
    mine.write_bytes(b"a,b\n1,2\n")
    assert main(["demo", "--directory", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    for word in ("houses.csv", "nothing was changed", "--directory"):
        assert word in err
    assert mine.read_bytes() == b"a,b\n1,2\n"
    assert list(tmp_path.iterdir()) == [mine]


def test_its_own_file_is_recognised_and_not_written_again(tmp_path):
    path = place(tmp_path, "houses.csv", b"same")
    before = path.stat()
    assert place(tmp_path, "houses.csv", b"same") == path
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_folder_is_made_and_a_file_in_its_way_is_refused(tmp_path):
    assert place(tmp_path / "a" / "b", "x.csv", b"1").read_bytes() == b"1"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="--directory"):
        place(tmp_path / "file", "x.csv", b"1")
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(InputError, match="--directory"):
        place(tmp_path, "x.csv", b"1")


def test_report_that_cannot_be_written_stops_nothing(tmp_path, capsys):
    (tmp_path / "t.whyfit.html").mkdir()
    table = "\n".join(["x,y", *(f"{i},{i % 7}" for i in range(40))])
    path = place(tmp_path, "t.csv", table.encode())
    parts: list[str] = []
    run._journey(run.Stage(tmp_path, Screen(80), True, parts.append), path, "y", "5  title")
    text = "".join(parts)
    assert "held-out R²" in text
    assert "report:" not in text
    assert "no HTML report" in capsys.readouterr().err


def test_real_data_need_no_network(tmp_path, capsys, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("the demo tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    text = shown(capsys, real=True, directory=tmp_path)
    table = section(text, "6  Known and found", "Next")
    assert re.findall(r"^   ([✓✗]) ", table, re.MULTILINE) == ["✓"] * 3, table
    places = [
        text.index(what)
        for what in (
            "442 patients", "569 tumours", "1  Data become vectors", "2  Vectors become a model",
            "3  A model becomes predictions", "4  A yes-or-no question", "5  The whole journey",
            "diabetes.csv --target progression", "breast_cancer.csv --target diagnosis", "Next",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert {p.name for p in tmp_path.iterdir()} == {"diabetes.csv", "breast_cancer.csv"}
