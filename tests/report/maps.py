"""Maps to draw: made by hand, so that every number in the reports is known."""

from __future__ import annotations

import math

from whyfit.diagnosis.finding import Evidence, Finding, Remedy, Trial
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

#: A name that is an element with a script, wherever it is taken for markup.
EVIL = '"><img src=x onerror=alert(1)>'
WORDS = ("king", "queen", "man", "woman", "prince", "castle", "river", "bank", "money", "tree")


def words() -> MapDocument:
    """Ten words on an oval, everything that can be shown shown."""
    drawn = tuple(
        Point(
            w, i + 1, 3 * math.cos(0.63 * i), math.sin(0.63 * i), 0.1 * i, 0.2 * i,
            (WORDS[(i + 1) % 10], WORDS[(i + 2) % 10]), "odd" if i % 2 else "even",
        )
        for i, w in enumerate(WORDS)
    )  # fmt: skip
    near = Answer(
        "near", "king", ((1.0, "king"),),
        (Neighbour("queen", 2, 0.9034), Neighbour("prince", 5, 0.8)), 3.0, 0.0,
    )  # fmt: skip
    project = Answer(
        "project", "king-man+woman", ((1.0, "king"), (-1.0, "man"), (1.0, "woman")),
        (Neighbour("queen", 2, 0.71), Neighbour("castle", 6, -0.0312)), 1.5, 0.7,
    )  # fmt: skip
    finding = Finding(
        "LA115", "dominating-direction", "linear algebra", "warning", (),
        "two points picked at random have a cosine of 0.51 (limit 0.1): the mean vector makes 50 % of the squared "
        "length of all",
        (Evidence("mean cosine of two points", 0.511, 0.1, 0.498, 0.493, 0.528, r"\\frac{a}{b}=0.498"),),
        "predicted mean cosine 0.498 from the mean vector alone; observed 0.511 over all pairs",
        Remedy("subtract the mean", {"transform": "centre"},
               Trial("size of the mean cosine", 0.511, 0.0004, 0.5106, 0.493, 0.528, True)),
        "Mu & Viswanath (2018), All-but-the-top, ICLR.",
    )  # fmt: skip
    picture = Picture(
        Score(0.063, 0.056, 0.07), Score(0.061, 0.053, 0.069), Score(0.124, 0.115, 0.133),
        Score(0.105, 0.093, 0.117),
        {"cosine": Score(0.105, 0.093, 0.117), "euclidean": Score(0.0986, 0.088, 0.109)},
        10, 0.02, 500,
    )  # fmt: skip
    return MapDocument(
        source=Source("vectors.npy", "npy", 600_128),
        spec={"labels": "words.txt", "near": ("king",), "confidence": 0.95, "transform": "none"},
        cloud="vectors",
        points=500,
        dimensions=300,
        metric="cosine",
        picture=picture,
        effective_rank=46.16,
        misplaced=(
            Misplaced("tree", 10, 2.4, -0.6, 0.0, 1.32, ("river", "castle", "bank"), -1.2, 0.4),
            Misplaced("money", 9, 0.9, -0.95, 0.1, 1.1, ("bank", "king"), -0.5, -0.8),
        ),
        answers=(near, project),
        findings=(finding,),
        treatments=(
            Treatment("none", "as it is", 0.511, 3.59, 1.0, 0.105),
            Treatment("centre", "subtract the mean", 0.0004, 1.39, 0.57, 0.13),
        ),
        drawn=drawn,
        timings={"read": 0.01, "map": 0.2, "findings": 0.1, "total": 0.31},
        colour="parity",
        notes=("a remark.",),
        python="import whyfit\n\nresult = whyfit.map('vectors.npy')",
        whyfit="0.1.0",
    )


def hostile() -> MapDocument:
    """Names that would be scripts, fields or escape sequences if anyone let them."""
    names = (
        EVIL,
        "a\nb\x1b[31m",
        "</script><script>alert(1)</script>",
        "datum.x'\"]",
        "\u202eevil",
        "ok",
    )
    drawn = tuple(
        Point(n, i + 1, float(i), float(i % 3), 0.2, 0.1, (names[0],), n, text=f"begins {n}")
        for i, n in enumerate(names)
    )
    answer = Answer(
        "near", names[0], ((1.0, names[0]),),
        (Neighbour(names[2], 3, None, 0.5, text=names[2]),), 0.0, 0.0, text=names[2],
    )  # fmt: skip
    whole = Score(1.0, 1.0, 1.0)
    return MapDocument(
        source=Source(EVIL, "csv", 10),
        spec={"text": EVIL},
        cloud="documents",
        points=6,
        dimensions=3,
        metric="euclidean",
        picture=Picture(whole, Score(0.0, 0.0, 0.0), whole, whole, {"euclidean": whole}, 5, 1.0, 6),
        effective_rank=None,
        misplaced=(Misplaced(EVIL, 1, 0.0, 0.0, 0.0, 0.5, (names[2],), 1.0, 1.0),),
        answers=(answer,),
        findings=(),
        treatments=(),
        drawn=drawn,
        timings={"total": 0.1},
        colour=EVIL,
        left_out={"text": (EVIL,)},
        notes=(EVIL,),
        whyfit="0.1.0",
    )
