"""The command line: arguments only. No mathematics; all words come from `whyfit.report`.

Exit status: 0 clean, 1 findings at or above --fail-on, 2 the input or the usage is wrong, 3 an
internal fault, 130 interrupted. Nothing heavy is imported before a command runs, so `--help` is
immediate.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from whyfit import __version__, cli_descend
from whyfit.cli_map import MAP_OPTIONS
from whyfit.errors import InputError, SpecError

if TYPE_CHECKING:
    from whyfit.spec import Spec

CLEAN, FINDINGS, WRONG_INPUT, FAULT, INTERRUPTED = 0, 1, 2, 3, 130
_SEVERITIES = ("error", "warning", "note")
_ROLES = (
    "numeric", "boolean", "categorical", "datetime", "text", "identifier", "constant", "skip"
)  # fmt: skip


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


def _pair(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> dict[str, str]:
    """("age=numeric", ...) as a dict; the last = separates, so names may hold one."""
    del ctx
    pairs = {}
    for value in values:
        left, sign, right = value.rpartition("=")
        if not (left and sign and right):
            raise click.BadParameter(f"'{value}' is not of the form COLUMN=VALUE.", param=param)
        if param.name == "roles" and right not in _ROLES:
            raise click.BadParameter(
                f"'{right}' is no role; roles: {', '.join(_ROLES)}.", param=param
            )
        if param.name == "degrees" and not right.isdecimal():
            raise click.BadParameter(f"'{right}' is no degree; expected one like 3.", param=param)
        pairs[left] = right
    return pairs


def _words(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> tuple[str, ...]:
    """("LA107,PR", "leak") as ("LA107", "PR", "leak")."""
    del ctx, param
    return tuple(w.strip() for v in values for w in v.split(",") if w.strip())


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


_FIT_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("source", type=click.Path(path_type=Path)),
    click.option("--target", "-t", required=True, help="Column to explain."),
    click.option("--task", type=click.Choice(["auto", "regression", "binary", "multiclass"]),
                 default="auto", help="Default: detected from the target."),
    click.option("--role", "roles", multiple=True, callback=_pair, metavar="COLUMN=ROLE",
                 help=f"Override a column's role ({', '.join(_ROLES)}). Repeatable."),
    click.option("--drop", multiple=True, metavar="COLUMN", help="Leave a column out. Repeatable."),
    click.option("--term", "terms", multiple=True, metavar="TERM",
                 help="Add a column: x^3, log(x), a*b or hinge(x, 2.5). Repeatable."),
    click.option("--poly", "degrees", multiple=True, callback=_pair, metavar="COLUMN=DEGREE",
                 help="Add the powers of a column up to a degree. Repeatable."),
    click.option("--missing", type=click.Choice(["indicator", "impute", "drop"]),
                 default="indicator", show_default=True, help="What to do with missing cells."),
    click.option("--missing-token", "tokens", multiple=True, metavar="TEXT",
                 help="A cell to read as missing, beside the usual ones. Repeatable."),
    click.option("--text", type=click.Choice(["tfidf", "hash", "counts"]), default="tfidf",
                 show_default=True, help="What free text becomes: weights of its words, of hashed "
                 "words, or its length only."),
    click.option("--text-features", type=int, metavar="N",
                 help="Columns of each text at most; default 1000, and one to ten rows."),
    click.option("--text-components", type=int, metavar="K",
                 help="Reduce these to K by truncated singular value decomposition."),
    click.option("--image-size", metavar="WxH", help="Average images to this size, e.g. 28x28."),
    click.option("--log-target", is_flag=True, help="Fit log(target)."),
    click.option("--loss", type=click.Choice(["auto", "squared", "poisson", "gamma", "huber"]),
                 default="auto", help="Of a regression; default squared. poisson: counts; gamma: amounts; "
                 "huber: outliers."),
    click.option("--ridge", type=float, default=0.0, metavar="λ", help="Penalty; default none."),
    click.option("--components", type=int, metavar="K",
                 help="Fit on the K leading principal components of the columns."),
    click.option("--standardise", "--standardize", is_flag=True,
                 help="Judge gradient methods on unit-variance columns; the fit is the same."),
    click.option("--robust", type=click.Choice(["HC0", "HC1", "HC2", "HC3"]),
                 help="Standard errors robust to unequal variances."),
    click.option("--reference", multiple=True, callback=_pair, metavar="COLUMN=LEVEL",
                 help="Reference level of a category. Repeatable."),
    click.option("--max-levels", type=int, default=50, show_default=True, metavar="N",
                 help="Levels of a category that have columns; the others share one."),
    click.option("--folds", type=int, default=10, show_default=True),
    click.option("--group-copies", is_flag=True,
                 help="Hold rows with equal features out together."),
    click.option("--seed", type=int, default=0, show_default=True),
    click.option("--confidence", type=float, help="Level of all intervals; default 0.95."),
    click.option("--select", multiple=True, callback=_words, metavar="RULES",
                 help="Only these rules: codes, prefixes such as LA, or slugs."),
    click.option("--ignore", multiple=True, callback=_words, metavar="RULES",
                 help="All rules but these."),
    click.option("--fail-on", type=click.Choice([*_SEVERITIES, "never"]),
                 help="Exit with 1 on findings at or above this severity; default never."),
    click.option("--format", "form", type=click.Choice(["text", "json", "html", "github"]),
                 default="text", show_default=True),
    click.option("--output", "-o", type=click.Path(path_type=Path),
                 help="Write there, not to stdout."),
    click.option("--html", type=click.Path(path_type=Path), help="Where to write the HTML report."),
    click.option("--no-html", is_flag=True, help="Write no HTML report beside the text."),
    click.option("--save", type=click.Path(path_type=Path), metavar="FILE.whyfit",
                 help="Save the model for `whyfit predict`."),
    click.option("--fix", is_flag=True,
                 help="Apply the remedies that helped; print Spec and Python."),
    click.option("--table", is_flag=True, help="Show the table of coefficients as well."),
    click.option("--quiet", "-q", is_flag=True, help="Show the findings only, and no progress."),
)  # fmt: skip


def _with(options: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@commands.command()
@_with(_FIT_OPTIONS)
def fit(source: Path, **options: Any) -> int:
    """Fit a table and say what is wrong with the fit.

    SOURCE is a CSV, TSV, Parquet, Feather, NDJSON, .npy or .npz file, or a folder of images.
    """
    from whyfit import settings
    from whyfit.journey import fit as run
    from whyfit.report import deliver, stream

    configured = settings.load(Path.cwd())
    select, ignore = options["select"] or configured.select, options["ignore"] or configured.ignore
    _check_rules((*select, *ignore))
    if options["save"] and options["save"].suffix != ".whyfit":
        raise click.UsageError("--save expects a name ending in .whyfit, e.g. houses.whyfit.")
    spec = _spec(options, configured.confidence)
    with stream.Progress(source.name, quiet=options["quiet"]) as progress:
        result = run(source, spec, select=tuple(select), ignore=tuple(ignore), progress=progress)
        before = result.document.spec
        if options["fix"]:
            result = result.fix()
    if options["save"]:
        result.save(options["save"])
    wanted = deliver.Wanted(
        form=options["form"],
        output=options["output"],
        page=options["html"],
        default_page=None if options["no_html"] else deliver.page_beside(source),
        findings_only=options["quiet"],
        table=options["table"],
        spec_before=before if options["fix"] else None,
    )
    deliver.deliver(result.document, wanted)
    return _status(result.worst, options["fail_on"] or configured.fail_on)


@commands.command("map")
@_with(MAP_OPTIONS)
def map_(source: Path, **options: Any) -> int:
    """Map a cloud of vectors to the plane and say how much of the picture to believe.

    SOURCE is an .npy or .npz file, a text file of word vectors, a folder of pictures, or a table.
    """
    from whyfit.cli_map import run

    return _status(*run(source, options))


def _spec(options: dict[str, Any], confidence: float | None) -> Spec:
    from whyfit.spec import MISSING_TOKENS, Spec
    from whyfit.term import Term, polynomial

    powers = [t for column, d in options["degrees"].items() for t in polynomial(column, int(d))]
    level = options["confidence"] if options["confidence"] is not None else confidence
    return Spec(
        target=options["target"],
        task=options["task"],
        roles=options["roles"],
        drop=options["drop"],
        terms=tuple(dict.fromkeys([*powers, *map(Term.of, options["terms"])])),
        missing=options["missing"],
        missing_tokens=(*MISSING_TOKENS, *options["tokens"]),
        reference=options["reference"],
        target_transform="log" if options["log_target"] else "identity",
        loss=options["loss"],
        ridge=options["ridge"],
        components=options["components"],
        standardise=options["standardise"],
        covariance=options["robust"] or "classic",
        max_levels=options["max_levels"],
        folds=options["folds"],
        text=options["text"],
        text_features=options["text_features"],
        text_components=options["text_components"],
        image_size=_size(options["image_size"]),
        group_copies=options["group_copies"],
        seed=options["seed"],
        confidence=0.95 if level is None else level,
    )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    from whyfit.data.images import size_of

    return size_of(text)


def _check_rules(names: Iterable[str]) -> None:
    """Refuse a --select or --ignore that can match nothing."""
    for name in names:
        if not any(_matches(name, r) for r in _rules()):
            raise SpecError(f"'{name}' is no rule, prefix or slug{_nearest_rule(name)}")


def _matches(name: str, rule: dict[str, str]) -> bool:
    return rule["code"].startswith(name.upper()) or rule["slug"] == name.lower()


def _rules() -> list[dict[str, str]]:
    from whyfit.diagnosis.registry import every_rule

    keys = ("code", "slug", "pillar", "severity", "summary", "page")
    rules = [{k: str(getattr(r, k)) for k in keys} for r in every_rule()]
    order = ("linear algebra", "calculus", "probability")
    return sorted(rules, key=lambda r: (order.index(r["pillar"]), r["code"]))


def _nearest_rule(name: str) -> str:
    import difflib

    names = {n.lower(): n for r in _rules() for n in (r["slug"], r["code"])}
    close = difflib.get_close_matches(name.lower(), names, 1, 0.4)
    hint = f"; did you mean '{names[close[0]]}'?" if close else "."
    return f"{hint} `whyfit rules` lists all."


def _status(worst: str | None, fail_on: str) -> int:
    if worst is None or fail_on == "never":
        return CLEAN
    return FINDINGS if _SEVERITIES.index(worst) <= _SEVERITIES.index(fail_on) else CLEAN


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

    for r in _rules():
        if name.lower() in (r["slug"].lower(), r["code"].lower()):
            page = rule_page.render(
                r, stream.width(), stream.colour_wanted(), encoding=stream.encoding()
            )
            stream.write(page)
            return CLEAN
    raise SpecError(f"there is no rule '{name}'{_nearest_rule(name)}")


@commands.command()
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
def rules(form: str) -> int:
    """List all rules."""
    from whyfit.report import json, rule_page, stream

    known = [{k: v for k, v in r.items() if k != "page"} for r in _rules()]
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


commands.add_command(cli_descend.command(_FIT_OPTIONS, _status))
