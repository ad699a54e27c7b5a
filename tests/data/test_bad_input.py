"""Every bad input named in the brief: one line that says what was seen and what to try."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from whyfit.data.design import Design
from whyfit.data.table import read_table
from whyfit.errors import InputError, SchemaError, ShapeError, SourceError, SpecError, TargetError
from whyfit.spec import Spec

GOOD = "a,b,y\n" + "".join(f"{i % 7},{i * i % 11},{i}\n" for i in range(50))


def write(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(source: object, target: str = "y", **spec: object) -> str:
    """The message of the InputError that reading and designing `source` raises."""
    wanted = Spec(target=target, **spec)  # type: ignore[arg-type]
    with pytest.raises(InputError) as caught:
        Design.of(read_table(source, wanted), wanted)
    message = str(caught.value)
    assert "\n" not in message
    return f"{type(caught.value).__name__}: {message}"


CASES: dict[str, tuple[str | bytes, str, str]] = {
    "empty": ("", "SourceError", "t.csv is empty"),
    "blank": ("\n \n\n", "SourceError", "t.csv is empty"),
    "header only": ("a,b,y\n", "SourceError", "a header and no rows"),
    "one row": ("a,b,y\n1,2,3\n", "SourceError", "1 row with a target; expected at least 3"),
    "two rows": ("a,b,y\n1,2,3\n1,2,4\n", "SourceError", "2 rows with a target"),
    "too few fields": (
        GOOD + "1,2\n",
        "SourceError",
        "t.csv: line 52 has 2 fields, the header has 3",
    ),
    "too many fields": (
        GOOD + "1,2,3,4\n",
        "SourceError",
        "line 52 has 4 fields, the header has 3",
    ),
    "short and long rows that cancel": (
        GOOD + "1,2\n1,2,3,4\n",
        "SourceError",
        "line 52 has 2 fields, the header has 3",
    ),
    "short row after a quoted newline": (
        'a,b,y\n"x\n,y",2,3\n' + "p,2,3\n" * 9 + "p,2\n",
        "SourceError",
        "line 13 has 2 fields",
    ),
    "binary junk": (bytes(range(256)) * 20, "SourceError", "holds NUL bytes"),
    "junk without NUL": (bytes(range(1, 256)) * 20, "SourceError", "binary data"),
    "NUL late": (GOOD.encode() * 30_000 + b"1,\0,2\n", "SourceError", "NUL byte in line 1530001"),
    "zip": (b"PK\x03\x04" + b"x" * 50, "SourceError", "zip archive or spreadsheet"),
    "JSON array": ('[{"a": 1, "y": 2}]', "SourceError", "write one object per line"),
    "broken NDJSON": ('{"a": 1, "y": 2}\n{"a": 1, "y"\n', "SourceError", "line 2 is not JSON"),
    "target absent": (GOOD.replace("y", "price"), "TargetError", "has no column 'y'"),
    "target constant": ("a,y\n1,5\n2,5\n3,5\n", "TargetError", "'y' is 5 in all 3 rows"),
    "target one class": ("a,y\n1,no\n2,no\n3,no\n", "TargetError", "'y' is no in all 3 rows"),
    "target all missing": ("a,y\n1,\n2,NA\n3,\n", "TargetError", "'y' is missing in all 3 rows"),
    "target infinite": ("a,y\n1,inf\n2,inf\n3,inf\n", "TargetError", "3 infinite"),
    "target twice": ("a,y,y\n1,2,3\n1,2,3\n1,2,3\n", "SchemaError", "2 columns named 'y'"),
    "target alone": ("y\n1\n2\n4\n", "SchemaError", "only column"),
    "only constants": ("a,b,y\n1,x,2\n1,x,3\n1,x,9\n", "SchemaError", "no feature is left"),
    "unclosed quote": (GOOD + '1,"2,3\n' + "1,2,3\n" * 9, "SourceError", "line"),
    "old Mac line ends, ragged": ("a,b,y\r1,2,3\r1,2\r", "SourceError", "line 3 has 2 fields"),
}


@pytest.mark.parametrize("case", CASES)
def test_text_files(case: str, tmp_path: Path) -> None:
    text, error, part = CASES[case]
    message = refused(write(tmp_path, text))
    assert message.startswith(error)
    assert part in message


def test_truncated_gz_names_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    body = "a,y\n" + "".join(f"{a:.6f},{b:.6f}\n" for a, b in rng.normal(size=(20_000, 2)))
    whole = gzip.compress(body.encode())
    path = write(tmp_path, whole[: len(whole) // 2], "t.csv.gz")
    assert "t.csv.gz is a truncated or damaged gzip file" in refused(path)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    assert "damaged gzip file" in refused(write(tmp_path, bytes(damaged), "d.csv.gz"))


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_truncated_columnar_files(kind: str, tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": np.arange(5000.0), "y": np.arange(5000.0) ** 2})
    path = tmp_path / f"t.{kind}"
    if kind == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_ipc(path)
    whole = path.read_bytes()
    for cut in (len(whole) // 2, 12):
        path.write_bytes(whole[:cut])
        assert f"t.{kind} is a truncated or damaged" in refused(path)
    path.write_bytes(b"not at all")
    assert "is not a" in refused(path)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "houses.csv")
    assert "did you mean 'houses.csv'?" in refused(tmp_path / "house.csv")
    assert "there is no file" in refused(tmp_path / "nowhere" / "x.csv")
    assert "is a folder" in refused(tmp_path)
    path = write(tmp_path, GOOD, "locked.csv")
    if os.geteuid() != 0:
        path.chmod(0)
        assert "may not be read" in refused(path)


def test_a_misspelt_target_suggests_the_nearest_name(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("y", "median_house_value"))
    message = refused(path, "median_house_valu")
    assert "did you mean 'median_house_value'?" in message
    assert "columns: a, b, median_house_value" in message
    assert "did you mean 'median_house_value'?" in refused(path, "Median_House_Value")
    assert "no target was named" in refused(path, "")


def test_too_many_classes(tmp_path: Path) -> None:
    text = "a,y\n" + "".join(f"{i % 13},c{i % 120}\n" for i in range(600))
    assert "120 classes, more than 100" in refused(write(tmp_path, text))
    text = "a,y\n" + "".join(f"{i % 13},{i}\n" for i in range(600))
    assert "hundreds of classes" in refused(write(tmp_path, text), task="multiclass")


def test_tasks_the_target_cannot_pose(tmp_path: Path) -> None:
    words = write(tmp_path, "a,y\n" + "".join(f"{i % 5},c{i % 3}\n" for i in range(60)), "w.csv")
    assert "holds words ('c0', 'c1', 'c2', …)" in refused(words, task="regression")
    assert "3 different values; expected 2" in refused(words, task="binary")
    numbers = write(tmp_path, GOOD)
    assert "expected only positive values" in refused(numbers, target_transform="log")
    assert "a log of it has no meaning" in refused(words, target_transform="log")


def test_ten_thousand_columns_are_refused_with_a_number(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 1000, (30, 10_000)) / 8
    header = ",".join(f"f{j}" for j in range(10_000)) + ",y\n"
    rows = "".join(",".join(map(str, row)) + f",{i}.5\n" for i, row in enumerate(X))
    message = refused(write(tmp_path, header + rows))
    assert "the design would have 10,000 columns, more than the 4,500" in message


def test_arrays_that_do_not_fit() -> None:
    X, y = np.ones((5, 2)), np.arange(4.0)
    assert "X has 5 rows and y has 4" in refused((X, y))
    assert "X has 1 dimension" in refused((np.ones(5), np.ones(5)))
    assert "y has shape (5, 2)" in refused((X, np.ones((5, 2))))
    with pytest.raises(ShapeError):
        read_table((X.astype(complex), np.arange(5.0)), Spec())
    with pytest.raises(SourceError, match="a dict is no table"):
        read_table({"a": [1]}, Spec(target="y"))


def test_spec_choices_that_name_nothing(tmp_path: Path) -> None:
    text = "age,town,y\n" + "".join(f"{i % 9},{'ab'[i % 2] * 3},{i * i % 17}\n" for i in range(90))
    path = write(tmp_path, text)
    assert "did you mean 'town'?" in refused(path, drop=("twn",))
    assert "is the target and cannot be dropped" in refused(path, drop=("y",))
    assert "did you mean 'aaa'?" in refused(path, reference={"town": "aab"})
    assert "did you mean 'age'?" in refused(path, roles={"agee": "numeric"})
    assert "are no dates" in refused(path, roles={"town": "datetime"})
    assert "declared boolean, which takes two values; it has 9" in refused(
        path, roles={"age": "boolean"}
    )
    assert "no feature is left" in refused(path, drop=("age", "town"))
    for error in (SchemaError, SpecError, TargetError):
        assert issubclass(error, ValueError)


def test_nothing_usable_is_left_by_dropping_rows(tmp_path: Path) -> None:
    text = "a,b,y\n" + "".join(
        f"{i if i % 2 else ''},{'' if i % 2 else i},{i}\n" for i in range(40)
    )
    message = refused(write(tmp_path, text), missing="drop")
    assert "0 of 40 rows can be used" in message
    assert "missing cell in 'a'" in message
    text = "a,y\n" + "".join(f"{i if i % 2 else ''},{i % 2}\n" for i in range(40))
    assert "constant in the 20 rows" in refused(write(tmp_path, text), missing="drop")
