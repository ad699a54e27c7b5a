"""PR306 and PR315: predicted numbers, what is looked at and what is not, remedies, degenerate tables, real files."""

from __future__ import annotations

import numpy as np
import pytest

import whyfit
from simulated import case_of, file_case, findings, table_case
from whyfit.diagnosis.dependent import looks_of
from whyfit.diagnosis.dependent_groups import names_places, names_units
from whyfit.spec import Spec


def grouped(n: int = 400, G: int = 40, seed: int = 0, columns: int = 1, rho: float = 0.5):
    """`columns` that are constant in G groups, one that is not, and errors with an intraclass correlation ρ."""
    rng = np.random.default_rng(seed)
    g = rng.permutation(np.repeat(np.arange(G), n // G))
    X = rng.normal(size=(G, columns))[g]
    e = np.sqrt(rho) * rng.normal(size=G)[g] + np.sqrt(1 - rho) * rng.normal(size=n)
    table = {f"x{j}": x for j, x in enumerate(X.T)} | {"z": rng.normal(size=n), "y": X[:, 0] + e}
    return g, table


def serial(n: int = 500, r: float = 0.7, seed: int = 0):
    rng = np.random.default_rng(seed)
    series = rng.normal(size=(2, n))
    for t in range(1, n):
        series[:, t] = r * series[:, t - 1] + np.sqrt(1 - r * r) * series[:, t]
    return {"x": series[0], "y": series[0] + series[1]}


def test_moulton_predicts_what_clusters_show():
    """Groups of 10 and a column constant in them: √(1 + 9ρ), nearly."""
    g, table = grouped(2000, 200)
    (f,) = findings(table_case(table | {"user": g}, "y"), "PR306")
    assert f.subject == ("user",)
    widening = f.evidence[-1]
    assert "of x0" in widening.name
    assert np.isclose(widening.predicted, np.sqrt(1 + 9 * 0.5), rtol=0.1)
    assert np.isclose(widening.value, widening.predicted, rtol=0.15)
    assert np.isclose(f.evidence[0].value, 0.5, atol=0.08)
    assert f.evidence[0].low < f.evidence[0].value < f.evidence[0].high
    assert np.isclose(f.evidence[0].limit, 0.21 / 9)


def test_an_autoregression_predicts_what_the_spectrum_shows():
    (f,) = findings(case_of(serial(4000)["x"][:, None], serial(4000)["y"]), "PR306")
    widening = f.evidence[-1]
    assert np.isclose(widening.predicted, np.sqrt(1.49 / 0.51), rtol=0.08)
    assert np.isclose(widening.value, widening.predicted, rtol=0.2)
    limit = f.evidence[0].limit
    assert "in the order of the file" in f.message
    assert np.isclose(np.sqrt((1 + limit) / (1 - limit)), 1.1)


def test_a_column_drawn_anew_in_every_row_does_not_suffer():
    rng = np.random.default_rng(1)
    table = serial() | {"x": rng.normal(size=500)}
    table["y"] = table["x"] + serial(seed=2)["y"] - serial(seed=2)["x"]
    (f,) = findings(table_case(table, "y"), "PR306")
    assert "of the mean level" in f.message


def test_the_remedy_leaves_nothing_to_say():
    g, table = grouped()
    case = table_case(table | {"user": g}, "y")
    (f,) = findings(case, "PR306")
    assert f.remedy.edit == {"groups": "user", "covariance": "cluster"}
    assert f.remedy.trial.helped
    assert f.remedy.trial.after < 0.5 * f.remedy.trial.before
    assert not findings(case.rerun(f.remedy.edit), "PR306", "PR315")


def test_blocks_and_order_are_the_remedy_in_time():
    mix = np.random.default_rng(3).permutation(500)
    table = serial() | {
        "day": np.datetime64("2020-01-01") + np.arange(500).astype("timedelta64[D]")
    }
    case = table_case({k: np.asarray(v)[mix] for k, v in table.items()}, "y")
    (f,) = findings(case, "PR306")
    assert f.subject == ("day",)
    assert f.remedy.edit == {"covariance": "HAC", "blocked": True, "order": "day"}
    fixed = case.rerun(f.remedy.edit)
    assert not findings(fixed, "PR306", "PR315")
    assert (fixed.k, fixed.spec.order) == (10, "day")


def test_neighbours_of_one_group_are_the_groups():
    """Sorted by group the file has a memory too, but within groups none is left."""
    g, table = grouped(G=80)
    order = np.argsort(g, kind="stable")
    who = np.array([f"p{i:03d}" for i in g])
    case = table_case({k: v[order] for k, v in (table | {"who": who}).items()}, "y")
    looks = looks_of(case)
    assert looks.orders[0].p_value < 1e-3
    (f,) = findings(case, "PR306")
    assert f.subject == ("who",)
    assert not findings(case.rerun(f.remedy.edit), "PR306")  # nor once they are allowed for


def test_chosen_groups_are_looked_at_whatever_their_name():
    g, table = grouped()
    case = table_case(table | {"grape": np.array([f"g{i}" for i in g])}, "y", groups="grape")
    (f,) = findings(case, "PR306")
    assert f.remedy.edit == {"groups": "grape", "covariance": "cluster"}
    assert not findings(case, "PR315")  # they are held out together already


@pytest.mark.parametrize(
    ("name", "unit", "place"),
    [
        ("patient_id", True, False), ("Subject", True, False), ("users", False, False),
        ("user", True, False), ("species", False, True), ("school", False, True), ("zip", False, True),
        ("number_customer_service_calls", False, False), ("n_patients", False, False),
        ("age", False, False), ("student_ratio", False, False), ("x1", False, False),
    ],
)  # fmt: skip
def test_names_that_identify(name, unit, place):
    assert names_units(name) == unit
    assert names_places(name) == place


def test_whole_numbers_without_such_a_name_are_no_groups():
    g, table = grouped()
    assert not looks_of(table_case(table | {"rooms": g}, "y")).groups
    assert looks_of(table_case(table | {"room_id": g}, "y")).groups


def test_time_that_counts_off_evenly_is_an_order_and_a_sorted_feature_is_none():
    table = serial()
    case = table_case(table | {"t": np.arange(500) / 4 + 1990}, "y")
    assert [o.name for o in looks_of(case).orders] == ["t"]
    uneven = np.sort(np.random.default_rng(0).exponential(size=500))
    assert not looks_of(table_case(table | {"weight": uneven}, "y")).orders


def test_classes_that_come_one_after_the_other_are_no_order():
    y = np.repeat(["a", "b"], 100)
    X = np.random.default_rng(0).normal(size=(200, 2)) + (y == "b")[:, None]
    assert not looks_of(table_case({"x": X[:, 0], "z": X[:, 1], "y": y}, "y")).orders


def test_large_tables_are_looked_at_in_stretches(monkeypatch):
    monkeypatch.setattr("whyfit.data.sample.SAMPLE_ROWS", 800)
    table = serial(4000)
    case = table_case(table, "y")
    (look,) = looks_of(case).orders
    assert len(look.e) == pytest.approx(800, abs=120)
    assert look.stretch.joined.sum() == len(look.e) - 8
    assert np.isclose(look.serial.r, 0.7, atol=0.12)
    assert findings(case, "PR306")
    mix = np.random.default_rng(0).permutation(4000)
    dated = table_case(
        {k: v[mix] for k, v in (table | {"when": np.arange(4000) / 7}).items()}, "y", order="when"
    )
    assert np.isclose(looks_of(dated).orders[0].serial.r, 0.7, atol=0.12)


def test_large_tables_tell_of_groups_by_a_share(monkeypatch):
    monkeypatch.setattr("whyfit.data.sample.SAMPLE_ROWS", 2000)
    g, table = grouped(8000, 400)
    (f,) = findings(table_case(table | {"user": g}, "y"), "PR306")
    assert np.isclose(f.evidence[-1].predicted, np.sqrt(1 + 19 * 0.5), rtol=0.2)
    assert np.isclose(f.evidence[-1].value, f.evidence[-1].predicted, rtol=0.25)


@pytest.mark.parametrize("loss", ["poisson", "huber"])
def test_other_losses(loss):
    g, table = grouped(800, 80)
    if loss == "poisson":
        table["y"] = np.random.default_rng(0).poisson(np.exp(0.7 * table["y"])).astype(float)
    (f,) = findings(table_case(table | {"user": g}, "y", loss=loss), "PR306")
    assert f.subject == ("user",)
    assert f.evidence[-1].value > 1.2


# -- leaking folds -----------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [4, 10, 20])
def test_the_hat_matrix_predicts_what_company_is_worth(columns):
    """Averaged over tables: each has few groups, and the score of new ones varies much."""
    predicted, observed = [], []
    for seed in range(12):
        g, table = grouped(600, 60, seed, columns, rho=0.6)
        for f in findings(table_case(table | {"user": g}, "y"), "PR315"):
            predicted.append(f.evidence[0].predicted)
            observed.append(f.evidence[0].value)
    assert len(predicted) >= 9
    assert np.isclose(np.mean(predicted), np.mean(observed), rtol=0.3)


def test_a_group_with_a_coefficient_of_its_own():
    g, table = grouped(800, 40, rho=0.6)
    case = table_case(table | {"patient": np.array([f"p{i}" for i in g])}, "y")
    (f,) = findings(case, "PR315")
    assert f.subject == ("patient",)
    assert f.evidence[0].low < f.evidence[0].predicted < f.evidence[0].high
    assert not findings(case, "PR306")  # given the patients, errors are independent
    assert f.remedy.trial.before == 1.0
    assert f.remedy.trial.after == 0.0


def test_both_speak_of_one_column_with_remedies_of_their_own():
    g, table = grouped(400, 40, columns=10, rho=0.7)
    found = findings(table_case(table | {"user": g}, "y"), "PR306", "PR315")
    assert {f.code: f.remedy.edit for f in found} == {
        "PR306": {"groups": "user", "covariance": "cluster"},
        "PR315": {"groups": "user"},
    }


def test_fixing_applies_both():
    g, table = grouped(400, 40, columns=10, rho=0.7)
    import pandas as pd

    frame = pd.DataFrame(table | {"user": g})
    fixed = whyfit.fit(frame, "y", select=("PR306", "PR315")).fix()
    assert (fixed.spec.groups, fixed.spec.covariance) == ("user", "cluster")
    assert not fixed.findings


def test_groups_are_held_out_before_another_remedy_is_believed():
    """Columns that are constant in groups look curved where rows pass for independent."""
    import pandas as pd

    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(40), 10)
    X, a = rng.normal(size=(40, 10))[g], rng.normal(size=40)[g]
    frame = pd.DataFrame({f"gene{j}": x for j, x in enumerate(X.T)})
    frame["patient_id"], frame["y"] = g + 5001, X[:, 0] + 1.5 * a + rng.normal(size=400)
    result = whyfit.fit(
        frame.sample(frac=1, random_state=0), "y", select=("CA206", "PR306", "PR315")
    )
    assert {"PR306", "PR315"} < {f.code for f in result.findings}  # and CA206
    fixed = result.fix()
    assert fixed.spec.groups == "patient_id"
    assert not fixed.spec.terms


@pytest.mark.parametrize(
    "table",
    [
        {"x": [1.0, 2, 3, 4], "y": [1.0, 3, 2, 5]},
        {"x": np.arange(60.0), "y": 2 * np.arange(60.0)},  # exact
        {"x": np.arange(60.0) % 7, "user": np.arange(60), "y": np.arange(60.0) % 5},
        {"x": np.arange(60.0) % 7, "user": np.zeros(60), "y": np.arange(60.0) % 5},
        {"x": np.arange(60.0) % 7, "user": [*range(59), None], "y": np.arange(60.0) % 5},
        {"x": np.arange(60.0) > 30, "y": np.where(np.arange(60) > 30, "a", "b")},  # separated
        {"x": np.arange(60.0) % 7, "user": np.arange(60) // 6, "y": np.array(list("abc") * 20)},
    ],
)
def test_degenerate_tables(table):
    assert not findings(table_case(table, "y"), "PR306", "PR315")


def test_more_columns_than_rows():
    rng = np.random.default_rng(0)
    assert not findings(case_of(rng.normal(size=(40, 60)), rng.normal(size=40)), "PR306", "PR315")


def test_the_limit_of_pairs_and_of_large_groups():
    g, table = grouped(400, 200)
    (look,) = looks_of(table_case(table | {"user": g}, "y")).groups
    assert np.isclose(look.limit, 0.21)


# -- real files --------------------------------------------------------------------------------------


def test_subjects_of_the_sleep_study(shared_data):
    """Belenky et al. (2003): lme4 has variances 1378 between and 960 within subjects of Reaction ~ Days, ρ = 0.59."""
    case = file_case(shared_data / "sleepstudy" / "sleepstudy.csv", "Reaction")
    (f,) = findings(case, "PR306")
    assert f.subject == ("Subject",)
    assert np.isclose(f.evidence[0].value, 1378 / (1378 + 960), atol=0.03)


def test_a_year_of_air_passengers(shared_data):
    case = file_case(shared_data / "air_passengers" / "air_passengers.csv", "value")
    (f,) = findings(case, "PR306")
    assert f.subject == ("time",)
    assert f.evidence[0].value > 0.6


@pytest.mark.parametrize(
    ("file", "target"),
    [
        ("titanic/titanic.csv", "survived"), ("pima_diabetes/pima_diabetes.csv", "outcome"),
        ("churn_mlc/churn_mlc.csv", "churn"), ("hitters/hitters.csv", "Salary"),
        ("student_mat/student_mat.csv", "G3"), ("advertising/advertising.csv", "sales"),
    ],
)  # fmt: skip
def test_silent_on_tables_of_independent_rows(shared_data, file, target):
    assert not findings(file_case(shared_data / file, target), "PR306", "PR315")


# -- the panel ---------------------------------------------------------------------------------------


def panel_of(case):
    from whyfit.account.dependence import dependence_panel

    return dependence_panel(case)


def test_the_panel_shows_what_was_found():
    g, table = grouped(400, 40, columns=4)
    panel = panel_of(table_case(table | {"user": g}, "y"))
    assert panel.key == "dependence"
    assert "rows of one user are alike" in panel.lead
    correlations, errors, scores = panel.grids
    assert correlations.rows[0][0] == "user"
    ratio = dict(errors.rows)
    assert "user" not in ratio
    assert ratio["x0"] > 1.5 > ratio["z"]
    assert scores.rows[0][1].value > scores.rows[1][1].value


def test_the_panel_of_an_order_draws_how_long_errors_remember():
    panel = panel_of(table_case(serial(), "y"))
    (chart,) = panel.charts
    bars = chart.series[1]
    np.testing.assert_allclose(bars.y[:3], 0.7 ** np.arange(1, 4), atol=0.15)
    assert "in the order of the file" in panel.lead


def test_no_panel_about_nothing_and_one_where_it_was_asked_for():
    rng = np.random.default_rng(0)
    table = {"x": rng.normal(size=200), "user": rng.integers(0, 20, 200), "y": rng.normal(size=200)}
    assert panel_of(table_case(table, "y")) is None
    asked = panel_of(table_case(table, "y", groups="user"))
    assert "hardly more alike" in asked.lead
    blocked = panel_of(table_case(table, "y", blocked=True, covariance="HAC"))
    assert blocked is not None


def test_the_panel_is_in_the_report():
    g, table = grouped()
    import pandas as pd

    document = whyfit.fit(pd.DataFrame(table | {"user": g}), "y", spec=Spec(groups="user")).document
    assert "dependence" in [panel.key for panel in document.panels]


def test_errors_by_the_users_own_groups_need_no_order(shared_data):
    path = shared_data / "sleepstudy/sleepstudy.csv"
    case = file_case(path, "Reaction", groups="Subject", covariance="cluster")
    assert not findings(case, "PR306")
    assert findings(file_case(path, "Reaction"), "PR306")
