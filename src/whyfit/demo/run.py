"""`whyfit demo`: the worked example, then the whole journey on a file, then planted beside found."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from whyfit.demo import example, found, houses, real, walk
from whyfit.demo.layout import MAX_WIDTH, Layout
from whyfit.diagnosis.words import number
from whyfit.errors import InputError
from whyfit.journey import fit
from whyfit.report import stream, text
from whyfit.report.files import write_whole
from whyfit.report.numbers import plus_minus
from whyfit.report.terminal import Screen
from whyfit.result import Result
from whyfit.spec import Spec, edited

_AS_GOOD = 0.05  # a typical error this near to that of ε: its own standard error is some 3 %


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo writes: files into `directory`, text to `out`, laid out for `screen`."""

    directory: Path
    screen: Screen
    page: bool
    out: Callable[[str], None]

    @property
    def layout(self) -> Layout:
        """The worked example is laid out in at most `MAX_WIDTH` columns."""
        screen = self.screen
        return Layout(Screen(min(screen.width, MAX_WIDTH), screen.colour, screen.encoding))

    def show(self, lines: Iterable[Text]) -> None:
        self.out(self.screen.paint(lines))


def run_demo(
    real: bool,
    directory: Path,
    *,
    width: int | None = None,
    colour: bool | None = None,
    page: bool = True,
) -> None:
    """Run the demo and write it to standard output.

    Parameters
    ----------
    real : data sets that scikit-learn ships, not the houses.
    directory : where the CSV files and the reports go; made if it is not there.
    width, colour : of the terminal; default as found.
    page : whether to write HTML reports beside the CSV files.

    Raises
    ------
    InputError
        A file of that name is there already and is not the demo's, or nothing can be written.
    """
    screen = Screen(
        max(stream.width() if width is None else width, 60),
        stream.colour_wanted() if colour is None else colour,
        stream.encoding(),
    )
    stage = Stage(directory, screen, page, stream.write)
    (_real if real else _houses)(stage)


def _houses(stage: Stage) -> None:
    path = place(stage.directory, "houses.csv", houses.to_csv())
    layout, e = stage.layout, example.house_regression()
    lines = _title(
        layout, f"{houses.ROWS:,} houses, written by a known law with faults planted in them"
    )
    first, *rest = houses.LAW_LINES
    lines += [*layout.labelled("law", first, 6)]
    for line in rest:
        lines += layout.labelled("", line, 14)
    lines += layout.labelled(
        "", f"{houses.NOISE_LINE} {_listed(houses.NO_EFFECT)} have no effect.", 6
    )
    lines += layout.exact("file  ", str(path))
    stage.show(lines)
    stage.show(walk.regression(e, layout))
    stage.show(walk.classification(example.house_question(e), layout))

    result = _journey(stage, path, houses.TARGET, "5  The whole journey, on the file as it is")
    looks = [found.Look(result.findings)]
    second = _without_leak(result)
    if second is not None:
        looks.append(found.Look(second.findings, "without the leak"))
    seen = found.verdicts(houses.PLANTED, looks)
    hits = sum(v.finding is not None for v in seen)
    lines = layout.heading("6  Planted and found", f"{hits} of {len(seen)}")
    lines += found.render(seen, layout, ("planted", "found"))
    lines += _also(found.unplanted(seen, looks[0]), layout)
    if second is not None:
        lines += [Text(), *layout.prose(_honest(result, second))]
    file = shlex.quote(str(path))
    lines += _next(
        layout,
        ("whyfit rule target-leak", "the mathematics of a finding"),
        (f"whyfit fit {file} -t {houses.TARGET} --fix", "apply the remedies that helped"),
        ("whyfit demo --real", "the same on real data"),
    )
    stage.show(lines)


