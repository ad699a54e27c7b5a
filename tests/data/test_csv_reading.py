"""Text tables: dialects, encodings, numbers in every dress, and recovery from misleading samples."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whyfit.data.table import BLOCK, Table, read_table
from whyfit.errors import SourceError
from whyfit.spec import Spec


def read(folder: Path, text: str | bytes, target: str = "y", **spec: object) -> Table:
    path = folder / "t.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path, Spec(target=target, **spec))  # type: ignore[arg-type]


def column(table: Table, name: str) -> np.ndarray:
    return np.concatenate([b.data[name] for b in table.blocks()])


def cells(table: Table, name: str) -> list[str | None]:
    levels = table.schema[name].levels
    return [levels[c] if c >= 0 else None for c in column(table, name)]


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr("whyfit.data.text_source.CHUNK", 2000)
    monkeypatch.setattr("whyfit.data.text_source.CHUNK_ROWS", 1)
    monkeypatch.setattr("whyfit.data.text_source.SAMPLE_ROWS", 50)
    monkeypatch.setattr("whyfit.data.text_source._HEAD", 1000)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_and_line_ends(tmp_path, delimiter, end):
    lines = ["name,y", *(f'"a{delimiter}{i % 3}",{i}' for i in range(9))]
    text = end.join(lines).replace(",", delimiter)
    table = read(tmp_path, text)
    assert table.details["delimiter"] == delimiter
    assert column(table, "y").tolist() == list(range(9))
    assert cells(table, "name") == [f"a{delimiter}{i % 3}" for i in range(9)]


def test_single_quotes_are_recognised(tmp_path):
    table = read(tmp_path, "name,y\n" + "".join(f"'a,{i % 3}',{i}\n" for i in range(9)))
    assert cells(table, "name")[:3] == ["a,0", "a,1", "a,2"]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
        ("utf-32", "utf-32"),
    ],
)
def test_encodings(tmp_path, encoding, said):
    text = "größe,y\n" + "".join(f"{'äß'[i % 2]},{i}\n" for i in range(20))
    table = read(tmp_path, text.encode(encoding))
    assert table.details["encoding"] == said
    assert table.schema.names == ("größe", "y")
    assert cells(table, "größe")[:2] == ["ä", "ß"]


@pytest.mark.usefixtures("small_chunks")
def test_a_byte_that_is_no_utf8_after_the_sample_is_read_as_cp1252(tmp_path, monkeypatch):
    body = "".join(f"{'ab'[i % 2]},{i}\n" for i in range(2000)).encode()
    text = b"a,y\n" + body + "é,7\n".encode("cp1252") + body
    path = tmp_path / "t.csv"
    path.write_bytes(text)
    monkeypatch.setattr("whyfit.data.opening._HEAD", 1000)
    table = read_table(path, Spec(target="y"))
    assert "in parts cp1252" in str(table.details["encoding"])
    assert cells(table, "a")[2000] == "é"
    assert table.n == 4001


@pytest.mark.parametrize(
    ("raw", "delimiter", "values"),
    [
        (["1,5", "-2,25", "1.234,5", "7"], ";", [1.5, -2.25, 1234.5, 7]),
        (["1,5", "2,5", "1.234.567,0", "1e3"], "\t", [1.5, 2.5, 1234567.0, 1000.0]),
        (['"1,234"', '"12,345,678.5"', "5", "-7.25"], ",", [1234, 12345678.5, 5, -7.25]),
        (["1.5", "2.", ".5", "-3"], ";", [1.5, 2, 0.5, -3]),
        ([" 1.5 ", "+2", "3e-2", "1E+2"], ",", [1.5, 2, 0.03, 100]),
        (['"1"', '"2"', '" 3"', "4"], ",", [1, 2, 3, 4]),
    ],
)
def test_numbers_in_every_dress(tmp_path, raw, delimiter, values):
    lines = [f"x{delimiter}y"] + [f"{v}{delimiter}{i}" for i, v in enumerate(raw * 3)]
    table = read(tmp_path, "\n".join(lines))
    assert table.schema["x"].role == "numeric"
    assert column(table, "x").tolist() == values * 3


def test_dotted_thousands_only_where_decimal_commas_are_proven(tmp_path):
    proven = "p;x;y\n" + "".join(f"{i},5;{i + 1}.000;{i}\n" for i in range(9))
    assert column(read(tmp_path, proven), "x").tolist() == [1000.0 * (i + 1) for i in range(9)]
    alone = "x;y\n" + "".join(f"{i + 1}.000;{i}\n" for i in range(9))
    table = read(tmp_path, alone)
    assert table.details["decimal"] == "."
    assert column(table, "x").tolist() == [i + 1.0 for i in range(9)]


def test_missing_tokens_are_counted_and_none_is_a_level(tmp_path):
    rows = [
        "1,None,0",
        "NA,none,1",
        "?,brick,2",
        ",NA,3",
        "null,None,4",
        "nan, ,5",
        "-,brick,6",
    ] * 3
    table = read(tmp_path, "x,wall,y\n" + "\n".join(rows).replace("1,None", "7,None", 1))
    x, wall = table.schema["x"], table.schema["wall"]
    assert (x.role, x.n_missing, x.n_unreadable) == ("numeric", 18, 0)
    assert x.tokens == {"NA": 3, "?": 3, "null": 3, "nan": 3, "-": 3}
    assert wall.levels == ("None", "brick", "none")
    assert (wall.n_missing, wall.tokens) == (6, {"NA": 3})


def test_a_number_may_be_a_missing_token(tmp_path):
    text = "x,y\n" + "".join(f"{-999 if i == 700 else i / 8},{i}\n" for i in range(900))
    table = read(tmp_path, text, missing_tokens=("-999",))
    assert table.schema["x"].tokens == {"-999": 1}
    assert math.isnan(column(table, "x")[700])


def test_infinite_and_huge_cells(tmp_path):
    special = ["inf", "-inf", "1e999", "1e308", "-1e308", "Infinity"]
    rows = special + [str(i / 2) for i in range(60)]
    table = read(tmp_path, "x,y\n" + "".join(f"{v},{i}\n" for i, v in enumerate(rows)))
    x = table.schema["x"]
    assert (x.n_infinite, x.n_missing, x.n_unreadable) == (4, 4, 0)
    assert (x.minimum, x.maximum) == (-1e308, 1e308)
    assert column(table, "x")[3] == 1e308
    assert x.mean == pytest.approx(
        np.mean([i / 2 for i in range(60)]) * 60 / 62, rel=1e-9, abs=1e294
    )


def test_integers_beyond_2_53_are_kept_and_counted(tmp_path):
    cells_ = [2**53 + 1, 2**53 + 2, 2**63, 2**64 + 1, 10**25, -(2**60) - 1, 5]
    rows = [str(c) for c in cells_] * 4
    table = read(tmp_path, "x,y\n" + "".join(f"{v},{i % 5}\n" for i, v in enumerate(rows)))
    assert table.schema["x"].n_inexact == 4 * sum(int(float(c)) != c for c in cells_) == 16
    assert column(table, "x")[:7].tolist() == [float(c) for c in cells_]


def test_mixed_types_after_the_sample_are_counted_with_examples(tmp_path):
    n = 12_000
    x = [str(i / 4) for i in range(n)]
    for i in (10_500, 11_000, 11_001, 11_500, 11_600, 11_700):
        x[i] = f"bad{i}"
    table = read(tmp_path, "x,z,y\n" + "".join(f"{v},{i % 9},{i % 7}\n" for i, v in enumerate(x)))
    c = table.schema["x"]
    assert (c.role, c.n_unreadable, c.n_missing) == ("numeric", 6, 6)
    assert [(e.row, e.text) for e in c.examples] == [
        (i, f"bad{i}") for i in (10_500, 11_000, 11_001, 11_500, 11_600)
    ]
    assert table.schema["z"].n_missing == 0
    assert column(table, "x")[11_999] == 11_999 / 4


@pytest.mark.usefixtures("small_chunks")
def test_a_misleading_sample_is_corrected(tmp_path):
    n = 3000
    early = [str(i) if i < 200 else "abc"[i % 3] for i in range(n)]  # numbers, then words
    late = ["" if i < 500 else str(i / 8) for i in range(n)]  # nothing, then numbers
    dates = [f"2020-01-{1 + i % 28:02d}" if i < 200 else "xyz"[i % 3] for i in range(n)]
    text = "early,late,dates,y\n" + "".join(
        f"{a},{b},{c},{i % 7}\n" for i, (a, b, c) in enumerate(zip(early, late, dates, strict=True))
    )
    table = read(tmp_path, text)
    assert table.schema["early"].role == "categorical"
    assert cells(table, "early") == early
    assert (table.schema["late"].role, table.schema["late"].n_missing) == ("numeric", 500)
    assert column(table, "late")[2999] == 2999 / 8
    assert cells(table, "dates") == dates


def test_blank_lines_are_no_rows(tmp_path):
    text = "\n\na,b,y\n1,x,2\n\n3,x,4\n   \n5,z,6\n7,z,8\n\n\n"
    for version in (text, text.replace("x", '"x"'), text.replace("\n", "\r\n")):
        table = read(tmp_path, version)
        assert column(table, "y").tolist() == [2, 4, 6, 8]
        assert table.details["blank_lines"] >= 2
    one = read(tmp_path, 'y\n1\n\n""\n4\n8\n\n')
    assert one.schema["y"].n_missing == 1
    assert one.n == 4


def test_empty_last_cells_are_not_short_rows(tmp_path):
    text = "a,b,y\n" + "".join(f"{i % 4},{i},\n{i % 4},{i},{i}\n" for i in range(9))
    assert read(tmp_path, text).schema["y"].n_missing == 9
    quoted = text.replace("b", '"b,\nb"', 1)
    assert read(tmp_path, quoted).schema.names == ("a", "b,\nb", "y")


def test_odd_quotes_are_read_as_the_csv_module_reads_them(tmp_path):
    text = 'name,y\n5" disk,1\n"a"b,2\n"x ""y"" z",3\nplain,4\n"two\nlines",5\n'
    table = read(tmp_path, text, roles={"name": "categorical"})
    expected = [r[0] for r in csv.reader(io.StringIO(text))][1:]
    assert cells(table, "name") == expected


def test_empty_and_repeated_names(tmp_path):
    text = ",a,a,,y\n" + "".join(f"{i * 7 % 5},{i},{i % 2},{i % 3},{i}\n" for i in range(12))
    table = read(tmp_path, text)
    assert table.schema.names == ("column 1", "a", "a (2)", "column 4", "y")
    assert table.schema["column 1"].reason == "its name was empty"
    assert table.schema["a (2)"].reason == "the name 'a' occurred before"


def test_names_with_markup_and_newlines_stay(tmp_path):
    name = '<b>"x"</b>\n& more'
    out = io.StringIO()
    csv.writer(out).writerows([[name, "y"], *([i % 5, i] for i in range(12))])
    assert read(tmp_path, out.getvalue()).schema.names == (name, "y")


#: A column of nothing but numbers whose squares vanish is refused; see test_hard_use.
numbers = st.floats(allow_nan=False, allow_infinity=False).filter(lambda v: not 0 < abs(v) < 1e-150)
words = st.text(alphabet='ab,"\n;é ', min_size=1, max_size=5).filter(lambda s: s.strip())


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(numbers, words, st.none() | numbers), min_size=4, max_size=60),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.integers(16, 400),
)
def test_what_was_written_is_read_in_any_chunks(tmp_path, monkeypatch, rows, quoting, chunk):
    monkeypatch.setattr("whyfit.data.text_source.CHUNK", chunk)
    monkeypatch.setattr("whyfit.data.text_source.CHUNK_ROWS", 1)
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(["x", "w", "z", "y"])
    for i, (x, w, z) in enumerate(rows):
        writer.writerow([repr(x), w, "" if z is None else repr(z), i])
    roles = {"x": "numeric", "w": "categorical", "z": "numeric"}
    table = read(tmp_path, out.getvalue(), roles=roles)
    np.testing.assert_array_equal(column(table, "x"), [x for x, _, _ in rows])
    np.testing.assert_array_equal(
        column(table, "z"), [math.nan if z is None else z for _, _, z in rows]
    )
    if len({w.strip() for _, w, _ in rows}) > 1:
        assert cells(table, "w") == [w.strip() for _, w, _ in rows]
    assert table.schema["z"].n_missing == sum(z is None for _, _, z in rows)


@settings(max_examples=60)
@given(st.text(alphabet="0123456789+-.eEinfaN _x,d", max_size=8))
def test_the_fast_parser_reads_a_cell_as_the_careful_one_or_refuses(text):
    """A chunk parsed straight to float64 must never hold a value the text does not say."""
    careful = pl.Series([text.strip()]).cast(pl.Float64, strict=False)[0]
    quoted = '"' + text + '",1\n'
    try:
        fast = pl.read_csv(
            quoted.encode(),
            has_header=False,
            schema={"a": pl.Float64, "b": pl.Float64},
            infer_schema=False,
        )["a"][0]
    except pl.exceptions.PolarsError:
        return
    assert (
        fast == careful
        or (fast != fast and careful != careful)
        or (fast is None and not text.strip())
    )


@pytest.mark.parametrize("n", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_blocks_have_exactly_block_rows(tmp_path, n):
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"x": rng.normal(size=n), "w": rng.integers(0, 3, n), "y": np.arange(n)})
    frame.with_columns(pl.col("w").cast(pl.String).replace({"0": "a", "1": "b"})).write_csv(
        tmp_path / "b.csv"
    )
    table = read_table(tmp_path / "b.csv", Spec(target="y"))
    blocks = list(table.blocks())
    assert [b.n for b in blocks[:-1]] == [BLOCK] * (len(blocks) - 1)
    assert sum(b.n for b in blocks) == table.n == n
    assert [b.start for b in blocks] == [i * BLOCK for i in range(len(blocks))]
    for b in blocks:
        for a in b.data.values():
            assert a.flags.c_contiguous
            assert a.dtype in (np.float64, np.int32)
            assert a.shape == (b.n,)
    np.testing.assert_array_equal(column(table, "x"), frame["x"])
    np.testing.assert_array_equal(column(table, "x"), frame["x"])  # again
    c = table.schema["x"]
    assert c.mean == pytest.approx(frame["x"].mean(), rel=1e-12)
    assert (c.minimum, c.maximum) == (frame["x"].min(), frame["x"].max())


@pytest.mark.usefixtures("small_chunks")
def test_progress_rises_to_one(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{i % 17},{i}\n" for i in range(4000)))
    seen: list[float] = []
    read_table(path, Spec(target="y"), progress=seen.append)
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.usefixtures("small_chunks")
def test_an_error_in_a_worker_reaches_the_caller(tmp_path):
    text = "x,y\n" + "1,2\n" * 3000 + "1,2,3\n" + "1,2\n" * 3000
    with pytest.raises(SourceError, match="line 3002 has 3 fields"):
        read(tmp_path, text)
