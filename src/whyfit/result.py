"""Result: what `whyfit.fit` returns. Everything is worked out when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whyfit.account import document_of
from whyfit.diagnosis.case import Case
from whyfit.diagnosis.finding import SEVERITIES, Finding, Severity
from whyfit.diagnosis.held_out import USES
from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError
from whyfit.report.document import Document
from whyfit.spec import Spec, edited

if TYPE_CHECKING:
    from whyfit.models.table_model import TableModel

_ONE_LAW = {
    "loss",
    "target_transform",
}  # two ways to say what the errors are like: one remedy at a time
#: Fields that say which rows are held out together because they depend on each other.
_FOLDS = {"groups", "blocked"}
MAX_ROUNDS = 12  # rounds of fixing; each applies every remedy that helped


def remedied(spec: Spec, findings: tuple[Finding, ...]) -> Spec:
    """`spec` with the edit of every remedy that helped; the more severe finding wins a field both set.

    Remedies that change which rows are held out together are applied alone: they decide what else helps. What is done
    with probabilities waits until the fit itself needs no remedy: a better fit may not need it.
    """
    taken: set[str] = set()
    helped = [f.remedy for f in findings if f.remedy and f.remedy.trial and f.remedy.trial.helped]
    of_fit = [r for r in helped if not r.edit.keys() <= USES and edited(spec, r.edit) != spec]
    of_folds = [r for r in of_fit if r.edit.keys() & _FOLDS]
    for remedy in of_folds or of_fit or helped:
        scalar = {f for f in remedy.edit if not isinstance(getattr(spec, f), tuple | dict)}
        if scalar & _ONE_LAW:
            scalar |= _ONE_LAW
        if not scalar & taken:
            taken |= scalar
            spec = edited(spec, remedy.edit)
    return spec


@dataclass(frozen=True)
class Result:
    """A fit and its diagnosis.

    Attributes
    ----------
    findings : most severe first.
    model : predicts new tables, with intervals.
    document : everything a report shows, as plain data.
    spec : the choices that were made; `python` says the same in code.
    """

    case: Case
    findings: tuple[Finding, ...]
    timings: dict[str, float]
    again: Callable[[Spec], Result]

    @property
    def spec(self) -> Spec:
        return self.case.spec

    @property
    def worst(self) -> Severity | None:
        """The most severe severity among the findings."""
        found = {f.severity for f in self.findings}
        return next((s for s in SEVERITIES if s in found), None)

    @cached_property
    def document(self) -> Document:
        with one_blas_thread():
            return document_of(self.case, self.findings, self.timings)

    @cached_property
    def model(self) -> TableModel:
        from whyfit.models.table_model import TableModel

        return TableModel.of(self.case)

    @property
    def python(self) -> str:
        """Equivalent Python."""
        return self.document.python

    def fix(self) -> Result:
        """A new result with the remedies that measurably helped, applied until none is left."""
        result, seen = self, {repr(self.spec)}
        for _ in range(MAX_ROUNDS):
            spec = remedied(result.spec, result.findings)
            if repr(spec) in seen:
                break
            seen.add(repr(spec))
            result = result.again(spec)
        return result

    def to_dict(self) -> dict[str, Any]:
        from whyfit.report import json

        return json.to_dict(self.document)

    def to_json(self) -> bytes:
        from whyfit.report import json

        return json.to_json(self.document)

    def show(self) -> None:
        """Print the report to the terminal."""
        from whyfit.report import stream, text

        stream.write(
            text.render(
                self.document, stream.width(), stream.colour_wanted(), encoding=stream.encoding()
            )
        )

    def save(self, path: str | Path) -> Path:
        """Write the report (.html, .json) or the model (.whyfit), whole or not at all."""
        from whyfit.report.files import write_whole

        path = Path(path)
        if path.suffix == ".html":
            from whyfit.report import html

            write_whole(path, html.render(self.document).encode())
        elif path.suffix == ".json":
            write_whole(path, self.to_json())
        elif path.suffix == ".whyfit":
            from whyfit.models.file import save_model

            save_model(self.model, path)
        else:
            raise SpecError(
                f"'{path.name}' ends in '{path.suffix}'; expected .html, .json (report) or .whyfit (model)."
            )
        return path

    def _repr_html_(self) -> str:
        from whyfit.report import html

        return html.notebook(self.document)

    def __repr__(self) -> str:
        d = self.document
        codes = ", ".join(f"{f.code} {f.rule}" for f in self.findings) or "none"
        return f"<whyfit Result: {d.model.kind} of {d.model.target}, {d.rows.used:,} rows, findings: {codes}>"
