"""The options of `whyfit fit` and what is done with them: arguments only, as in `cli.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from whyfit.errors import SpecError

if TYPE_CHECKING:
    from whyfit.spec import Spec

SEVERITIES = ("error", "warning", "note")
_ROLES = (
    "numeric", "boolean", "categorical", "datetime", "text", "identifier", "constant", "skip"
)  # fmt: skip


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


def words(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> tuple[str, ...]:
    """("LA107,PR", "leak") as ("LA107", "PR", "leak")."""
    del ctx, param
    return tuple(w.strip() for v in values for w in v.split(",") if w.strip())


def _costs(
    ctx: click.Context, param: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    """ "1:5" as (1.0, 5.0)."""
    del ctx
    if text is None:
        return None
    try:
        positive, negative = map(float, text.split(":"))
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is not of the form FALSE_POSITIVE:FALSE_NEGATIVE, e.g. 1:5.", param=param
        ) from None
    return positive, negative


class _Loss(click.Choice[str]):
    """A choice that lets Spec answer for the losses of `whyfit descend`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from whyfit.spec import LOSSES_OF_CLASSES

        return (
            value if value in LOSSES_OF_CLASSES else click.Choice.convert(self, value, param, ctx)
        )


FIT_OPTIONS: tuple[Callable[[Any], Any], ...] = (
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
    click.option("--loss", type=_Loss(["auto", "squared", "poisson", "gamma", "huber"]),
                 default="auto", help="Of a regression; default squared. poisson: counts; gamma: amounts; "
                 "huber: outliers."),
    click.option("--ridge", type=float, default=0.0, metavar="λ", help="Penalty; default none."),
    click.option("--components", type=int, metavar="K",
                 help="Fit on the K leading principal components of the columns."),
    click.option("--standardise", "--standardize", is_flag=True,
                 help="Judge gradient methods on unit-variance columns; the fit is the same."),
    click.option("--robust", type=click.Choice(["HC0", "HC1", "HC2", "HC3", "cluster", "HAC"]),
                 help="Standard errors robust to unequal variances; cluster: to dependence within --groups; "
                 "HAC: between neighbours in --order."),
    click.option("--groups", metavar="COLUMN",
                 help="Hold the rows of one value of this column out together; it is no feature."),
    click.option("--order", metavar="COLUMN", help="Column that orders the rows, such as a date."),
    click.option("--blocked", is_flag=True,
                 help="Hold rows out in blocks that follow each other in --order (default: the file's)."),
    click.option("--recalibrate", type=click.Choice(["none", "platt", "temperature", "beta", "isotonic"]),
                 default="none", help="Correct predicted probabilities by out-of-fold ones."),
    click.option("--intervals", type=click.Choice(["normal", "conformal"]), default="normal",
                 show_default=True, help="Prediction intervals."),
    click.option("--costs", metavar="FP:FN", callback=_costs,
                 help="Cost of a false positive and of a false negative; sets the threshold."),
    click.option("--threshold", type=float, metavar="P",
                 help="Call a row positive from this probability on; default 1/2, or by --costs."),
    click.option("--new", type=click.Path(path_type=Path), metavar="FILE",
                 help="Rows to come: are they like the training rows? Their target may be absent."),
    click.option("--reference", multiple=True, callback=_pair, metavar="COLUMN=LEVEL",
                 help="Reference level of a category. Repeatable."),
    click.option("--max-levels", type=int, default=50, show_default=True, metavar="N",
                 help="Levels of a category that have columns; the others share one."),
    click.option("--folds", type=int, default=10, show_default=True),
    click.option("--group-copies", is_flag=True,
                 help="Hold rows with equal features out together."),
    click.option("--seed", type=int, default=0, show_default=True),
    click.option("--confidence", type=float, help="Level of all intervals; default 0.95."),
    click.option("--select", multiple=True, callback=words, metavar="RULES",
                 help="Only these rules: codes, prefixes such as LA, or slugs."),
    click.option("--ignore", multiple=True, callback=words, metavar="RULES",
                 help="All rules but these."),
    click.option("--fail-on", type=click.Choice([*SEVERITIES, "never"]),
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
    click.option("--show", multiple=True, callback=words, metavar="PANELS",
                 help="Show these parts of the report as well, by their names in it, or all."),
    click.option("--table", is_flag=True, help="Show the table of coefficients as well."),
    click.option("--quiet", "-q", is_flag=True, help="Show the findings only, and no progress."),
)  # fmt: skip


def run(source: Path, options: dict[str, Any]) -> tuple[str | None, str]:
    """Fit and deliver; the worst severity found and the severity to fail on."""
    from whyfit import settings
    from whyfit.journey import fit
    from whyfit.report import deliver, stream

    configured = settings.load(Path.cwd())
    select, ignore = options["select"] or configured.select, options["ignore"] or configured.ignore
    check_rules((*select, *ignore))
    if options["save"] and options["save"].suffix != ".whyfit":
        raise click.UsageError("--save expects a name ending in .whyfit, e.g. houses.whyfit.")
    spec = spec_of(options, configured.confidence)
    with stream.Progress(source.name, quiet=options["quiet"]) as progress:
        result = fit(
            source,
            spec,
            select=tuple(select),
            ignore=tuple(ignore),
            new=options["new"],
            progress=progress,
        )
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
        show=options["show"],
        spec_before=before if options["fix"] else None,
    )
    deliver.deliver(result.document, wanted)
    return result.worst, options["fail_on"] or configured.fail_on


