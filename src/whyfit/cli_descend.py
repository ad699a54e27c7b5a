"""The options of `whyfit descend` and what is done with them: arguments only, as in `cli.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import click

from whyfit.cli_fit import of_the_table

_LOSSES = "auto, squared, huber, quantile, poisson, gamma, logistic, hinge, multinomial or brier"

#: Beside those of the table, which are `whyfit fit`'s.
DESCEND_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--optimizer", "--optimiser", "optimizer", default="gd", metavar="NAME",
                 show_default=True, help="gd, sgd, momentum, nesterov, rmsprop, adam, adamw, "
                 "newton, bfgs, lbfgs, or all for a race."),
    click.option("--lr", type=float, metavar="η", help="Step size; default what theory recommends."),
    click.option("--momentum", type=float, metavar="β", help="Of gd and sgd; default none, of "
                 "momentum and nesterov 0.9."),
    click.option("--nesterov", is_flag=True, help="Momentum that looks ahead."),
    click.option("--beta1", type=float, default=0.9, show_default=True, help="Of adam and adamw."),
    click.option("--beta2", type=float, default=0.999, show_default=True, help="Of adam and adamw."),
    click.option("--alpha", type=float, default=0.99, show_default=True, help="Of rmsprop."),
    click.option("--decay", type=float, default=0.01, show_default=True, help="Of adamw."),
    click.option("--batch", metavar="N|full", help="Rows per step; default all, of sgd 32."),
    click.option("--epochs", type=int, metavar="N", help="Passes over the rows; default 100, and "
                 "20,000 steps at most."),
    click.option("--steps", type=int, metavar="N", help="Updates, in place of epochs."),
    click.option("--schedule", default="constant", show_default=True, metavar="NAME",
                 help="constant, step, cosine, warmup, 1/t or plateau."),
    click.option("--schedule-steps", type=int, metavar="N", help="Its time constant: length of "
                 "cosine and warmup, steps between two falls, steps to half of 1/t, patience."),
    click.option("--factor", type=float, default=0.1, show_default=True,
                 help="Of the step and plateau schedules."),
    click.option("--loss", default="auto", metavar="NAME", help=f"{_LOSSES}; default by the target."),
    click.option("--delta", type=float, help="Of huber, in units of the target."),
    click.option("--tau", type=float, default=0.5, show_default=True, help="Of quantile."),
    click.option("--start", default="zero", show_default=True, metavar="zero|random:SCALE",
                 help="Parameters to start with: normal numbers of that standard deviation."),
    click.option("--standardise", "--standardize", is_flag=True,
                 help="Descend on columns of mean 0 and variance 1."),
    click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text",
                 show_default=True),
    click.option("--no-race", is_flag=True, help="Race no other optimizers."),
)  # fmt: skip


#: Of `whyfit fit`, those that say how the table is read and what is delivered.
_SHARED = {
    "source", "target", "task", "roles", "drop", "terms", "degrees", "missing", "tokens", "log_target", "ridge",
    "reference", "max_levels", "seed", "confidence", "select", "ignore", "fail_on", "output", "html",
    "no_html", "quiet",
}  # fmt: skip


def command(
    of_fit: Iterable[Callable[[Any], Any]], status: Callable[[str | None, str], int]
) -> click.Command:
    """`whyfit descend`, with options of its own and those of `fit` about the table."""

    def descend(source: Path, **options: Any) -> int:
        """Run an optimizer on a table and say why it does or does not converge.

        SOURCE is a table, as of `whyfit fit`. The intercept is learned too; columns are taken as they are unless
        --standardise is given.
        """
        return status(*run(source, options))

    shared = [o for o in _made(of_fit, lambda: None).params if o.name in _SHARED]
    own = _made(DESCEND_OPTIONS, descend)
    own.params = [*shared, *own.params]
    return own


def _made(options: Iterable[Callable[[Any], Any]], run: Callable[..., Any]) -> click.Command:
    made: Any = run
    for option in reversed(tuple(options)):
        made = option(made)
    return click.command("descend", context_settings={"max_content_width": 100})(made)


def run(source: Path, options: dict[str, Any]) -> tuple[str | None, str]:
    """Take and deliver the descent; the worst severity found and the severity to fail on."""
    from whyfit import settings
    from whyfit.descending.choices import DescendSpec
    from whyfit.descending.road import descend
    from whyfit.report import deliver, descend_deliver
    from whyfit.spec import Spec

    configured = settings.load(Path.cwd())
    select, ignore = options["select"] or configured.select, options["ignore"] or configured.ignore
    spec = Spec(**of_the_table(options, configured.confidence))
    fields = (
        "lr", "momentum", "nesterov", "beta1", "beta2", "alpha", "decay", "epochs", "steps", "schedule_steps",
        "factor", "delta", "tau",
    )  # fmt: skip
    how = DescendSpec(
        optimizer=options["optimizer"].lower().replace("-", ""),
        batch=_batch(options["batch"]),
        schedule=options["schedule"].lower(),
        loss=options["loss"].lower(),
        start=options["start"].lower(),
        race=not options["no_race"],
        **{f: options[f] for f in fields},
    )
    result = descend(source, spec, how, select=tuple(select), ignore=tuple(ignore))
    wanted = deliver.Wanted(
        form=options["form"],
        output=options["output"],
        page=options["html"],
        default_page=None if options["no_html"] else deliver.page_beside(source, "descend"),
        findings_only=options["quiet"],
    )
    descend_deliver.deliver(result.document, wanted)
    return result.worst, options["fail_on"] or configured.fail_on


def _batch(text: str | None) -> int | Literal["full"] | None:
    """ "32" or "full"."""
    if text is None:
        return None
    if text.lower() in ("full", "all"):
        return "full"
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(
            f"'{text}' is no batch size; expected a number of rows, e.g. 32, or full.",
            param_hint="--batch",
        ) from None
