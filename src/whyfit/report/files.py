"""Files appear whole or not at all: written beside, flushed to disk, renamed into place."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from whyfit.errors import InputError

_FRESH = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` so that no reader ever sees part of it.

    An existing file is replaced and keeps its permissions; a symbolic link keeps pointing to the
    file that is replaced. Special files (a pipe, /dev/stdout) are written straight.

    Raises InputError, naming the path and the reason, if it cannot be written.
    """
    wanted = Path(path)
    try:
        target = wanted.resolve()
        if target.exists() and not target.is_file():
            if target.is_dir():
                raise InputError(f"cannot write '{wanted}': it is a folder; name a file in it.")
            target.write_bytes(data)
            return
        _replace(target, data)
    except FileNotFoundError:
        folder = wanted.parent
        raise InputError(
            f"cannot write '{wanted}': the folder '{folder}' does not exist; create it first."
        ) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot write '{wanted}': {reason}; choose another place.") from None


def _replace(target: Path, data: bytes) -> None:
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        # os.open obeys the umask, as a plain open() would; mkstemp would leave the file private
        with os.fdopen(os.open(beside, _FRESH, 0o666), "wb") as file:
            if target.exists():
                os.chmod(beside, target.stat().st_mode & 0o7777)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    with contextlib.suppress(OSError):  # some systems cannot open or flush a folder
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