def _real(stage: Stage) -> None:
    sets = (
        (real.DIABETES, real.diabetes_csv(), real.PROGRESSION, real.DIABETES_KNOWN),
        (real.CANCER, real.cancer_csv(), real.DIAGNOSIS, real.CANCER_KNOWN),
    )
    paths = [place(stage.directory, name, data) for name, data, *_ in sets]
    layout = stage.layout
    lines = _title(layout, "two data sets that scikit-learn ships")
    told = ("442 patients, how far their diabetes went  ", "569 tumours, benign or malignant")
    for path, says in zip(paths, told, strict=True):
        lines += layout.exact(says.ljust(len(told[0]) + 1), str(path))
    stage.show(lines)
    stage.show(walk.regression(real.patients(), layout))
    stage.show(walk.classification(real.tumours(), layout))

    lines, hits, n = [], 0, 0
    for i, (path, (_, _, target, known)) in enumerate(zip(paths, sets, strict=True)):
        title = "5  The whole journey, on both files" if i == 0 else ""
        result = _journey(stage, path, target, title)
        look = found.Look(result.findings)
        seen = found.verdicts(known, [look])
        hits, n = hits + sum(v.finding is not None for v in seen), n + len(seen)
        lines += found.render(seen, layout, (f"known of {path.name}", "found"))
        lines += [*_also(found.unplanted(seen, look), layout), Text()]
    stage.show([*layout.heading("6  Known and found", f"{hits} of {n}"), *lines[:-1]])
    file = shlex.quote(str(paths[0]))
    stage.show(
        _next(
            layout,
            ("whyfit rule separable-classes", "the mathematics of a finding"),
            (f"whyfit fit {file} -t {real.PROGRESSION} --fix", "apply the remedies that helped"),
            ("whyfit demo", "the same on planted faults"),
        )
    )


def place(directory: Path, name: str, data: bytes) -> Path:
    """`data` as directory/name, whole or not at all; the very same file is left alone.

    Raises InputError if another file is there under that name.
    """
    path = directory / name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        there = path.read_bytes() if path.exists() else None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(
            f"cannot write '{path}': {reason}; choose another place with --directory."
        ) from None
    if there is None:
        write_whole(path, data)
    elif there != data:
        raise InputError(
            f"'{path}' is there already and is not the file of this demo; nothing was changed."
            " Move it away, or choose another place with --directory."
        )
    return path


def _journey(stage: Stage, path: Path, target: str, title: str) -> Result:
    """Walk the road, show the report under the command that makes it, write its page."""
    with stream.Progress(path.name) as progress:
        result = fit(path, Spec(target=target), progress=progress)
    page = _page(result, path) if stage.page else None
    layout = stage.layout
    command = f"whyfit fit {shlex.quote(str(path))} --target {target}"
    lines = layout.heading(title) if title else [Text()]
    stage.show([*lines, *layout.exact("$ ", command), Text()])
    stage.out(
        text.render(
            result.document,
            layout.screen.width,
            stage.screen.colour,
            report=None if page is None else str(page),
            encoding=stage.screen.encoding,
        )
    )
    return result


def _page(result: Result, path: Path) -> Path | None:
    """The HTML report beside `path`; the demo goes on without one that cannot be written."""
    try:
        return result.save(path.with_suffix(".whyfit.html"))
    except InputError as error:
        stream.complain(f"no HTML report: {error}")
        return None


def _without_leak(result: Result) -> Result | None:
    """The same table fitted without the leaked columns; None if no leak was found."""
    for finding in result.findings:
        if finding.code == "LA113" and finding.remedy is not None:
            return result.again(edited(result.spec, finding.remedy.edit))
    return None


def _honest(result: Result, second: Result) -> str:
    """What the leak did to the score, and how near the honest fit comes to the law."""
    before, after = (r.document.scores["held_out"]["r2"] for r in (result, second))
    error = second.document.scores["held_out"]["rmse"].value
    noise = houses.noise_size()
    near = abs(error / noise - 1) < _AS_GOOD
    return (
        f"Without the leak the held-out R² is {plus_minus(after.value, after.low, after.high)}, not"
        f" {plus_minus(before.value, before.low, before.high)}, and the typical error"
        f" ${number(error, 3)}. ε itself is ${number(noise, 3)}"
        + (": there is nothing left to learn." if near else ".")
    )


def _also(findings: tuple, layout: Layout) -> list[Text]:
    if not findings:
        return []
    said = "; ".join(
        f"{f.code} {f.rule}" + (f" ({layout.screen.names(f.subject, 30)})" if f.subject else "")
        for f in findings
    )
    return [Text(), *layout.labelled("also found", said, 12)]


def _title(layout: Layout, says: str) -> list[Text]:
    return [Text("whyfit", style="bold").append("   " + layout.say(says)), Text()]


def _listed(names: tuple[str, ...]) -> str:
    said = f"{', '.join(names[:-1])} and {names[-1]}"
    return said[0].upper() + said[1:]


def _next(layout: Layout, *commands: tuple[str, str]) -> list[Text]:
    """What each command is for, then the command, so that a long path wraps nothing."""
    lines = layout.heading("Next")
    width = max(len(says) for _, says in commands) + 3
    for command, says in commands:
        lines += layout.exact(says.ljust(width), command)
    return lines


__all__ = ["place", "run_demo"]
