"""Images as rows of numbers: one column for every pixel and channel.

An array (n, h, w) or (n, h, w, c) becomes n rows of h·w·c columns "pixel 3,4" (row and column, from 1) or
"pixel 3,4 red". A folder holds one image per file, and its subfolders are the classes. All images have one size,
unless they are to be made smaller; a picture is averaged then, not sampled.

Pictures are decoded by Pillow, which is not installed by default: `pip install whyfit[images]`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num

from whyfit.data.layout import MOST_COLUMNS
from whyfit.data.limits import memory_left
from whyfit.errors import ShapeError, SourceError, SpecError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_CHANNELS = {1: ("",), 2: ("grey", "alpha"), 3: ("red", "green", "blue")}
_CHANNELS[4] = (*_CHANNELS[3], "alpha")
#: A side longer than this is no picture to fit pixels of, and may be a bomb.
_LONGEST = 20_000

#: Images averaged at a time.
_TOGETHER = 256
_PIXEL = re.compile(r"(?:.* )?pixel (\d+),(\d+)(?: |$)")

Size = tuple[int, int]  # width and height


def pixel_names(shape: Sequence[int]) -> tuple[str, ...]:
    """Names of the h·w·c numbers of an image of shape (h, w) or (h, w, c), in the order they are stored."""
    h, w = shape[:2]
    c = shape[2] if len(shape) > 2 else 1
    channels = _CHANNELS.get(c) or tuple(f"channel {k + 1}" for k in range(c))
    return tuple(
        f"pixel {i + 1},{j + 1} {channel}".rstrip()
        for i in range(h)
        for j in range(w)
        for channel in channels
    )


def flat(images: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Images (n, h, w[, c]) as (n, h·w·c), and the names of the columns.

    ShapeError for another number of dimensions, or for more columns than a design may have.
    """
    if images.ndim not in (3, 4):
        raise ShapeError(
            f"the images have shape {images.shape}; expected (n, height, width) or (n, height, width, "
            "channels)."
        )
    check_pixels(images.shape[1:])
    return images.reshape(len(images), -1), pixel_names(images.shape[1:])


def resized(images: np.ndarray, size: Size | None) -> np.ndarray:
    """Images (n, h, w[, c]) with sides of `size`: every new pixel is the mean of the area it covers (float32).

    None, or their own size, leaves them as they are.
    """
    if size is None or (images.shape[2], images.shape[1]) == size:
        return images
    if images.ndim == 3:
        return resized(images[..., None], size)[..., 0]
    n, h, w, c = images.shape
    down, across = _areas(h, size[1]), _areas(w, size[0])
    out = np.empty((n, size[1], size[0], c), np.float32)
    for start in range(0, n, _TOGETHER):
        part = np.asarray(images[start : start + _TOGETHER], np.float32)
        narrow = np.tensordot(part, across, axes=(2, 1))  # (m, h, c, w')
        out[start : start + _TOGETHER] = np.tensordot(narrow, down, axes=(1, 1)).transpose(
            0, 3, 2, 1
        )
    return out


def _areas(old: int, new: int) -> np.ndarray:
    """(new, old) weights: the share of new pixel i that old pixel j covers; rows sum to 1."""
    edge = np.arange(new + 1) * (old / new)
    low = np.maximum(edge[:-1, None], np.arange(old))
    high = np.minimum(edge[1:, None], np.arange(1, old + 1))
    return (np.maximum(high - low, 0.0) * (new / old)).astype(np.float32)


def size_in(names: Iterable[str]) -> Size | None:
    """Width and height of the images whose columns are among `names`; None if there are none."""
    places = [found for name in names if (found := _PIXEL.match(name))]
    if not places:
        return None
    return max(int(f[2]) for f in places), max(int(f[1]) for f in places)


def check_pixels(shape: Sequence[int]) -> None:
    """ShapeError if images of this shape have more numbers than a design may have columns."""
    numbers = int(np.prod(shape))
    if numbers > MOST_COLUMNS:
        channels = shape[2] if len(shape) > 2 else 1
        side = int((MOST_COLUMNS / channels) ** 0.5)
        size = " × ".join(map(str, shape))
        raise ShapeError(
            f"images of {size} have {numbers:,} numbers each, more than the {MOST_COLUMNS:,} columns a "
            f"design may have; make them smaller (--image-size {min(side, 32)}x{min(side, 32)})."
        )


