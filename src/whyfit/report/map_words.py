"""The words that the text and the page of a map share. Everything is worded from a MapDocument."""

from __future__ import annotations

from whyfit.diagnosis.words import fixed, number, percent
from whyfit.report.document import Score
from whyfit.report.map_document import Answer, MapDocument, Misplaced, Neighbour
from whyfit.report.numbers import decimals_for, seconds

#: Below these shares of true neighbours kept, beyond chance, the picture is good for less. whyfit's choice of words.
MOSTLY, SOMETIMES, HARDLY = 0.5, 0.2, 0.02
#: With more neighbours kept by chance than this there are too few points to tell.
CHANCE = 0.4
_BEGINS = 24  # characters of a document in a sentence
_NO_WIDTH = 5e-4  # per cent: narrower intervals are rounding

_DIMENSIONS = {"table": "column", "images": "pixel", "documents": "term"}


def size(document: MapDocument) -> str:
    """ "500 points × 300 dimensions"."""
    one = {"images": "image", "documents": "document"}.get(document.cloud, "point")
    other = _DIMENSIONS.get(document.cloud, "dimension")
    p = document.dimensions
    return f"{document.points:,} {one}s × {p:,} {other}{'' if p == 1 else 's'}"


def by(document: MapDocument) -> str:
    """What makes points neighbours."""
    return "by cosine" if document.metric == "cosine" else "by distance"


def elapsed(document: MapDocument) -> str:
    return seconds(document.timings.get("total", 0.0))


def share(score: Score, *, sign: str = " %") -> str:
    """ "12.4 ± 0.9 %"."""
    value = 100 * score.value
    if score.low is None or score.high is None:
        return f"{number(value, 3)}{sign}"
    half = 50 * (score.high - score.low)
    if half < _NO_WIDTH:
        return f"{number(value, 3)}{sign}"
    places = min(max(decimals_for(half, 1), 0), 3)
    return f"{fixed(value, places)} ± {fixed(half, places)}{sign}"


def headline(document: MapDocument) -> tuple[str, str]:
    """What the plane keeps, of variance and of neighbours."""
    picture = document.picture
    return (
        f"the plane keeps {share(picture.both)} of the variance",
        f"{share(picture.kept)} of the {picture.k} nearest neighbours",
    )


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    return text[:1].upper() + text[1:] + "."


def place(x: float, y: float) -> str:
    """ "(0.46, 3.60)"."""
    return f"({number(x, 3)}, {number(y, 3)})"


def level(document: MapDocument) -> str:
    return percent(float(document.spec.get("confidence", 0.95)))


def believe(document: MapDocument) -> str:
    """What the picture is good for, in a sentence or two."""
    picture, k = document.picture, document.picture.k
    if picture.both.value == 0:
        return "nothing: the points do not differ, and which of them are near says nothing"
    near, chance = k * picture.kept.value, k * picture.chance
    head = f"of {k} true neighbours {number(near, 2)} are also near in the picture (by chance {number(chance, 2)}): "
    beyond = (picture.kept.value - picture.chance) / max(1 - picture.chance, 1e-9)
    if picture.chance > CHANCE:
        head += "too few points to tell"
    elif beyond >= MOSTLY:
        head += "who stands close is close"
    elif beyond >= SOMETIMES:
        head += "see groups in it; ask --near for neighbours"
    elif beyond >= HARDLY:
        head += "see broad regions in it, not neighbours"
    else:
        head += "closeness in it says nothing"
    return head


def axes(document: MapDocument) -> str:
    """Variance along each axis, and over how many dimensions the rest is spread."""
    picture = document.picture
    parts = [
        f"axis 1 keeps {share(picture.axis_1)} of the variance, axis 2 {share(picture.axis_2)}"
    ]
    if document.effective_rank is not None:
        rank = number(document.effective_rank, 3)
        parts.append(f"the cloud spreads over {rank} dimension{'' if rank == '1' else 's'}")
    others = {m: s for m, s in picture.kept_by.items() if m != document.metric}
    for metric, score in others.items():
        name = "cosine" if metric == "cosine" else "distance"
        parts.append(f"by {name} {share(score)} of the neighbours are kept")
    return "; ".join(parts)


def axis_title(document: MapDocument, axis: int) -> str:
    """ "axis 1: 6.3 % of the variance"."""
    picture = document.picture
    score = picture.axis_1 if axis == 1 else picture.axis_2
    return f"axis {axis}: {percent(score.value)} of the variance"


def misplaced(m: Misplaced, names: int = 3) -> str:
    """ "judiciary (belongs to committee, senate, judge)"."""
    said = f" “{m.text[:_BEGINS].rstrip(' …')}…”" if m.text else ""
    return f"{m.label}{said} (belongs to {', '.join(m.neighbours[:names])})"


def expression(answer: Answer) -> str:
    """ "king − man + woman"."""
    out = ""
    for i, (sign, label) in enumerate(answer.terms):
        mark = "− " if sign < 0 else "" if i == 0 else "+ "
        out += f"{' ' if i else ''}{mark}{label}"
    return out


def nearness(neighbour: Neighbour) -> str:
    """The cosine with three decimals, or the distance."""
    if neighbour.similarity is not None:
        return fixed(neighbour.similarity, 3)
    return number(neighbour.distance, 4)


def left_out(document: MapDocument) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Columns that are no coordinates, by reason; those the user named are not news."""
    silent = {"labels", "colour", "dropped"}
    return tuple((why, names) for why, names in document.left_out.items() if why not in silent)
