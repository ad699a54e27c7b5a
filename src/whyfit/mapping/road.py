"""The road of a map: source ─► Cloud ─► plane ─► trust ─► answers ─► findings ─► MapResult."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from whyfit.diagnosis.cloud import CloudCase, Metric
from whyfit.diagnosis.cloud_transforms import Transform, transformed
from whyfit.diagnosis.diagnose import diagnose
from whyfit.diagnosis.finding import SEVERITIES, Finding, Severity
from whyfit.diagnosis.registry import chosen, rules_on_clouds
from whyfit.engines.local import one_blas_thread
from whyfit.errors import SpecError
from whyfit.mapping.account import Seen, document_of
from whyfit.mapping.choices import MapSpec, with_choices
from whyfit.mapping.cloud import Cloud, read_cloud
from whyfit.mapping.plane import plane_of
from whyfit.mapping.questions import Answer, Names, near, project
from whyfit.mapping.trust import trust_in
from whyfit.report.map_document import MapDocument

__all__ = ["MapResult", "make_map", "with_choices"]


@dataclass(frozen=True)
class MapResult:
    """A map of a cloud, what to believe of it, and what is wrong with the cloud.

    Attributes
    ----------
    coordinates : where every point is drawn, (n, 2).
    labels : what the points are called.
    findings : most severe first.
    document : everything a report shows, as plain data.
    """

    seen: Seen

    @property
    def coordinates(self) -> Float[np.ndarray, "n 2"]:
        return self.seen.plane.at

    @property
    def labels(self) -> tuple[str, ...]:
        return self.seen.cloud.labels

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.seen.findings

    @property
    def worst(self) -> Severity | None:
        """The most severe severity among the findings."""
        found = {f.severity for f in self.findings}
        return next((s for s in SEVERITIES if s in found), None)

    @cached_property
    def document(self) -> MapDocument:
        return document_of(self.seen)

    def near(self, label: str | int, k: int = 10) -> list[tuple[str, float]]:
        """The k nearest others of a label, or of a row counted from 1, with their cosines (or distances)."""
        return self._told(near(self.seen.case, self._names, str(label), k))

    def project(self, expression: str, k: int = 10) -> list[tuple[str, float]]:
        """The k points nearest to an expression such as "king-man+woman"."""
        return self._told(project(self.seen.case, self._names, expression, k))

    @property
    def _names(self) -> Names:
        return Names(self.labels, self.seen.cloud.named)

    def _told(self, answer: Answer) -> list[tuple[str, float]]:
        return [
            (self.labels[f.point], abs_distance(f.similarity, self.seen.case)) for f in answer.found
        ]

    def to_dict(self) -> dict[str, Any]:
        from whyfit.report import map_json

        return map_json.to_dict(self.document)

    def to_json(self) -> bytes:
        from whyfit.report import map_json

        return map_json.to_json(self.document)

    def show(self) -> None:
        """Print the map's account to the terminal."""
        from whyfit.report import map_text, stream

        stream.write(
            map_text.render(
                self.document, stream.width(), stream.colour_wanted(), encoding=stream.encoding()
            )
        )

    def save(self, path: str | Path) -> Path:
        """Write the map as .html, .svg or .json, whole or not at all."""
        from whyfit.report import map_json, map_page, map_svg
        from whyfit.report.files import write_whole

        path = Path(path)
        match path.suffix.lower():
            case ".html":
                data = map_page.render(self.document).encode()
            case ".svg":
                data = map_svg.render(self.document).encode()
            case ".json":
                data = map_json.to_json(self.document)
            case other:
                raise SpecError(
                    f"'{other or path.name}' is no form of a map; expected a name ending in .html, .svg or .json."
                )
        write_whole(path, data)
        return path

    def __repr__(self) -> str:
        cloud, codes = self.seen.cloud, ", ".join(f"{f.code} {f.rule}" for f in self.findings)
        return (
            f"<whyfit MapResult: {cloud.name}, {cloud.n:,} points in {cloud.p:,} dimensions, "
            f"findings: {codes or 'none'}>"
        )

    def _repr_html_(self) -> str:
        from whyfit.report import map_page

        return map_page.notebook(self.document)


def abs_distance(similarity: float, case: CloudCase) -> float:
    """The cosine, or the distance where distances are what counts."""
    return similarity if case.metric == "cosine" else -similarity


def make_map(
    source: Any, spec: MapSpec, *, select: tuple[str, ...] = (), ignore: tuple[str, ...] = ()
) -> MapResult:
    """Walk the road once.

    Parameters
    ----------
    source : path of an .npy, .npz, word vector or table file; an array; a data frame.
    spec : every choice.
    select, ignore : rules by code, prefix or name; default all.

    Raises
    ------
    InputError
        The source or the choices cannot be used; the message says what to try.
    """
    rules = chosen(tuple(select), tuple(ignore), rules_on_clouds())
    start = time.perf_counter()
    cloud = read_cloud(source, spec)
    read = time.perf_counter()
    with one_blas_thread():
        cloud, case = _prepared(cloud, spec)
        names = Names(cloud.labels, cloud.named)
        asked = [
            *(("near", near(case, names, word, spec.k)) for word in spec.near),
            *(("project", project(case, names, text, spec.k)) for text in spec.project),
        ]
        plane = plane_of(case)
        trust = trust_in(case, plane)
        drawn = time.perf_counter()
        findings = diagnose(case, rules)
        end = time.perf_counter()
    timings = {"read": read - start, "map": drawn - read, "findings": end - drawn}
    return MapResult(Seen(cloud, case, spec, plane, trust, tuple(asked), findings, timings))


def _prepared(cloud: Cloud, spec: MapSpec) -> tuple[Cloud, CloudCase]:
    """The cloud after the transformation asked for, and its case."""
    metric = _metric(cloud, spec)

    def case_of(c: Cloud) -> CloudCase:
        return CloudCase(
            c.X, metric, c.labels, c.axes, c.standardised, c.kind, spec.seed, spec.confidence
        )

    case = case_of(cloud)
    if spec.transform == "none":
        return cloud, case
    if not case.dense:
        raise SpecError("a transform needs dense vectors; documents are sparse, leave it out.")
    how: Transform = spec.transform  # type: ignore[assignment]
    X = np.ascontiguousarray(transformed(case, how))
    if not X.any():
        raise SpecError(f"nothing is left of the vectors after '{how}': they do not vary.")
    axes = cloud.axes if X.shape[1] == cloud.p else tuple(f"x{j + 1}" for j in range(X.shape[1]))
    cloud = dataclasses.replace(cloud, X=X, axes=axes)
    return cloud, case_of(cloud)


def _metric(cloud: Cloud, spec: MapSpec) -> Metric:
    if spec.metric != "auto":
        return spec.metric
    return "cosine" if cloud.kind in ("vectors", "documents") else "euclidean"
