import numpy as np
import pytest

from simulated import findings_in, source_case


@pytest.fixture
def write(tmp_path):
    """A CSV of x, z, y in which some cells of x are replaced."""

    def make(cells: dict[int, str], n: int = 300, column: str = "x"):
        rng = np.random.default_rng(0)
        x, z = rng.standard_normal(n), rng.standard_normal(n)
        table = {"x": x, "z": z, "y": x + z + rng.standard_normal(n)}
        text = {k: [f"{v:.6f}" for v in vs] for k, vs in table.items()}
        for row, cell in cells.items():
            text[column][row] = cell
        path = tmp_path / "t.csv"
        lines = [",".join(text), *(",".join(r) for r in zip(*text.values(), strict=True))]
        path.write_text("\n".join(lines) + "\n")
        return path

    return make


def test_readable_tables_are_silent(write):
    assert findings_in("LA101", write({}), target="y") == ()


def test_empty_cells_are_not_unreadable(write):
    assert findings_in("LA101", write({3: "", 9: "NA"}), target="y") == ()


def test_a_typing_error_is_shown_with_its_row(write):
    (found,) = findings_in("LA101", write({16: "12O"}), target="y")
    assert (found.severity, found.subject) == ("warning", ("x",))
    assert found.message == "x: 1 cell (0.3 %) is no number: “12O” in row 17; read as missing"
    assert found.evidence[0].value == 1


def test_the_remedy_is_a_measured_indicator(write):
    (found,) = findings_in("LA101", write(dict.fromkeys(range(40), "unknown")), target="y")
    assert found.evidence[0].value == 40
    assert found.remedy is not None
    assert found.remedy.trial is not None
    assert found.remedy.name == "a 0/1 column that says where x is missing (in place)"


def test_rare_bad_cells_are_a_note(write):
    (found,) = findings_in("LA101", write({5: "oops"}, n=3000), target="y")
    assert found.severity == "note"


def test_infinite_cells_are_counted_apart(write):
    (found,) = findings_in("LA101", write({5: "inf", 6: "-inf"}), target="y")
    assert "2 cells are infinite" in found.message
    assert [e.name for e in found.evidence] == ["infinite cells", "share of the column lost"]


def test_an_unreadable_target_costs_its_row(write):
    (found,) = findings_in("LA101", write({5: "oops"}, column="y"), target="y")
    assert found.subject == ("y",)
    assert found.message.endswith("these rows are left out")
    assert found.remedy is None


def test_long_cells_are_cut(write):
    (found,) = findings_in("LA101", write({5: "much too long to be shown whole"}), target="y")
    assert "“much too long to …” in row 6" in found.message


def test_many_bad_columns_share_a_finding(tmp_path):
    rng = np.random.default_rng(0)
    n, c = 100, 9
    cells = [[f"{v:.4f}" for v in row] for row in rng.standard_normal((n, c + 1))]
    for j in range(c):
        cells[j][j] = "bad"
    header = [f"x{j}" for j in range(c)] + ["y"]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join(",".join(r) for r in [header, *cells]) + "\n")
    found = findings_in("LA101", path, target="y")
    assert len(found) == 5
    assert len(found[-1].subject) == c - 4
    assert found[-1].message.startswith("5 more columns hold 5 unreadable cells: ")


def test_the_score_falls_by_the_share_of_cells_that_cannot_be_read(tmp_path):
    """y = x + e with R² 1/2: the share q of x filled with its mean leaves R² (1 − q)/2 of it."""
    scores = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(2000)
        y, bad = x + rng.standard_normal(2000), rng.random(2000) < 0.1
        cells = np.where(bad, "see note", np.char.mod("%.6f", x))
        path = tmp_path / f"{seed}.csv"
        rows = "\n".join(f"{a},{b:.6f}" for a, b in zip(cells, y, strict=True))
        path.write_text(f"x,y\n{rows}\n")
        (found,) = findings_in("LA101", path, target="y")
        share = next(e for e in found.evidence if "share" in e.name)
        assert share.value == pytest.approx(bad.mean())
        scores.append((source_case(path, target="y").scores["r2"].mean(), (1 - bad.mean()) / 2))
    observed, predicted = np.mean(scores, axis=0)
    assert observed == pytest.approx(predicted, abs=0.02)