def of_the_table(options: dict[str, Any], confidence: float | None) -> dict[str, Any]:
    """Fields of a Spec that say how a table is read; `confidence` is that of the settings."""
    from whyfit.spec import MISSING_TOKENS
    from whyfit.term import Term, polynomial

    powers = [t for column, d in options["degrees"].items() for t in polynomial(column, int(d))]
    level = options["confidence"] if options["confidence"] is not None else confidence
    names = (
        "target",
        "task",
        "roles",
        "drop",
        "missing",
        "reference",
        "ridge",
        "standardise",
        "max_levels",
        "seed",
    )
    return {name: options[name] for name in names} | {
        "terms": tuple(dict.fromkeys([*powers, *map(Term.of, options["terms"])])),
        "missing_tokens": (*MISSING_TOKENS, *options["tokens"]),
        "target_transform": "log" if options["log_target"] else "identity",
        "confidence": 0.95 if level is None else level,
    }


def spec_of(options: dict[str, Any], confidence: float | None) -> Spec:
    from whyfit.spec import Spec

    return Spec(
        **of_the_table(options, confidence),
        loss=options["loss"],
        components=options["components"],
        covariance=options["robust"] or "classic",
        folds=options["folds"],
        text=options["text"],
        text_features=options["text_features"],
        text_components=options["text_components"],
        image_size=_size(options["image_size"]),
        group_copies=options["group_copies"],
        groups=options["groups"],
        order=options["order"],
        blocked=options["blocked"],
        recalibrate=options["recalibrate"],
        intervals=options["intervals"],
        costs=options["costs"],
        threshold=options["threshold"],
    )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    from whyfit.data.images import size_of

    return size_of(text)


def check_rules(names: Iterable[str]) -> None:
    """Refuse a --select or --ignore that can match nothing."""
    for name in names:
        if not any(_matches(name, r) for r in rules()):
            raise SpecError(f"'{name}' is no rule, prefix or slug{nearest_rule(name)}")


def _matches(name: str, rule: dict[str, str]) -> bool:
    return rule["code"].startswith(name.upper()) or rule["slug"] == name.lower()


def rules() -> list[dict[str, str]]:
    from whyfit.diagnosis.registry import every_rule

    keys = ("code", "slug", "pillar", "severity", "summary", "page")
    made = [{k: str(getattr(r, k)) for k in keys} for r in every_rule()]
    order = ("linear algebra", "calculus", "probability")
    return sorted(made, key=lambda r: (order.index(r["pillar"]), r["code"]))


def nearest_rule(name: str) -> str:
    import difflib

    names = {n.lower(): n for r in rules() for n in (r["slug"], r["code"])}
    close = difflib.get_close_matches(name.lower(), names, 1, 0.4)
    hint = f"; did you mean '{names[close[0]]}'?" if close else "."
    return f"{hint} `whyfit rules` lists all."
