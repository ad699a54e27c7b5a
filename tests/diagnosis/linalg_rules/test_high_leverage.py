"""LA111: numbers of theory, wording, what it leaves to PR307, odd input, real files."""

from __future__ import annotations

import numpy as np
import pytest

from simulated import case_of, file_case, findings, table_case

N = 60


def only(found):
    assert len(found) == 1
    return found[0]


def far_row(seed: int = 0, x: float = 20.0, y: float = -10.0):
    """y = x + error, but for the last row, far out in x and off the line."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 2))
    target = X[:, 0] + rng.normal(size=N)
    X[-1, 0], target[-1] = x, y
    return X, target


def test_update_formula_meets_the_refit_of_a_stranger():
    X, y = far_row()
    f = only(findings(case_of(X, y), "LA111"))
    assert f.subject == (f"row {N}",)
    A = np.column_stack([np.ones(N - 1), X[:-1]])
    w = np.linalg.lstsq(A, y[:-1], rcond=None)[0]
    without = next(e for e in f.evidence if e.name.startswith("coefficient of x1 without"))
    assert without.value == pytest.approx(w[1], rel=1e-9)
    assert f"observed {w[1]:.4g}"[:12] in f.prediction
    share = f.evidence[0]
    others = np.column_stack([np.ones(N), X[:, 1]])
    r = X[:, 0] - others @ np.linalg.lstsq(others, X[:, 0], rcond=None)[0]
    assert share.value == pytest.approx(r[-1] ** 2 / (r @ r))
    assert share.value > 0.5 == share.limit


def test_leverage_and_limit_are_those_of_the_hat_matrix():
    X, y = far_row()
    f = only(findings(case_of(X, y), "LA111"))
    A = np.column_stack([np.ones(N), X])
    H = A @ np.linalg.pinv(A)
    h = next(e for e in f.evidence if e.name == "leverage of the row")
    assert h.value == pytest.approx(H[-1, -1])
    assert h.limit == pytest.approx(3 * 3 / N)


def test_t_of_the_change_is_student_under_the_model():
    """Healthy errors, one row far out: P(|t| > 2.0) = 5 % whatever its leverage."""
    hits, runs = 0, 400
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=30)
        x[0] = 12.0
        f = findings(case_of(x[:, None], 0.3 * x + rng.normal(size=30)), "LA111")
        hits += any(g.severity == "warning" for g in f)
    assert 6 <= hits <= 36  # 0.05 · 400 = 20, ± 3.7 standard deviations


def test_agreeing_rows_far_out_are_no_fault():
    X, y = far_row(x=12.0, y=12.0)  # a good leverage point: it sits on the line
    assert not [f for f in findings(case_of(X, y), "LA111") if f.severity != "note"]


def test_an_outlier_inside_the_cloud_is_left_to_influential_rows():
    rng = np.random.default_rng(2)
    x = rng.uniform(-1, 1, 50)
    y = x + 0.1 * rng.normal(size=50)
    y[7] += 30
    assert not findings(case_of(x[:, None], y), "LA111")


def test_it_accounts_for_influential_rows():
    X, y = far_row()
    assert findings(case_of(X, y), "PR307")
    assert [f.code for f in findings(case_of(X, y), "PR307", "LA111")] == ["LA111"]


def test_a_slope_that_rests_on_one_row():
    """Anscombe's fourth set."""
    x = np.array([8.0] * 7 + [19.0] + [8.0] * 3)
    y = np.array([6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89])
    f = only(findings(case_of(x[:, None], y), "LA111", "PR307"))
    assert (f.code, f.severity, f.subject) == ("LA111", "warning", ("row 8",))
    assert f.message == "the coefficient of x1 rests on row 8 alone: x1 is 8 in all other rows"
    assert f.prediction.startswith("predicted no slope of x1 without row 8")


def test_the_other_sets_of_anscombe_are_silent():
    x = np.array([10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5.0])
    for y in (
        [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68],
        [9.14, 8.14, 8.74, 8.77, 9.26, 8.1, 6.13, 3.1, 9.13, 7.26, 4.74],
        [7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73],
    ):
        assert not findings(case_of(x[:, None], y), "LA111")


def test_levels_and_0_1_columns_of_few_ones_are_another_matter():
    rng = np.random.default_rng(3)
    level = np.where(np.arange(200) < 3, "rare", rng.choice(["a", "b"], 200))
    y = rng.normal(size=200) + 5 * (level == "rare")
    case = table_case({"c": level, "x": rng.normal(size=200), "y": y}, "y", rare_level=1)
    assert not findings(case, "LA111")
    one = np.zeros((200, 1))
    one[:3] = 1
    assert not findings(case_of(one, y), "LA111")


def test_a_logarithm_is_tried_for_a_skewed_feature():
    rng = np.random.default_rng(4)
    x = np.exp(rng.normal(size=200))
    y = np.log(x) + 0.2 * rng.normal(size=200)
    x[5], y[5] = 200.0, np.log(200.0)
    f = only(findings(case_of(x[:, None], y), "LA111"))
    assert f.remedy.name == "log(x1) in place of x1"
    assert f.remedy.trial.helped


def test_the_row_is_found_in_a_table_beyond_the_sample():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(60_000, 2))
    y = X @ [1.0, 0.5] + rng.normal(size=60_000)
    X[51_234, 1] = 1e4
    f = only(findings(case_of(X, y), "LA111"))
    assert f.subject == ("row 51235",)
    assert "x2 = 10,000" in f.message


def test_degenerate_tables():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 50))
    assert not findings(case_of(X, rng.normal(size=40)), "LA111")  # more columns than rows
    assert not findings(case_of(X[:, :2], X[:, 0]), "LA111")  # exact fit
    X[:, 1] = 2.0
    assert not findings(case_of(X[:, :3], rng.normal(size=40)), "LA111")  # a constant column
    assert not findings(case_of(X[:6, :1], rng.normal(size=6)), "LA111")  # a handful of rows
    assert not findings(case_of(X[:, :1], rng.random(40) < 0.5), "LA111")  # not a regression
    assert not findings(case_of(*far_row(), ridge=1.0), "LA111")


def test_the_giants_of_the_star_cluster(shared_data):
    path = shared_data / "stars_cyg" / "stars_cyg.csv"
    case = file_case(path, "log.light")
    f = only(findings(case, "LA111", "PR307"))
    assert f.subject == ("row 11", "row 20", "row 30", "row 34")
    assert "its coefficient is 2.05, not −0.413" in f.message  # Rousseeuw & Leroy (1987), p. 28


def test_wrong_dimensions_of_diamonds(shared_data):
    f = findings(file_case(shared_data / "diamonds" / "diamonds.csv", "price"), "LA111")[0]
    assert {"row 24068", "row 49190"} <= set(f.subject)  # y = 58.9, z = 31.8
