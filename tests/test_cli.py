"""The command line: what it calls, what it writes where, and its exit status.

The journey is replaced by one that returns a given document; whole runs are tested with the journey.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from report.builders import LEAK, classification, regression
from whyfit import cli
from whyfit.errors import InternalFault, ModelFileError, TargetError
from whyfit.spec import MISSING_TOKENS, Spec, Term


class FakeResult:
    def __init__(self, document, fixed=None):
        self.document = document
        self.fixed = fixed
        self.saved = []

    @property
    def worst(self):
        return self.document.findings[0].severity if self.document.findings else None

    def fix(self):
        return self.fixed

    def save(self, path):
        Path(path).write_bytes(b"model")


@pytest.fixture(autouse=True)
def journey(monkeypatch, tmp_path):
    """A journey that returns `journey.result` and keeps how it was called; work in an empty folder."""
    fake = types.ModuleType("whyfit.journey")
    fake.calls = []
    fake.result = FakeResult(regression())

    def fit(source, spec, *, select=(), ignore=(), new=None, progress=None):
        del new
        fake.calls.append((source, spec, select, ignore))
        if isinstance(fake.result, BaseException):
            raise fake.result
        progress(1.0)
        return fake.result

    fake.fit = fit
    monkeypatch.setitem(sys.modules, "whyfit.journey", fake)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return fake


RULES = (
    ("LA107", "ill-conditioned", "linear algebra", "error"),
    ("PR304", "heteroscedastic", "probability", "warning"),
    ("CA205", "separable-classes", "calculus", "error"),
)


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    fake = types.ModuleType("whyfit.diagnosis.registry")
    rules = tuple(
        types.SimpleNamespace(
            code=code, slug=slug, pillar=pillar, severity=severity,
            page=f"About {slug}.\n\nWhat it says\nSomething.\n", summary=f"About {slug}",
        )
        for code, slug, pillar, severity in RULES
    )  # fmt: skip
    fake.all_rules = fake.every_rule = lambda: rules
    monkeypatch.setitem(sys.modules, "whyfit.diagnosis.registry", fake)


def run(*args):
    return cli.main(["fit", "data/houses.csv.gz", "-t", "price", *args])


def test_text_goes_to_stdout_and_a_page_beside(capsys):
    assert run() == 0
    out, err = capsys.readouterr()
    assert out.startswith("california_housing.csv   20,640 rows × 9 features")
    assert "report: houses.whyfit.html" in out
    assert err == ""
    assert os.listdir() == ["houses.whyfit.html"]
    assert Path("houses.whyfit.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_no_html(capsys):
    assert run("--no-html") == 0
    assert "report:" not in capsys.readouterr().out
    assert os.listdir() == []


def test_a_page_where_it_is_wanted(capsys):
    assert run("--html", "page.html") == 0
    assert "report: page.html" in capsys.readouterr().out
    assert os.listdir() == ["page.html"]


def test_a_page_that_was_asked_for_must_be_written(capsys):
    assert run("--html", "nowhere/page.html") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "whyfit: cannot write 'nowhere/page.html': the folder 'nowhere' does not exist; "
        "create it first.\n"
    )


def test_a_page_that_nobody_asked_for_may_fail(capsys):
    os.mkdir("houses.whyfit.html")
    assert run() == 0
    out, err = capsys.readouterr()
    assert "california_housing" in out
    assert "report:" not in out
    assert err.startswith("whyfit: no HTML report: cannot write 'houses.whyfit.html'")


def test_json_is_data_only(capsys):
    assert run("--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == 1
    assert report["findings"][0]["code"] == "LA107"
    assert os.listdir() == []


@pytest.mark.parametrize(("form", "start"), [("html", "<!DOCTYPE html>"), ("github", "::error ")])
def test_other_formats(capsys, form, start):
    assert run("--format", form) == 0
    assert capsys.readouterr().out.startswith(start)


def test_output_to_a_file(capsys):
    assert run("--format", "json", "-o", "out.json") == 0
    assert capsys.readouterr().out == ""
    assert json.loads(Path("out.json").read_bytes())["schema"] == 1


def test_text_in_a_file_is_utf8_without_colour(monkeypatch):
    monkeypatch.setattr("whyfit.report.stream.colour_wanted", lambda: True)
    monkeypatch.setattr("whyfit.report.stream.encoding", lambda: "ascii")
    assert run("-o", "out.txt", "--no-html") == 0
    text = Path("out.txt").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "20,640 rows × 9 features →" in text


def test_table_and_quiet(capsys):
    assert run("--no-html", "--table") == 0
    assert "std error" in capsys.readouterr().out
    assert run("--no-html", "--quiet") == 0
    assert capsys.readouterr().out.startswith("LA107")


def test_every_option_reaches_the_spec(journey):
    status = run(
        "--task", "regression", "--role", "zip=categorical", "--role", "a=b=skip",
        "--drop", "id", "--drop", "url", "--poly", "area=3", "--term", "log(area)",
        "--term", "area^2", "--term", "hinge(age, 30)", "--missing", "drop", "--missing-token", "-",
        "--log-target", "--ridge", "2.5", "--standardise", "--robust", "HC3",
        "--reference", "town=Bonn", "--folds", "5", "--seed", "7", "--confidence", "0.9",
        "--select", "LA,PR304", "--select", "separable-classes", "--ignore", "la107",
        "--no-html",
    )  # fmt: skip
    assert status == 0
    ((source, spec, select, ignore),) = journey.calls
    assert source == Path("data/houses.csv.gz")
    assert spec == Spec(
        target="price",
        task="regression",
        roles={"zip": "categorical", "a=b": "skip"},
        drop=("id", "url"),
        terms=(
            Term("power", ("area",), degree=2),
            Term("power", ("area",), degree=3),
            Term("log", ("area",)),
            Term("hinge", ("age",), knot=30.0),
        ),
        missing="drop",
        missing_tokens=(*MISSING_TOKENS, "-"),
        target_transform="log",
        ridge=2.5,
        standardise=True,
        covariance="HC3",
        reference={"town": "Bonn"},
        folds=5,
        seed=7,
        confidence=0.9,
    )
    assert select == ("LA", "PR304", "separable-classes")
    assert ignore == ("la107",)


def test_without_options_the_spec_is_the_default(journey):
    assert run("--no-html") == 0
    assert journey.calls[0][1] == Spec(target="price")


def test_settings_are_read_and_flags_win(journey):
    Path("pyproject.toml").write_text(
        '[tool.whyfit]\nselect = ["PR"]\nignore = ["PR304"]\nfail-on = "note"\nconfidence = 0.8\n',
        encoding="utf-8",
    )
    assert run("--no-html") == 1
    assert run("--no-html", "--select", "LA", "--confidence", "0.99", "--fail-on", "never") == 0
    (_, first, *rules), (_, second, *others) = journey.calls
    assert (first.confidence, *rules) == (0.8, ("PR",), ("PR304",))
    assert (second.confidence, *others) == (0.99, ("LA",), ("PR304",))


def test_a_wrong_setting_is_wrong_input(capsys):
    Path("pyproject.toml").write_text("[tool.whyfit]\nignor = []\n", encoding="utf-8")
    assert run() == 2
    assert "did you mean 'ignore'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("worst", "fail_on", "status"),
    [
        ("error", "error", 1), ("warning", "error", 0), ("warning", "warning", 1),
        ("note", "warning", 0), ("note", "note", 1), ("error", "never", 0), (None, "note", 0),
    ],
)  # fmt: skip
def test_fail_on(journey, worst, fail_on, status):
    findings = (dataclasses.replace(LEAK, severity=worst),) if worst else ()
    journey.result = FakeResult(regression(findings=findings))
    assert run("--no-html", "--fail-on", fail_on) == status


def test_the_default_never_fails():
    assert run("--no-html") == 0


def test_save(capsys):
    assert run("--no-html", "--save", "houses.whyfit") == 0
    assert Path("houses.whyfit").read_bytes() == b"model"
    assert run("--no-html", "--save", "houses.pkl") == 2
    assert "ending in .whyfit" in capsys.readouterr().err


def test_fix_reports_the_fixed_fit_and_prints_spec_and_python(journey, capsys):
    before = regression()
    spec = {**before.spec, "drop": ("block", "log_value"), "target_transform": "log"}
    after = dataclasses.replace(before, spec=spec, findings=(), python="import whyfit\n# fixed")
    journey.result = FakeResult(before, FakeResult(after))
    assert run("--no-html", "--fix", "--fail-on", "note") == 0
    out = capsys.readouterr().out
    assert "no findings" in out
    fixed = out.split("fixed    remedies that helped, applied\n")[1].split("\n\n")
    assert fixed[0].split("\n") == [
        "  drop = ['block', 'log_value']", "  target_transform = 'log'"
    ]  # fmt: skip
    assert "  target = 'median_house_value'" in fixed[1]
    assert fixed[2] == "python\n  import whyfit\n  # fixed\n"


def test_fix_that_finds_nothing_to_fix(journey, capsys):
    journey.result = FakeResult(regression(), FakeResult(regression()))
    assert run("--no-html", "--fix") == 0
    assert "nothing: no remedy helped" in capsys.readouterr().out


def test_fix_in_json_is_the_fixed_document_alone(journey, capsys):
    journey.result = FakeResult(regression(), FakeResult(regression(findings=())))
    assert run("--format", "json", "--fix") == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_input_errors_are_one_line_and_status_2(journey, capsys):
    journey.result = TargetError("no column\n'prize'; did you mean 'price'?")
    assert run() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "whyfit: no column 'prize'; did you mean 'price'?\n"
    assert os.listdir() == []


@pytest.mark.parametrize("fault", [InternalFault("lost a row"), ZeroDivisionError("by zero")])
def test_internal_faults_are_status_3_without_a_traceback(journey, capsys, monkeypatch, fault):
    monkeypatch.delenv("WHYFIT_DEBUG", raising=False)
    journey.result = fault
    assert run() == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"{type(fault).__name__}: {fault}" in err
    assert "please report it" in err


def test_debug_shows_where(journey, capsys, monkeypatch):
    monkeypatch.setenv("WHYFIT_DEBUG", "1")
    journey.result = ZeroDivisionError("by zero")
    assert run() == 3
    assert "Traceback" in capsys.readouterr().err


def test_interrupt(journey, capsys):
    journey.result = KeyboardInterrupt()
    assert run() == 130
    assert capsys.readouterr().err.strip() == "whyfit: interrupted"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["fit", "a.csv"], "Missing option '--target'"),
        (["fit", "a.csv", "-t", "y", "--role", "x=colour"], "'colour' is no role"),
        (["fit", "a.csv", "-t", "y", "--role", "x"], "not of the form COLUMN=VALUE"),
        (["fit", "a.csv", "-t", "y", "--term", "area"], "'area' is no term; expected one like x^3"),
        (["fit", "a.csv", "-t", "y", "--poly", "area"], "not of the form COLUMN=VALUE"),
        (["fit", "a.csv", "-t", "y", "--poly", "area=x"], "'x' is no degree; expected one like 3"),
        (["fit", "a.csv", "-t", "y", "--poly", "area=99"], "expected a degree from 2 to 30"),
        (["fit", "a.csv", "-t", "y", "--format", "xml"], "'xml' is not one of"),
        (["fit", "a.csv", "-t", "y", "--folds", "x"], "'x' is not a valid integer"),
        (["fit", "a.csv", "-t", "y", "--folds", "1"], "folds is 1; expected at least 2"),
        (["fit", "a.csv", "-t", "y", "--confidence", "2"], "confidence is 2.0"),
        (["fit", "a.csv", "-t", "y", "--ridge", "nan"], "ridge is nan"),
        (["fit", "a.csv", "-t", "y", "--select", "LA999"], "'LA999' is no rule"),
        (["fit", "a.csv", "-t", "y", "--ignore", "heteroskedastic"],
         "did you mean 'heteroscedastic'?"),
        (["fti"], "No such command 'fti'"),
        (["predict", "m", "n", "--interval", "95"], "expected a level in (0, 1)"),
        (["rule", "ill-condition"], "did you mean 'ill-conditioned'?"),
        (["rule", "zzzzzz"], "there is no rule 'zzzzzz'. `whyfit rules` lists all."),
    ],
)  # fmt: skip
def test_wrong_usage_is_status_2(journey, capsys, args, said):
    assert cli.main(args) == 2
    assert said in capsys.readouterr().err
    assert journey.calls == []


@pytest.mark.parametrize("name", ["LA107", "la107", "ill-conditioned", "Ill-Conditioned"])
def test_rule(capsys, name):
    assert cli.main(["rule", name]) == 0
    assert "ill-conditioned   linear algebra   error" in capsys.readouterr().out


def test_rules(capsys):
    assert cli.main(["rules", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [r["code"] for r in listed] == ["LA107", "CA205", "PR304"]
    assert set(listed[0]) == {"code", "slug", "pillar", "severity", "summary"}
    assert cli.main(["rules"]) == 0
    assert "About heteroscedastic" in capsys.readouterr().out


@pytest.fixture(autouse=True)
def model(monkeypatch):
    fake = types.ModuleType("whyfit.models.table_model")
    fake.calls = []
    table = {
        "row": np.array([0, 1, 2]),
        "prediction": np.array([0.1, np.nan, 1e300]),
        "low": np.array([-1.0, np.nan, 0.0]),
        "label": np.array(["a,b", "=1", "c\udcff"], dtype=object),
    }

    class Model:
        def predict_rows(self, source, interval=None, kind="mean"):
            fake.calls.append((source, interval, kind))
            return types.SimpleNamespace(columns=table, notes=("2 cells were missing.",))

    def load_model(path):
        if path.name == "bad.whyfit":
            raise ModelFileError("'bad.whyfit' is no whyfit model.")
        return Model()

    fake.load_model = load_model
    monkeypatch.setitem(sys.modules, "whyfit.models.table_model", fake)
    return fake


def test_predict_csv(model, capsys):
    assert cli.main(["predict", "m.whyfit", "new.csv", "--interval", "0.9", "--kind", "mean"]) == 0
    assert model.calls == [(Path("new.csv"), 0.9, "mean")]
    out, err = capsys.readouterr()
    assert err == "whyfit: 2 cells were missing.\n"
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [r["row"] for r in rows] == ["0", "1", "2"]
    assert rows[1]["prediction"] == ""
    assert float(rows[0]["prediction"]) == 0.1
    assert float(rows[2]["prediction"]) == 1e300
    assert rows[0]["label"] == "a,b"


def test_predict_json(capsys, tmp_path):
    target = tmp_path / "p.json"
    args = ["predict", "m.whyfit", "new.csv", "--format", "json", "-o", str(target)]
    assert cli.main(args) == 0
    assert capsys.readouterr().out == ""
    rows = json.loads(target.read_bytes())
    assert rows[0] == {"row": 0, "prediction": 0.1, "low": -1.0, "label": "a,b"}
    assert rows[1]["prediction"] is None


def test_predict_with_a_damaged_model(capsys):
    assert cli.main(["predict", "bad.whyfit", "new.csv"]) == 2
    assert capsys.readouterr().err == "whyfit: 'bad.whyfit' is no whyfit model.\n"


def test_demo(monkeypatch):
    fake = types.ModuleType("whyfit.demo")
    fake.calls = []
    fake.run_demo = lambda real, directory: fake.calls.append((real, directory))
    monkeypatch.setitem(sys.modules, "whyfit.demo", fake)
    assert cli.main(["demo", "--real", "--directory", "x"]) == 0
    assert cli.main(["demo"]) == 0
    assert fake.calls == [(True, Path("x")), (False, Path())]


def test_help_and_version(capsys):
    assert cli.main(["--help"]) == 0
    assert "whyfit fit houses.csv --target price" in capsys.readouterr().out
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("whyfit 0.")


@pytest.mark.parametrize("args", [["--help"], ["fit", "--help"], ["--version"], ["fit"]])
def test_help_and_usage_errors_load_nothing_heavy(args):
    code = (
        "import sys\n"
        "from whyfit.cli import main\n"
        f"main({args!r})\n"
        "heavy = {'numpy', 'scipy', 'polars', 'rich', 'msgspec', 'jinja2', 'sklearn', 'narwhals'}\n"
        "print('LOADED', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("LOADED []\n")


def test_module_runs_as_the_command_does():
    command = [sys.executable, "-m", "whyfit", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


def test_classification_text(journey, capsys):
    journey.result = FakeResult(classification())
    assert run("--no-html") == 0
    assert "held-out log loss" in capsys.readouterr().out