def size_of(text: str) -> Size:
    """ "28x28" as (width, height); SpecError for anything else."""
    parts = text.lower().replace("×", "x").split("x")
    if len(parts) == 2 and all(p.strip().isdecimal() and int(p) > 0 for p in parts):
        return int(parts[0]), int(parts[1])
    raise SpecError(f"the image size is '{text}'; expected width x height, e.g. 28x28.")


def image_files(folder: Path) -> list[tuple[Path, str]]:
    """The pictures in a folder by name, each with its class: the subfolder it is in, "" without one.

    SourceError if there are none. Hidden files and folders are left out.
    """
    found: list[tuple[Path, str]] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        inside = Path(place).relative_to(folder)
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                found.append((Path(place) / name, inside.parts[0] if inside.parts else ""))
    if not found:
        raise SourceError(
            f"'{folder}' is a folder without images; expected {', '.join(SUFFIXES[:3])} files, in a "
            "subfolder for each class, or one table file."
        )
    return found


def read_images(files: Sequence[Path], size: Size | None = None) -> Num[np.ndarray, "n h w c"]:
    """The pictures in `files`, of one size: theirs, or `size` (width, height), to which they are averaged.

    All are grey (c = 1) or, if one is coloured, all red, green and blue; transparency is left out.
    Raises SourceError, naming the file, for one that cannot be read or has another size than the first.
    """
    try:
        from PIL import Image
    except ImportError:
        raise SourceError(
            "images are read by Pillow, which is not installed; try pip install 'whyfit[images]'."
        ) from None
    first, grey = _looked_at(Image, files, size)
    width, height = size or first
    channels = 1 if grey else 3
    check_pixels((height, width, channels))
    needed = len(files) * height * width * channels * (4 if size else 1)
    if needed > memory_left():
        raise SourceError(
            f"{len(files):,} images of {width} × {height} need {needed >> 20:,} MB; make them smaller "
            "(--image-size)."
        )
    out = np.empty((len(files), height, width, channels), np.float32 if size else np.uint8)
    for i, path in enumerate(files):
        with _opened(Image, path) as picture:
            try:
                own = np.asarray(_plain(Image, picture, grey))
                out[i] = resized(own.reshape(1, *own.shape[:2], channels), size)[0]
            except (OSError, SyntaxError, ValueError, EOFError) as error:
                raise _damaged(path, error) from None
    return out


def _looked_at(Image: Any, files: Sequence[Path], size: Size | None) -> tuple[Size, bool]:
    """Size of all pictures, and whether all are grey, from their headers alone."""
    first: Size = (0, 0)
    grey = True
    for i, path in enumerate(files):
        with _opened(Image, path) as picture:
            if max(picture.size) > _LONGEST:
                raise SourceError(
                    f"'{path}' is {picture.size[0]:,} × {picture.size[1]:,} pixels, more than "
                    f"{_LONGEST:,} a side; leave it out or make it smaller."
                )
            grey = grey and picture.mode in ("1", "L", "LA", "I", "I;16", "F")
            first = picture.size if i == 0 else first
            if size is None and picture.size != first:
                raise SourceError(
                    f"'{path}' is {picture.size[0]} × {picture.size[1]}, the first image is "
                    f"{first[0]} × {first[1]}; make all one size (--image-size 32x32)."
                )
    return first, grey


def _opened(Image: Any, path: Path) -> Any:
    try:
        return Image.open(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _damaged(path, error) from None


def _plain(Image: Any, picture: Any, grey: bool) -> Any:
    """8 bits a channel; of 16-bit greys the upper 8."""
    if grey and picture.mode in ("I", "I;16", "F"):
        a = np.asarray(picture).astype(np.float64)
        deep = picture.mode != "F" and a.max(initial=0.0) > 255
        return Image.fromarray(np.clip(a / 257 if deep else a, 0, 255).astype(np.uint8))
    return picture.convert("L" if grey else "RGB")


def _damaged(path: Path, error: Exception) -> SourceError:
    reason = " ".join(str(error).split()).replace(f"'{path}'", "").strip()[:100]
    return SourceError(f"'{path}' is no image Pillow can read ({reason}); mend or remove it.")
