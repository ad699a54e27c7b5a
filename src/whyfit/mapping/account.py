"""From a cloud and what was found in it to the MapDocument that reports are drawn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from whyfit import __version__
from whyfit.diagnosis.cloud import CloudCase
from whyfit.diagnosis.cloud_transforms import words
from whyfit.diagnosis.cloud_trials import attempted
from whyfit.diagnosis.finding import Finding
from whyfit.linalg.rank import effective_rank
from whyfit.mapping.choices import MapSpec
from whyfit.mapping.cloud import MOST_WORDS, Cloud, Colour
from whyfit.mapping.plane import Plane
from whyfit.mapping.plane import Share as PlaneShare
from whyfit.mapping.questions import Answer as Answered
from whyfit.mapping.questions import place_of
from whyfit.mapping.trust import Kept, Trust
from whyfit.report.document import Score, Source
from whyfit.report.map_document import (
    Answer,
    MapDocument,
    Misplaced,
    Neighbour,
    Picture,
    Point,
    Treatment,
)

SHOWN_NEIGHBOURS = 5  # per point of the picture
_OTHER = "(other)"
_BEGINNING = 90  # characters of a document that stand for it


@dataclasses.dataclass(frozen=True)
class Seen:
    """All that was worked out about one cloud."""

    cloud: Cloud
    case: CloudCase
    spec: MapSpec
    plane: Plane
    trust: Trust
    answers: tuple[tuple[str, Answered], ...]
    findings: tuple[Finding, ...]
    timings: dict[str, float]


def document_of(seen: Seen) -> MapDocument:
    """Everything a map shows, as plain data."""
    cloud, case, spec = seen.cloud, seen.case, seen.spec
    timings = {k: float(v) for k, v in seen.timings.items()}
    return MapDocument(
        source=Source(cloud.name, cloud.format, cloud.size),
        spec=_plain_spec(spec),
        cloud=cloud.kind,
        points=cloud.n,
        dimensions=cloud.p,
        metric=case.metric,
        picture=_picture(seen),
        effective_rank=_participation(case),
        misplaced=_misplaced(seen),
        answers=tuple(_answer(seen, kind, a) for kind, a in seen.answers),
        findings=seen.findings,
        treatments=_treatments(case),
        drawn=_drawn(seen),
        timings=timings | {"total": sum(timings.values())},
        colour=cloud.colour.name if cloud.colour else "",
        left_out=dict(cloud.left_out),
        notes=(*cloud.notes, *_notes(seen)),
        python=python_of(spec, cloud),
        whyfit=__version__,
    )


def _score(share: PlaneShare | Kept) -> Score:
    return Score(share.value, share.low, share.high)


def _picture(seen: Seen) -> Picture:
    trust = seen.trust
    measured = [trust.kept, *([trust.also] if trust.also else [])]
    first, second, both = map(_score, seen.plane.shares)
    return Picture(
        first, second, both, _score(trust.kept), {m.metric: _score(m) for m in measured},
        trust.k, trust.chance, trust.measured,
    )  # fmt: skip


def _participation(case: CloudCase) -> float | None:
    if not case.dense:
        return None
    return effective_rank(case.spectrum.variances).participation or None


def beginning(text: str) -> str:
    """The first words of a document, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= _BEGINNING else line[: _BEGINNING - 1].rstrip() + "…"


def _text(cloud: Cloud, i: int) -> str:
    return beginning(cloud.texts[i]) if cloud.texts else ""


def _misplaced(seen: Seen) -> tuple[Misplaced, ...]:
    trust, plane, labels = seen.trust, seen.plane, seen.cloud.labels
    out = []
    for w in trust.worst():
        i = int(trust.points[w])
        x, y = plane.at[i]
        around = plane.at[trust.true[w]].mean(axis=0)
        out.append(Misplaced(
            labels[i], i + 1, float(x), float(y), float(trust.each[w]), float(trust.away[w]),
            tuple(labels[j] for j in trust.true[w][:SHOWN_NEIGHBOURS]), *map(float, around), text=_text(seen.cloud, i),
        ))  # fmt: skip
    return tuple(out)


