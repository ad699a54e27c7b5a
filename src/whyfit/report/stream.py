"""Standard output and standard error: what they can show, and writing to them.

Data go to standard output, progress and complaints to standard error. NO_COLOR (any value but the
empty one), a stream that is no terminal and TERM=dumb switch colour off.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from types import TracebackType
from typing import Any

from whyfit.report.strings import in_encoding, visible

_PIPE_WIDTH = 110  # columns when the output is no terminal and COLUMNS is not set


def colour_wanted() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def width() -> int:
    """Columns of the terminal, COLUMNS if it is set, else 110."""
    return shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns


def encoding() -> str:
    return sys.stdout.encoding or "utf-8"


def write(data: str | bytes) -> None:
    """Write to standard output and flush; a reader that has gone away is no error."""
    try:
        if isinstance(data, str):
            sys.stdout.write(data.encode(encoding(), "backslashreplace").decode(encoding()))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        silence()


def silence() -> None:
    """Point standard output at nothing, so that the interpreter's last flush cannot complain."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def complain(message: str) -> None:
    """One line `whyfit: ...` on standard error."""
    line = visible(" ".join(message.split()))
    target = sys.stderr.encoding or "utf-8"
    with contextlib.suppress(OSError):
        print("whyfit: " + line.encode(target, "backslashreplace").decode(target), file=sys.stderr)


class Progress:
    """A bar on standard error, drawn only on a terminal and only once the work takes a while.

    Called with the share of the work that is done, 0 to 1. `label` says what the work is.
    """

    def __init__(self, label: str, *, quiet: bool = False, delay: float = 0.5) -> None:
        self._label = label
        self._delay = delay
        self._off = quiet or not sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._begin = 0.0

    def __enter__(self) -> Progress:
        self._begin = time.monotonic()
        return self

    def __call__(self, share: float) -> None:
        if self._off or time.monotonic() - self._begin < self._delay:
            return
        if self._bar is None:
            self._bar, self._task = _bar(self._label)
        self._bar.update(self._task, completed=share)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _bar(label: str) -> tuple[Any, Any]:
    """A started bar of rich on standard error that vanishes when stopped, and its task."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    bar.start()
    shown = in_encoding(visible(label), sys.stderr.encoding or "utf-8")
    return bar, bar.add_task(shown, total=1.0)
