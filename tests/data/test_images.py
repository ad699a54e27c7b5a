"""Images as tables: arrays, archives, folders of pictures, and what is refused."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from whyfit.data import images
from whyfit.data.design import Design
from whyfit.data.table import read_table
from whyfit.errors import InputError, ShapeError, SourceError, SpecError, TargetError
from whyfit.spec import Spec

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (40, 3, 4), dtype=np.uint8)
COLOURED = RNG.integers(0, 256, (40, 2, 2, 3), dtype=np.uint8)
NUMBERS = RNG.normal(size=40)
CLASSES = np.arange(40, dtype=np.uint8) % 3


def matrix(source, spec: Spec) -> tuple[np.ndarray, tuple[str, ...], Design]:
    with read_table(source, spec) as table:
        design = Design.of(table, spec)
        X = np.vstack([design.matrix(block) for block in table.blocks()])
    return X, design.names, design


def test_grey_images_are_a_column_a_pixel():
    X, names, _ = matrix((GREY, NUMBERS), Spec(target="y"))
    assert names[:5] == ("pixel 1,1", "pixel 1,2", "pixel 1,3", "pixel 1,4", "pixel 2,1")
    np.testing.assert_array_equal(X, GREY.reshape(40, 12))


def test_channels_are_named():
    X, names, _ = matrix((COLOURED / 255, NUMBERS), Spec(target="y"))
    assert names[:4] == ("pixel 1,1 red", "pixel 1,1 green", "pixel 1,1 blue", "pixel 1,2 red")
    np.testing.assert_array_equal(X, (COLOURED / 255).reshape(40, 12))
    assert images.pixel_names((1, 1, 4))[-1] == "pixel 1,1 alpha"
    assert images.pixel_names((1, 1, 5))[-1] == "pixel 1,1 channel 5"


def test_an_archive_takes_the_arrays_that_fit_the_target(tmp_path: Path):
    path = tmp_path / "set.npz"
    np.savez(path, x=GREY, y=CLASSES, x_test=GREY[:7], y_test=CLASSES[:7], scale=np.float64(2))
    X, names, design = matrix(path, Spec(target="y"))
    assert names[0] == "pixel 1,1"
    np.testing.assert_array_equal(X, GREY.reshape(40, 12))
    assert (design.task, design.classes) == ("multiclass", ("0", "1", "2"))
    with read_table(path, Spec(target="y")) as table:
        assert table.details["arrays left out"] == "x_test, y_test"
    new = tmp_path / "new.npz"
    np.savez(new, x=GREY[:5])
    (made,) = design.read_new(new)
    np.testing.assert_array_equal(made[1], X[:5])
    (made,) = design.read_new(GREY[:5])
    np.testing.assert_array_equal(made[1], X[:5])


def test_several_matrices_say_where_a_column_is_from(tmp_path: Path):
    path = tmp_path / "set.npz"
    np.savez(
        path,
        a=RNG.normal(size=(40, 2)),
        b=RNG.normal(size=(40, 1)),
        word=["é", "x"] * 20,
        y=NUMBERS,
    )
    _, names, _ = matrix(path, Spec(target="y"))
    assert names == ("a x1", "a x2", "b x1", "word=é") or names == (
        "a x1",
        "a x2",
        "b x1",
        "word=x",
    )


def test_a_matrix_alone_has_its_columns_as_targets(tmp_path: Path):
    path = tmp_path / "m.npy"
    np.save(path, RNG.normal(size=(40, 3)).astype(">f4"))
    assert matrix(path, Spec(target="x2"))[1] == ("x1", "x3")
    with pytest.raises(TargetError, match="no column 'y'; columns: x1, x2, x3"):
        read_table(path, Spec(target="y"))


def test_areas_are_averaged():
    big = RNG.normal(size=(5, 6, 4))
    small = images.resized(big, (2, 3))
    np.testing.assert_allclose(
        small, big.reshape(5, 3, 2, 2, 2).mean(axis=(2, 4)), rtol=0, atol=1e-6
    )
    odd = images.resized(big, (3, 5))  # no whole number of pixels: the mean of all stays
    np.testing.assert_allclose(odd.mean(axis=(1, 2)), big.mean(axis=(1, 2)), rtol=0, atol=1e-6)
    assert images.resized(big, (4, 6)) is big


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, pixels in enumerate(GREY):
        place = tmp_path / "pictures" / ("cats" if i % 2 else "dogs")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(place / f"{i:02}.png")
    return tmp_path / "pictures"


def test_a_folder_has_a_class_for_each_subfolder(folder: Path):
    (folder / ".hidden").mkdir()
    (folder / "notes.txt").write_text("no picture")
    X, names, design = matrix(folder, Spec(target="animal"))
    assert design.classes == ("cats", "dogs")
    assert len(names) == 12
    np.testing.assert_array_equal(X, np.vstack([GREY[1::2], GREY[::2]]).reshape(40, 12))
    (made,) = design.read_new(folder / "dogs")
    np.testing.assert_array_equal(made[1], GREY[::2].reshape(20, 12))


def test_new_pictures_are_brought_to_the_size_that_was_fitted(folder: Path):
    X, names, design = matrix(folder, Spec(target="animal", image_size=(2, 1)))
    assert names == ("pixel 1,1", "pixel 1,2")
    again = Design.from_dict(design.to_dict())
    np.testing.assert_allclose(np.vstack([x for _, x in again.read_new(folder)]), X, atol=1e-6)


def test_modes_become_grey_or_colour(folder: Path):
    first = folder / "cats" / "01.png"
    Image.fromarray(COLOURED[0].repeat(2, 1)[:, :4].repeat(2, 0)[:3]).convert("P").save(first)
    files = [f for f, _ in images.image_files(folder)]
    made = images.read_images(files)
    assert made.shape == (40, 3, 4, 3)
    np.testing.assert_array_equal(made[1], np.repeat(GREY[3][:, :, None], 3, axis=2))
    deep = folder / "cats" / "deep.png"
    Image.fromarray(GREY[0].astype(np.uint16) * 257).save(deep)
    np.testing.assert_array_equal(images.read_images([deep])[0, :, :, 0], GREY[0])


def test_what_a_folder_is_refused_for(folder: Path, tmp_path: Path, monkeypatch):
    spec = Spec(target="animal")
    odd = folder / "cats" / "99.png"
    Image.fromarray(GREY[0].T).save(odd)
    with pytest.raises(SourceError, match=r"99.png' is 3 × 4, the first image is 4 × 3; make all"):
        read_table(folder, spec)
    odd.write_bytes((folder / "cats" / "01.png").read_bytes()[:-30])
    with pytest.raises(SourceError, match=r"99.png' is no image Pillow can read"):
        read_table(folder, spec)
    odd.write_bytes(b"not a picture")
    with pytest.raises(SourceError, match=r"99.png' is no image Pillow can read"):
        read_table(folder, spec)
    odd.unlink()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="is a folder without images"):
        read_table(tmp_path / "empty", spec)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(SourceError, match=r"not installed; try pip install 'whyfit\[images\]'"):
        read_table(folder, spec)


def test_images_of_too_many_pixels():
    with pytest.raises(
        ShapeError, match=r"images of 70 × 80 have 5,600 numbers each.*--image-size"
    ):
        read_table((np.zeros((5, 70, 80)), NUMBERS[:5]), Spec())
    with pytest.raises(ShapeError, match="shape"):
        images.flat(np.zeros((2, 2)))


@pytest.mark.parametrize("text", ["28", "28x", "ax3", "0x3", "3x-1", "1x2x3"])
def test_image_sizes(text: str):
    assert images.size_of("28x14") == (28, 14)
    assert images.size_of("28 × 14") == (28, 14)
    with pytest.raises(SpecError, match="expected width x height"):
        images.size_of(text)


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def lying(data: bytes) -> bytes:
    """A header that promises a million times as much."""
    return data.replace(b"(40, 3, 4)", b"(40000000000, 3, 4)"[:19]).replace(b"          ", b" ", 1)


@pytest.mark.parametrize("spoil", [cut, lying, lambda data: data[:20], lambda data: data[:7]])
def test_damaged_arrays_are_refused_in_one_line(tmp_path: Path, spoil):
    buffer = io.BytesIO()
    np.save(buffer, GREY)
    for name, data in (("a.npy", spoil(buffer.getvalue())), ("a.npz", None)):
        path = tmp_path / name
        if data is None:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("x.npy", spoil(buffer.getvalue()))
        else:
            path.write_bytes(data)
        with pytest.raises(InputError) as caught:
            read_table(path, Spec(target="y"))
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


def test_a_cut_archive_and_python_objects(tmp_path: Path):
    path = tmp_path / "a.npz"
    np.savez(path, x=GREY, y=CLASSES)
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(SourceError, match=r"a.npz is a truncated or damaged NumPy file"):
        read_table(path, Spec(target="y"))
    np.savez(path, x=GREY, y=np.array([{"a": 1}] * 40, object))
    with pytest.raises(SourceError, match=r"'y' in a.npz holds Python objects"):
        read_table(path, Spec(target="y"))
