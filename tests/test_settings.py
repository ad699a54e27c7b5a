"""Settings of a project: [tool.whyfit] of the nearest pyproject.toml."""

from __future__ import annotations

import pytest

from whyfit import settings
from whyfit.errors import SpecError
from whyfit.settings import Settings


def write(folder, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_all_settings(tmp_path):
    write(
        tmp_path,
        '[tool.whyfit]\nselect = ["LA"]\nignore = ["LA110"]\nfail-on = "error"\nconfidence = 0.9\n',
    )
    assert settings.load(tmp_path) == Settings(("LA",), ("LA110",), "error", 0.9)


def test_the_nearest_file_upwards_is_read(tmp_path):
    write(tmp_path, '[tool.whyfit]\nfail-on = "note"\n')
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert settings.load(deep).fail_on == "note"
    write(tmp_path / "a", "[project]\nname = 'x'\n")
    assert settings.load(deep) == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.whyfit]\nfail_on = 'error'\n", "no setting 'fail_on'.*did you mean 'fail-on'"),
        ("[tool.whyfit]\nselekt = []\n", "no setting 'selekt'.*did you mean 'select'"),
        ("[tool.whyfit]\nzzz = 1\n", r"no setting 'zzz' \(settings: select, ignore, fail-on, conf"),
        ("[tool.whyfit]\nfail-on = 'errors'\n", "Invalid enum value 'errors'.*fail-on"),
        ("[tool.whyfit]\nselect = 'LA'\n", "Expected `array`, got `str`.*select"),
        ("[tool.whyfit]\nselect = [1]\n", "Expected `str`, got `int`"),
        ("[tool.whyfit]\nconfidence = 1.5\n", "`float` < 1.0.*confidence"),
        ("[tool.whyfit]\nconfidence = 0.1\n", "`float` >= 0.5.*confidence"),
        ("[tool]\nwhyfit = 3\n", "Expected `object`, got `int`"),
        ("[tool.whyfit\n", "is not valid TOML"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path, text, message):
    write(tmp_path, text)
    with pytest.raises(SpecError, match=message) as caught:
        settings.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert "pyproject.toml" in str(caught.value)


def test_bytes_that_are_no_utf8(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is not valid TOML"):
        settings.load(tmp_path)
