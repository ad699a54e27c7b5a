"""Standard streams: colour, width, and readers that go away."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from whyfit.report import stream


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colour_on_a_terminal(monkeypatch, environment, wanted):
    monkeypatch.setattr(sys, "stdout", Terminal())
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert stream.colour_wanted() is wanted


def test_no_colour_in_a_pipe(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert not stream.colour_wanted()


def test_width_of_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "77")
    assert stream.width() == 77


def test_complaints_are_one_line(capsys):
    stream.complain("first\nsecond\x1b[31m")
    assert capsys.readouterr().err == "whyfit: first second\\x1b[31m\n"


def test_a_reader_that_goes_away_is_no_error():
    code = (
        "from whyfit.report import stream\n"
        "for _ in range(3): stream.write('x' * 200_000)\n"
        "stream.write(b'y' * 200_000)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def bar(monkeypatch, terminal, **more):
    err = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    with stream.Progress("houses\x1b[31m.csv", **{"delay": 0.0, **more}) as progress:
        progress(0.2)
        progress(1.0)
    return err.getvalue()


def test_a_bar_is_drawn_on_a_terminal_only(monkeypatch):
    drawn = bar(monkeypatch, True)
    assert "houses\\x1b[31m.csv" in drawn
    assert bar(monkeypatch, False) == ""


def test_no_bar_when_quiet_or_quick(monkeypatch):
    assert bar(monkeypatch, True, quiet=True) == ""
    assert bar(monkeypatch, True, delay=1e9) == ""
