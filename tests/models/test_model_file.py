"""`.whyfit` files: damaged, forged or foreign ones are refused in one line, at little cost."""

import contextlib
import copy
import hashlib
import os
import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whyfit.errors import InputError, ModelFileError
from whyfit.models import TableModel, load_model, save_model
from whyfit.models import file as model_file
from whyfit.models.parts import from_parts, to_parts

once = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def sealed(models) -> bytes:
    return model_file.encode("TableModel", *to_parts(models["price"]))


def opened(data: bytes):
    """What `load_model` makes of these bytes."""
    header, arrays = model_file.decode(data, "m.whyfit")
    return from_parts(header.fields, arrays, "m.whyfit")


def refused(data: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        opened(data)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("m.whyfit ")
    return str(caught.value)


def resealed(header: bytes, payload: bytes, version: int = model_file.VERSION) -> bytes:
    """A file with a checksum that fits whatever is in it."""
    prelude = model_file._PRELUDE.pack(model_file.MAGIC, version, len(header), len(payload))
    digest = hashlib.sha256(prelude + header + payload).digest()
    return prelude + digest + header + payload


def taken_apart(data: bytes) -> tuple[dict, bytes]:
    size = model_file._PRELUDE.unpack_from(data)[2]
    start = model_file._START
    return msgspec.json.decode(data[start : start + size]), data[start + size :]


def forged(data: bytes, change) -> bytes:
    header, payload = taken_apart(data)
    change(header)
    return resealed(msgspec.json.encode(header), payload)


def test_the_layout_is_the_one_documented(sealed):
    header, payload = taken_apart(sealed)
    assert sealed[:8] == b"\x89WHYFIT\n"
    assert int.from_bytes(sealed[8:12], "little") == 1
    assert int.from_bytes(sealed[16:24], "little") == len(payload)
    sizes = [8 * int(np.prod(a["shape"])) for a in header["arrays"]]
    assert sum(sizes) == len(payload)
    at = sum(sizes[: [a["name"] for a in header["arrays"]].index("coef")])
    model = opened(sealed)
    coef = np.frombuffer(payload, "<f8", len(model.law.coef), at)
    np.testing.assert_array_equal(coef, model.law.coef)


@once
@given(place=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(sealed, place, bit):
    damaged = bytearray(sealed)
    damaged[place % len(sealed)] ^= 1 << bit
    refused(bytes(damaged))


@once
@given(length=st.integers(0, 10**9), junk=st.binary(min_size=1, max_size=64))
def test_any_cut_or_appended_byte_is_noticed(sealed, length, junk):
    refused(sealed[: length % len(sealed)])
    refused(sealed + junk)


@once
@given(junk=st.binary(max_size=300))
def test_junk_is_no_model(junk):
    refused(junk)
    refused(model_file.MAGIC + junk)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


def places(value, path=()):
    """Paths to everything inside a JSON value."""
    yield path
    if isinstance(value, dict | list):
        keys = value if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield from places(value[key], (*path, key))


@once
@given(data=st.data())
def test_a_forged_header_with_a_fitting_checksum_is_refused_or_read(sealed, data):
    header, payload = taken_apart(sealed)
    paths = [p for p in places(header) if p]
    path = data.draw(st.sampled_from(paths))
    forgery = copy.deepcopy(header)
    inside = forgery
    for key in path[:-1]:
        inside = inside[key]
    if data.draw(st.booleans()):
        inside[path[-1]] = data.draw(values)
    else:
        del inside[path[-1]]
    with contextlib.suppress(ModelFileError):  # any other exception fails the test
        model = opened(resealed(msgspec.json.encode(forgery), payload))
        assert isinstance(model, TableModel)
        assert model.law.coef.shape == (len(model.names),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h["arrays"][0].update(dtype="|O"), "of type '|O'"),
        (lambda h: h["arrays"][0].update(dtype="<c16"), "of type '<c16'"),
        (lambda h: h["arrays"][0].update(shape=[10**12]), "its header lists"),
        (lambda h: h["arrays"][0].update(shape=[-1]), "expected float64 or int64"),
        (lambda h: h["arrays"][0].update(shape=[1] * 40), "at most two dimensions"),
        (lambda h: h["arrays"][0].update(dtype="<i8"), "its array 'mean' is int64"),
        (lambda h: h["arrays"].pop(), "its header lists"),
        (lambda h: h["arrays"][0].update(name="coef"), "no model file"),
        (lambda h: h["arrays"][0].update(name="odd"), "its array 'mean' is missing"),
        (lambda h: h.update(extra=1), "unknown field `extra`"),
        (lambda h: h["fields"].update(extra=1), "unknown field `extra`"),
        (lambda h: h["fields"]["spec"].update(extra=1), "holds fields that this whyfit does not"),
        (lambda h: h["fields"]["design"].update(extra=1), "holds fields that this whyfit does not"),
        (lambda h: h["fields"].update(law="logistic"), "a logistic law and a regression design"),
        (lambda h: h["fields"].update(law="tree"), "Invalid enum value 'tree'"),
        (lambda h: h["fields"]["spec"].update(confidence=7), "confidence is 7"),
        (lambda h: h["fields"]["design"]["names"].pop(), "is no model this whyfit can read"),
        (lambda h: h.pop("fields"), "missing required field `fields`"),
    ],
)
def test_forgeries_by_name(sealed, change, message):
    assert message in refused(forged(sealed, change))


