"""From a Case and its findings to the Document that reports are drawn from."""

from __future__ import annotations

import dataclasses

from whyfit import __version__
from whyfit.account.figures import figures_of
from whyfit.account.model import model_of
from whyfit.account.notes import notes_of
from whyfit.account.panels import panels_of
from whyfit.account.scores import scores_of
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import Finding
from whyfit.report.document import Document, Feature, Rows, Source
from whyfit.spec import Spec


def document_of(case: Case, findings: tuple[Finding, ...], timings: dict[str, float]) -> Document:
    """Everything a report shows, as plain data."""
    table, schema = case.table, case.schema
    features = tuple(
        Feature(
            name, kind, tuple(columns),
            schema[name].n_missing, schema[name].n_unreadable, reason,
        )
        for name, kind, columns, reason in case.design.features
    )  # fmt: skip
    rows = Rows(table.n, case.n, {k: v for k, v in case.design.dropped.items() if v})
    timings = {k: float(v) for k, v in timings.items()}
    return Document(
        Source(table.name, table.format, table.bytes, dict(table.details)),
        dataclasses.asdict(case.spec),
        case.task,
        rows,
        features,
        model_of(case),
        scores_of(case),
        findings,
        timings | {"total": sum(timings.values())},
        whyfit=__version__,
        notes=notes_of(case),
        python=python_of(case.spec, table.name if table.bytes is not None else None),
        figures=figures_of(case),
        panels=panels_of(case),
    )


def python_of(spec: Spec, source: str | None) -> str:
    """Python that makes the same journey."""
    chosen = [
        f"    {f.name}={getattr(spec, f.name)!r},"
        for f in dataclasses.fields(Spec)
        if f.name != "target" and getattr(spec, f.name) != getattr(Spec(), f.name)
    ]
    terms = ", Term" if spec.terms else ""
    where = repr(source) if source else "data"
    lines = ["import whyfit", f"from whyfit.spec import Spec{terms}", ""]
    if chosen:
        lines += ["spec = Spec(", f"    target={spec.target!r},", *chosen, ")"]
    else:
        lines += [f"spec = Spec(target={spec.target!r})"]
    return "\n".join([*lines, f"result = whyfit.fit({where}, spec=spec)"])
