"""The options of `whyfit map` and what is done with them: arguments only, as in `cli.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from whyfit.cli_fit import words

MAP_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("source", type=click.Path(path_type=Path)),
    click.option("--labels", type=click.Path(path_type=Path), metavar="FILE",
                 help="A label per line, one for each vector."),
    click.option("--label", metavar="COLUMN", help="Column that holds the labels."),
    click.option("--colour", "--color", "--target", "colour", metavar="COLUMN",
                 help="Column to colour the points by; it is no coordinate."),
    click.option("--text", metavar="COLUMN", help="Map the documents in this column."),
    click.option("--image-size", metavar="WxH", help="Make the pictures of a folder that size."),
    click.option("--drop", multiple=True, metavar="COLUMN", help="Leave a column out. Repeatable."),
    click.option("--near", multiple=True, metavar="LABEL",
                 help="Nearest neighbours of a label, or of a row counted from 1. Repeatable."),
    click.option("--project", multiple=True, metavar="EXPRESSION",
                 help="Nearest to a sum such as \"king-man+woman\". Repeatable."),
    click.option("--neighbours", "k", type=int, default=10, show_default=True,
                 help="Neighbours listed per question."),
    click.option("--metric", type=click.Choice(["auto", "cosine", "euclidean"]), default="auto",
                 help="Default: cosine for vectors and documents, Euclidean for tables and images."),
    click.option("--transform", default="none", help="Change the vectors first.",
                 type=click.Choice(["none", "centre", "all-but-the-top", "whiten", "unit"])),
    click.option("--seed", type=int, default=0, show_default=True),
    click.option("--confidence", type=float, help="Level of all intervals; default 0.95."),
    click.option("--select", multiple=True, callback=words, metavar="RULES",
                 help="Only these rules: codes, prefixes such as LA, or slugs."),
    click.option("--ignore", multiple=True, callback=words, metavar="RULES",
                 help="All rules but these."),
    click.option("--fail-on", type=click.Choice(["error", "warning", "note", "never"]),
                 help="Exit with 1 on findings at or above this severity; default never."),
    click.option("--format", "form", type=click.Choice(["text", "json", "html"]),
                 default="text", show_default=True),
    click.option("--output", "-o", type=click.Path(path_type=Path),
                 help="Write there, not to stdout."),
    click.option("--html", type=click.Path(path_type=Path), help="Where to write the HTML page."),
    click.option("--no-html", is_flag=True, help="Write no HTML page beside the text."),
    click.option("--svg", type=click.Path(path_type=Path), help="Write the picture as SVG, too."),
    click.option("--quiet", "-q", is_flag=True, help="Show answers and findings only."),
)  # fmt: skip


def run(source: Path, options: dict[str, Any]) -> tuple[str | None, str]:
    """Make and deliver the map; the worst severity found and the severity to fail on."""
    from whyfit import settings
    from whyfit.mapping.choices import MapSpec
    from whyfit.mapping.road import make_map
    from whyfit.report import deliver, map_deliver

    configured = settings.load(Path.cwd())
    select, ignore = options["select"] or configured.select, options["ignore"] or configured.ignore
    level = options["confidence"] if options["confidence"] is not None else configured.confidence
    fields = (
        "labels", "label", "colour", "text", "image_size", "drop", "near", "project", "metric", "transform",
        "k", "seed",
    )  # fmt: skip
    spec = MapSpec(**{f: options[f] for f in fields}, confidence=0.95 if level is None else level)
    result = make_map(source, spec, select=tuple(select), ignore=tuple(ignore))
    wanted = deliver.Wanted(
        form=options["form"],
        output=options["output"],
        page=options["html"],
        default_page=None if options["no_html"] else deliver.page_beside(source, "map"),
        findings_only=options["quiet"],
    )
    map_deliver.deliver(result.document, wanted, options["svg"])
    return result.worst, options["fail_on"] or configured.fail_on
