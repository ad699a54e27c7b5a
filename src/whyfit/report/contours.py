"""Lines of equal height over a grid: marching squares, straight within a cell.

In every cell whose corners lie on both sides of a level the line runs between the two edges it crosses; where it
crosses all four (a saddle) the mean of the corners decides which pair belongs together.

Reference: Lorensen & Cline (1987), SIGGRAPH Computer Graphics 21(4), in two dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

Segment = tuple[float, float, float, float]  # x, y, x2, y2


def contour(
    xs: Sequence[float], ys: Sequence[float], height: Sequence[Sequence[float]], level: float
) -> Iterator[Segment]:
    """Segments along which the grid `height[i][j]` at (xs[i], ys[j]) is `level`.

    Cells with a corner that is not finite are left out.
    """
    for i in range(len(xs) - 1):
        for j in range(len(ys) - 1):
            corners = (height[i][j], height[i + 1][j], height[i + 1][j + 1], height[i][j + 1])
            if all(map(math.isfinite, corners)):
                yield from _cell(xs[i], xs[i + 1], ys[j], ys[j + 1], corners, level)


def _cell(
    x0: float, x1: float, y0: float, y1: float, corners: tuple[float, ...], level: float
) -> Iterator[Segment]:
    places = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    crossed = []
    for k in range(4):
        a, b = corners[k], corners[(k + 1) % 4]
        if (a < level) != (b < level):
            t = (level - a) / (b - a)
            (ax, ay), (bx, by) = places[k], places[(k + 1) % 4]
            crossed.append((ax + t * (bx - ax), ay + t * (by - ay)))
    if len(crossed) == 2:
        yield (*crossed[0], *crossed[1])
    elif len(crossed) == 4:
        same = (sum(corners) / 4 < level) == (corners[0] < level)
        pairs = ((0, 1), (2, 3)) if same else ((3, 0), (1, 2))
        for a, b in pairs:
            yield (*crossed[a], *crossed[b])
