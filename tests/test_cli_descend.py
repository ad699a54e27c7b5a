"""`whyfit descend` as typed: what it writes where, exit statuses, one-line errors, real tables."""

from __future__ import annotations

import json

import pytest

from descending.tables import csv
from whyfit import cli


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a table for every kind of loss, and a few that cannot be descended on."""
    monkeypatch.chdir(tmp_path)
    for kind in ("squared", "logistic", "poisson"):
        csv(tmp_path / f"{kind}.csv", kind, n=300)
    (tmp_path / "one.csv").write_text("x,y\n1,a\n2,a\n3,a\n4,a\n", encoding="utf-8")
    (tmp_path / "flat.csv").write_text("x,y\n1,2\n2,2\n3,2\n4,2\n", encoding="utf-8")
    (tmp_path / "void.csv").write_text("x,y\n", encoding="utf-8")
    (tmp_path / "dull.csv").write_text("x,y\n7,1.5\n7,2\n7,3\n7,4.5\n", encoding="utf-8")
    (tmp_path / "three.csv").write_text("x,y\n1,2\n2,3.5\n3,1\n", encoding="utf-8")
    (tmp_path / "wide.csv").write_text(
        "a,b,c,d,e,y\n"
        + "".join(f"{i},{i * i},{i % 3},{i % 2},{-i},{i % 4}.5\n" for i in range(5)),
        encoding="utf-8",
    )
    (tmp_path / "vast.csv").write_text(
        "a,b,y\n" + "".join(f"{(i % 7) - 3}.5e200,{i % 5},{i % 11}.5\n" for i in range(40)),
        encoding="utf-8",
    )
    (tmp_path / "even.csv").write_text(
        "a,y\n" + "".join(f"{(-1) ** (i // 2)},{i % 2}\n" for i in range(80)), encoding="utf-8"
    )
    return tmp_path


def run(table: str, *args: str, target: str = "y") -> int:
    return cli.main(["descend", table, "--target", target, *args])


def test_text_to_stdout_and_a_page_beside(here, capsys):
    assert run("squared.csv", "--lr", "10") == 0
    out, err = capsys.readouterr()
    assert out.startswith("squared.csv   300 rows, 5 parameters → y")
    assert "gradient descent, η 10, 100 steps" in out
    assert "outcome   diverged" in out
    assert "CA201 error" in out
    assert "race to 1 %" in out
    assert "report: squared.descend.html" in out
    assert err == ""
    page = (here / "squared.descend.html").read_text(encoding="utf-8")
    assert "step-too-large" in page
    assert "figure-race" in page


def test_the_example_of_the_readme(here, capsys):
    arguments = [
        "--optimizer",
        "sgd",
        "--lr",
        "0.1",
        "--momentum",
        "0.9",
        "--batch",
        "32",
        "--schedule",
        "cosine",
        "--epochs",
        "3",
    ]
    assert run("squared.csv", *arguments, "--no-html", "--no-race") == 0
    out = capsys.readouterr().out
    assert "momentum, η 0.1, β 0.9, batch 32" in out
    assert "cosine schedule" in out
    assert not list(here.glob("*.html"))


@pytest.mark.usefixtures("here")
def test_json_holds_the_whole_account(capsysbinary):
    assert run("logistic.csv", "--lr", "1e-4", "--format", "json") == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["kind"] == "descend"
    assert document["schema"] == 1
    assert document["loss"] == "logistic"
    assert document["run"]["outcome"] == "step too small"
    assert document["run"]["left"] == pytest.approx(document["curve"]["observed"][-1], rel=1e-6)
    assert [f["code"] for f in document["findings"]] == ["CA202"]
    assert {r["name"] for r in document["race"]} >= {"Newton", "gradient descent"}
    assert all({"what", "predicted", "observed", "agrees"} <= set(t) for t in document["told"])


def test_output_goes_where_it_is_asked(here, capsys):
    assert run("squared.csv", "--format", "html", "-o", "d.html", "--no-race") == 0
    assert capsys.readouterr().out == ""
    assert (here / "d.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("here")
def test_without_a_rate_theory_gives_one(capsys):
    assert run("squared.csv", "--optimizer", "nesterov", "--no-html", "--no-race") == 0
    out = capsys.readouterr().out
    assert "is what theory recommends here" in out
    assert "outcome   done" in out


@pytest.mark.parametrize("optimizer", ["all", "newton", "bfgs", "lbfgs", "L-BFGS", "Adam"])
@pytest.mark.usefixtures("here")
def test_every_optimizer_runs(capsys, optimizer):
    race = () if optimizer == "all" else ("--no-race",)
    assert (
        run("poisson.csv", "--loss", "poisson", "--optimizer", optimizer, "--no-html", *race) == 0
    )
    assert "internal" not in capsys.readouterr().err


@pytest.mark.usefixtures("here")
def test_exit_status_by_severity():
    assert run("squared.csv", "--lr", "10", "--fail-on", "error", "--no-html", "--no-race") == 1
    assert run("squared.csv", "--lr", "0.05", "--fail-on", "note", "--no-html", "--no-race") == 0
    assert run("squared.csv", "--lr", "10", "--fail-on", "error", "--ignore", "CA201", "--no-html",
               "--no-race") == 0  # fmt: skip


@pytest.mark.parametrize("rule", ["step-too-large", "step-too-small", "slow-convergence", "not-converged",
                                  "noisy-gradients", "CA201", "CA219"])  # fmt: skip
def test_rule_pages_are_printed(capsys, rule):
    assert cli.main(["rule", rule]) == 0
    assert "The mathematics" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "arguments", "said"),
    [
        ("squared.csv", "--lr 0", "the learning rate is 0.0; expected a finite number > 0"),
        ("squared.csv", "--lr -0.1", "the learning rate is -0.1"),
        ("squared.csv", "--lr inf", "the learning rate is inf"),
        ("squared.csv", "--batch 0", "the batch size is 0; expected at least 1 row, or full"),
        ("squared.csv", "--batch 301", "the batch size is 301 and there are 300 rows"),
        ("squared.csv", "--batch some", "'some' is no batch size"),
        ("squared.csv", "--momentum 1", "momentum is 1.0; expected a number in [0, 1)"),
        ("squared.csv", "--optimizer adam --beta2 1.5", "beta2 is 1.5"),
        ("squared.csv", "--optimizer adam --momentum 0.9", "it has β₁ (--beta1)"),
        ("squared.csv", "--optimizer amda", "did you mean 'adam'?"),
        ("squared.csv", "--optimizer newton --lr 1", "leave --lr out"),
        ("squared.csv", "--optimizer lbfgs --batch 8", "leave --batch out"),
        ("squared.csv", "--schedule cosin", "did you mean 'cosine'?"),
        ("squared.csv", "--loss log", "is no loss"),
        ("squared.csv", "--epochs 0", "epochs is 0"),
        ("squared.csv", "--epochs 1 --steps 1", "both epochs and steps"),
        ("squared.csv", "--loss quantile --tau 1", "tau is 1.0"),
        ("squared.csv", "--loss poisson", "expects counts ≥ 0"),
        ("squared.csv", "--loss gamma", "expects amounts > 0"),
        ("squared.csv", "--loss logistic", "expected 2 for a binary task"),
        ("squared.csv", "--drop x1 --drop x2 --drop x3 --drop x4", "no"),
        ("one.csv", "", "y"),
        ("flat.csv", "--lr 0.1", "y"),
        ("void.csv", "", "void.csv"),
        ("nowhere.csv", "", "nowhere.csv"),
        ("squared.csv", "--select CA999", "CA999"),
        ("vast.csv", "--lr 0.1", "'a'"),
        ("vast.csv", "--optimizer sgd", "fourth powers overflow"),
        ("even.csv", "--optimizer sgd --lr 1 --batch 2", "there is nothing to descend"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_wrong_input_is_told_in_one_line(capsys, table, arguments, said):
    assert run(table, *arguments.split(), "--no-html") == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in err
    assert "internal fault" not in err
    assert out == ""
    assert len([line for line in err.splitlines() if line.startswith(("whyfit:", "Error:"))]) == 1


@pytest.mark.parametrize("table", ["three.csv", "wide.csv", "dull.csv"])
@pytest.mark.parametrize("optimizer", ["gd", "sgd", "adam", "lbfgs", "all"])
@pytest.mark.usefixtures("here")
def test_tiny_tables_are_no_fault(capsys, table, optimizer):
    status = run(table, "--optimizer", optimizer, *(() if optimizer == "all" else ("--no-race",)))
    assert status in (0, 2), capsys.readouterr()
    assert "internal fault" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "target", "arguments", "outcome", "codes"),
    [
        ("california_housing", "median_house_value", "--lr 0.1", "diverged", {"CA201"}),
        ("california_housing", "median_house_value", "--lr 5e-8", "ill-conditioned", {"CA203"}),
        ("california_housing", "median_house_value", "--lr 0.1 --standardise", "done", set()),
        ("diamonds", "price", "--lr 1e-9", "step too small", {"CA202", "CA203"}),
        ("titanic", "survived", "--drop alive --ridge 1 --standardise --lr 0.5", "done", set()),
        ("pima_diabetes", "outcome", "--lr 0.01", "diverged", {"CA201"}),
        ("pima_diabetes", "outcome", "--optimizer newton", "done", set()),
        ("nmes1988_visits", "visits", "--loss poisson --lr 1", "diverged", {"CA201"}),
        ("nmes1988_visits", "visits", "--loss poisson --standardise --lr 0.05", "done", set()),
    ],
)  # fmt: skip
def test_real_tables(shared_data, capsysbinary, name, target, arguments, outcome, codes):
    table = shared_data / name / f"{name}.csv"
    assert run(str(table), *arguments.split(), "--no-race", "--format", "json", target=target) == 0
    document = json.loads(capsysbinary.readouterr().out)
    assert document["run"]["outcome"] == outcome
    assert {f["code"] for f in document["findings"]} == codes
    for told in document["told"]:
        assert told["agrees"] is not False, told