def _answer(seen: Seen, kind: str, answer: Answered) -> Answer:
    cloud, labels = seen.cloud, seen.cloud.labels
    cosine = seen.case.metric == "cosine"
    found = tuple(
        Neighbour(
            labels[f.point], f.point + 1, f.similarity if cosine else None,
            None if cosine else -f.similarity, _text(cloud, f.point),
        )
        for f in answer.found
    )  # fmt: skip
    first = answer.terms[0][1]
    return Answer(
        kind,
        answer.asked,
        tuple((sign, labels[i]) for sign, i in answer.terms),
        found,
        *seen.plane.place(place_of(answer.vector)),
        text=_text(cloud, first) if len(answer.terms) == 1 else "",
    )


def _treatments(case: CloudCase) -> tuple[Treatment, ...]:
    """What the rules tried, if more was tried than the cloud as it is."""
    tried = attempted(case)
    if len(tried) < 2:
        return ()
    return tuple(
        Treatment(
            t.how,
            words(t.how, case.p),
            t.mean_cosine.value,
            t.hubness.skewness,
            t.unchanged,
            t.kept,
        )
        for t in tried
    )


def _drawn(seen: Seen) -> tuple[Point, ...]:
    """The measured points and those that were asked about or found."""
    trust, plane, cloud = seen.trust, seen.plane, seen.cloud
    shades = _shades(cloud.colour)
    named = cloud.labels
    out = []
    for position, point in enumerate(trust.points):
        i = int(point)
        out.append(Point(
            named[i], i + 1, float(plane.at[i, 0]), float(plane.at[i, 1]),
            float(trust.each[position]), float(trust.away[position]),
            tuple(named[j] for j in trust.true[position][:SHOWN_NEIGHBOURS]),
            None if shades is None else shades[i], _text(cloud, i),
        ))  # fmt: skip
    there = set(trust.points.tolist())
    asked = dict.fromkeys(
        i for _, a in seen.answers for i in (*(t for _, t in a.terms), *(f.point for f in a.found))
    )
    for i in asked:
        if i not in there:
            x, y = map(float, plane.at[i])
            colour = None if shades is None else shades[i]
            out.append(Point(named[i], i + 1, x, y, colour=colour, text=_text(cloud, i)))
    return tuple(out)


def _shades(colour: Colour | None) -> list[Any] | None:
    """A word or a number per point; words beyond the most frequent are merged."""
    if colour is None:
        return None
    if colour.numbers is not None:
        return [None if np.isnan(v) else float(v) for v in colour.numbers]
    return merged(colour.words)


def merged(words: Iterable[str]) -> list[str]:
    """Words, all but the MOST_WORDS − 1 most frequent called "(other)" if there are more than MOST_WORDS."""
    from collections import Counter

    all_words = [w or "(missing)" for w in words]
    counts = Counter(all_words)
    if len(counts) <= MOST_WORDS:
        return all_words
    kept = {w for w, _ in counts.most_common(MOST_WORDS - 1)}
    return [w if w in kept else _OTHER for w in all_words]


def _notes(seen: Seen) -> tuple[str, ...]:
    notes = []
    n, measured = seen.cloud.n, seen.trust.points.size
    if (same := n - seen.case.distinct.size) > 0:
        copies = "copy" if same == 1 else "copies"
        notes.append(
            f"{same:,} {copies} of other points: neighbours are sought among different points."
        )
    if measured < n:
        notes.append(
            f"{measured:,} of {n:,} points, chosen at random, were measured and drawn; their neighbours were sought "
            "among all."
        )
    if seen.case.sampled.size < seen.case.distinct.size and any(
        f.code == "LA116" for f in seen.findings
    ):
        notes.append(f"hubs were counted among {seen.case.sampled.size:,} points chosen at random.")
    return tuple(notes)


def _plain_spec(spec: MapSpec) -> dict[str, Any]:
    plain = dataclasses.asdict(spec)
    if isinstance(spec.labels, Path):
        plain["labels"] = spec.labels.name
    elif spec.labels is not None:
        plain["labels"] = "given"
    return plain


def python_of(spec: MapSpec, cloud: Cloud) -> str:
    """Python that makes the same map."""
    source = repr(cloud.name) if cloud.size is not None else "data"
    parts = [source]
    for f in dataclasses.fields(MapSpec):
        value = getattr(spec, f.name)
        if value == f.default:
            continue
        if f.name == "labels":
            value = spec.labels.name if isinstance(spec.labels, Path) else ...
        shown = (
            "labels" if value is ... else repr(list(value) if isinstance(value, tuple) else value)
        )
        parts.append(f"{f.name}={shown}")
    return f"import whyfit\n\nresult = whyfit.map({', '.join(parts)})"
