"""Settings of a project: the table [tool.whyfit] of the nearest pyproject.toml upwards.

    [tool.whyfit]
    select = ["LA", "heteroscedastic"]   # codes, prefixes of codes, or slugs
    ignore = ["LA110"]
    fail-on = "error"
    confidence = 0.95

Command-line flags win over settings. An unknown key is refused: it is usually a typing error.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from whyfit.errors import SpecError

FailOn = Literal["error", "warning", "note", "never"]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """What [tool.whyfit] may hold; a field left out is not set."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fail_on: FailOn = "never"
    confidence: Annotated[float, msgspec.Meta(ge=0.5, lt=1)] | None = None


def load(folder: Path) -> Settings:
    """Settings for work in `folder`; defaults if no pyproject.toml upwards has [tool.whyfit].

    Raises SpecError if the table holds an unknown key or a value of the wrong kind, or if the
    nearest pyproject.toml cannot be read.
    """
    path = nearest(folder)
    if path is None:
        return Settings()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"cannot read '{path}': {(error.strerror or '').lower()}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"'{path}' is not valid TOML: {error}.") from None
    tool = document.get("tool", {})
    return parse(tool.get("whyfit", {}) if isinstance(tool, dict) else {}, str(path))


def nearest(folder: Path) -> Path | None:
    """The pyproject.toml of `folder` or of the closest folder above it."""
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        if (path := place / "pyproject.toml").is_file():
            return path
    return None


def parse(table: Any, where: str) -> Settings:
    """Settings from the parsed table; `where` names the file in messages."""
    known = [f.encode_name for f in msgspec.structs.fields(Settings)]
    if isinstance(table, dict):
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key.replace("_", "-"), known, 1, 0.5)
                hint = f"; did you mean '{close[0]}'?" if close else "."
                raise SpecError(
                    f"[tool.whyfit] in '{where}' has no setting '{key}' "
                    f"(settings: {', '.join(known)}){hint}"
                )
    try:
        return msgspec.convert(table, Settings)
    except msgspec.ValidationError as error:
        raise SpecError(f"[tool.whyfit] in '{where}': {error}.") from None