def test_headers_that_are_no_json(sealed):
    _, payload = taken_apart(sealed)
    for header in (b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null"):
        assert "header that cannot be read" in refused(resealed(header, payload))


def test_other_versions_and_other_models(sealed, tmp_path):
    header, payload = taken_apart(sealed)
    raw = msgspec.json.encode(header)
    assert "format version 2; this whyfit" in refused(resealed(raw, payload, 2))
    header["model"] = "Forest"
    (tmp_path / "m.whyfit").write_bytes(resealed(msgspec.json.encode(header), payload))
    with pytest.raises(ModelFileError, match=r"m\.whyfit holds a 'Forest'"):
        load_model(tmp_path / "m.whyfit")


def test_lying_sizes_cost_no_memory(sealed, tmp_path):
    path = tmp_path / "m.whyfit"
    lies = [
        forged(sealed, lambda h: h["arrays"][0].update(shape=[2**40, 2**20])),
        model_file._PRELUDE.pack(model_file.MAGIC, 1, 2**32 - 1, 8) + bytes(4000),
        model_file._PRELUDE.pack(model_file.MAGIC, 1, 100, 2**62) + bytes(4000),
    ]
    for data in lies:
        path.write_bytes(data)
        tracemalloc.start()
        with pytest.raises(ModelFileError):
            load_model(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * len(data) + 2**20
    # a sparse gigabyte whose prelude does not fit its size is refused before it is read
    path.write_bytes(sealed[:100])
    os.truncate(path, 2**30)
    tracemalloc.start()
    with pytest.raises(ModelFileError, match="cut short or added to"):
        load_model(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_files_that_are_not_there(models, tmp_path):
    with pytest.raises(ModelFileError, match=r"there is no file .*; `whyfit fit … --save"):
        load_model(tmp_path / "none.whyfit")
    with pytest.raises(ModelFileError, match=r"cannot read .*directory"):
        load_model(tmp_path)
    with pytest.raises(ModelFileError, match="a dict cannot be saved"):
        save_model({}, tmp_path / "m.whyfit")
    with pytest.raises(InputError, match="does not exist; create it first"):
        save_model(models["value"], tmp_path / "no" / "m.whyfit")
    with pytest.raises(ModelFileError, match="cannot read"):
        load_model("nul\0.whyfit")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_device_is_no_model():
    with pytest.raises(ModelFileError, match="is no regular file"):
        load_model("/dev/null")


def test_saving_replaces_whole_or_not_at_all(models, tmp_path, monkeypatch):
    path = tmp_path / "m.whyfit"
    save_model(models["value"], path)
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="no space left"):
        save_model(models["sold"], path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.whyfit"]
    save_model(models["sold"], path)
    assert load_model(path).target == "sold"
