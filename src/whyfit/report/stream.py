"""Standard output and standard error: what they can show, and writing to them.

Data go to standard output, progress and complaints to standard error. NO_COLOR (any value but the
empty one), a stream that is no terminal and TERM=dumb switch colour off.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from types import TracebackType
from typing import Any

_PIPE_WIDTH = 100  # columns when the output is no terminal and COLUMNS is not set


def colour_wanted() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def width() -> int:
    """Columns of the terminal, COLUMNS if it is set, else 100."""
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
    line = " ".join(message.split())
    target = sys.stderr.encoding or "utf-8"
    with contextlib.suppress(OSError):
        print("whyfit: " + line.encode(target, "backslashreplace").decode(target), file=sys.stderr)


class Progress:
    """A bar on standard error, drawn only on a terminal and only once the work takes a while.

    Called as `progress(stage, fraction)`: what is being done, and how much of it is done (0..1; None if
    that is not known).
    """

    def __init__(self, delay: float = 0.5, quiet: bool = False) -> None:
        self._delay = delay
        self._off = quiet or not sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._begin = 0.0

    def __enter__(self) -> Progress:
        import time

        self._begin = time.monotonic()
        return self

    def __call__(self, stage: str, fraction: float | None = None) -> None:
        import time

        if self._off or time.monotonic() - self._begin < self._delay:
            return
        if self._bar is None:
            self._start()
        total = None if fraction is None else 1.0
        self._bar.update(self._task, description=stage, completed=fraction or 0.0, total=total)

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=None)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
