"""The command line: arguments only. No mathematics; all words come from `whyfit.report`.

Exit status: 0 clean, 1 findings at or above --fail-on, 2 the input or the usage is wrong, 3 an
internal fault, 130 interrupted. Nothing heavy is imported before a command runs, so `--help` is
immediate.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from whyfit import __version__, cli_descend, cli_fit
from whyfit.cli_fit import FIT_OPTIONS, SEVERITIES
from whyfit.cli_map import MAP_OPTIONS
from whyfit.errors import InputError, SpecError

CLEAN, FINDINGS, WRONG_INPUT, FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    from whyfit.report import stream

    try:
        status = commands.main(args=args, prog_name="whyfit", standalone_mode=False)
        return status if isinstance(status, int) else CLEAN
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except InputError as error:
        stream.complain(str(error))
        return WRONG_INPUT
    except (KeyboardInterrupt, click.Abort):
        stream.complain("interrupted")
        return INTERRUPTED
    except MemoryError:
        stream.complain(
            "the memory does not suffice for this table; free some, raise the limit (ulimit -v) or "
            "leave columns out (--drop)."
        )
        return WRONG_INPUT
    except BrokenPipeError:
        stream.silence()
        return CLEAN
    except Exception as error:
        if os.environ.get("WHYFIT_DEBUG"):
            import traceback

            traceback.print_exc()
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        stream.complain(
            f"internal fault, not your data's ({said[:300]}); please report it with the command "
            "you ran and the output of the same command under WHYFIT_DEBUG=1."
        )
        return FAULT


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Settings are read from [tool.whyfit] of the nearest pyproject.toml.",
)
@click.version_option(__version__, prog_name="whyfit", message="%(prog)s %(version)s")
def commands() -> None:
    """Find out why a model fits the way it does, with the mathematics as evidence.

    \b
      whyfit fit houses.csv --target price
      whyfit predict houses.whyfit new.csv --interval 0.95
      whyfit map embeddings.npy --labels words.txt --near king
      whyfit descend houses.csv --target price --optimizer sgd --lr 0.1 --batch 32
      whyfit rule ill-conditioned
      whyfit demo
    """


def _with(options: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@commands.command()
@_with(FIT_OPTIONS)
def fit(source: Path, **options: Any) -> int:
    """Fit a table and say what is wrong with the fit.

    SOURCE is a CSV, TSV, Parquet, Feather, NDJSON, .npy or .npz file, or a folder of images.
    """
    from whyfit.cli_fit import run

    return _status(*run(source, options))


@commands.command("map")
@_with(MAP_OPTIONS)
def map_(source: Path, **options: Any) -> int:
    """Map a cloud of vectors to the plane and say how much of the picture to believe.

    SOURCE is an .npy or .npz file, a text file of word vectors, a folder of pictures, or a table.
    """
    from whyfit.cli_map import run

    return _status(*run(source, options))


def _status(worst: str | None, fail_on: str) -> int:
    if worst is None or fail_on == "never":
        return CLEAN
    return FINDINGS if SEVERITIES.index(worst) <= SEVERITIES.index(fail_on) else CLEAN


@commands.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--interval", type=float, metavar="LEVEL", help="Add an interval, e.g. 0.95.")
@click.option(
    "--kind",
    type=click.Choice(["mean", "new"]),
    default="new",
    show_default=True,
    help="Interval for the mean of such rows, or for one new row.",
)
@click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), default="csv", show_default=True
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write there, not to stdout.")
def predict(
    model: Path,
    new: Path,
    interval: float | None,
    kind: Literal["mean", "new"],
    form: str,
    output: Path | None,
) -> int:
    """Predict the rows of NEW with a saved MODEL."""
    if interval is not None and not 0 < interval < 1:
        raise click.BadParameter("expected a level in (0, 1), e.g. 0.95.", param_hint="--interval")
    from whyfit.models.table_model import load_model
    from whyfit.report import predictions, stream
    from whyfit.report.files import write_whole

    made = load_model(model).predict_rows(new, interval=interval, kind=kind)
    for note in made.notes:
        stream.complain(note)
    to = predictions.to_json if form == "json" else predictions.to_csv
    data = to(made.columns)
    if output:
        write_whole(output, data)
    else:
        stream.write(data)
    return CLEAN


@commands.command()
@click.argument("name", metavar="SLUG_OR_CODE")
def rule(name: str) -> int:
    """Explain one rule: what it says, the mathematics, why it hurts, what to do."""
    from whyfit.report import rule_page, stream

    for r in cli_fit.rules():
        if name.lower() in (r["slug"].lower(), r["code"].lower()):
            page = rule_page.render(
                r, stream.width(), stream.colour_wanted(), encoding=stream.encoding()
            )
            stream.write(page)
            return CLEAN
    raise SpecError(f"there is no rule '{name}'{cli_fit.nearest_rule(name)}")


@commands.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
def rules(form: str) -> int:
    """List all rules."""
    from whyfit.report import json, rule_page, stream

    known = [{k: v for k, v in r.items() if k != "page"} for r in cli_fit.rules()]
    if form == "json":
        stream.write(json.encode(known))
    else:
        stream.write(
            rule_page.render_list(
                known, stream.width(), stream.colour_wanted(), encoding=stream.encoding()
            )
        )
    return CLEAN


@commands.command()
@click.option("--real", is_flag=True, help="Use a data set that scikit-learn ships.")
@click.option(
    "--directory", type=click.Path(path_type=Path), default=Path(), help="Where to write."
)
def demo(real: bool, directory: Path) -> int:
    """Write houses with planted faults and find them again."""
    from whyfit.demo import run_demo

    run_demo(real, directory)
    return CLEAN


commands.add_command(cli_descend.command(FIT_OPTIONS, _status))
