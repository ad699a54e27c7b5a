"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat

import pytest

from whyfit.errors import InputError
from whyfit.report import files
from whyfit.report.files import write_whole


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.html"
    write_whole(path, b"one")
    write_whole(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.html"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path, monkeypatch):
    path = tmp_path / "a.html"
    path.write_bytes(b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write '.*a\.html': no space left on device;"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.html"]


def test_an_interrupt_leaves_nothing_beside(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "a.html", b"new")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(InputError, match=r"the folder '.*nowhere' does not exist; create it"):
        write_whole(tmp_path / "nowhere" / "a.html", b"")


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(InputError, match="it is a folder; name a file in it"):
        write_whole(tmp_path, b"")


def test_a_file_in_place_of_a_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="not a directory"):
        write_whole(tmp_path / "file" / "a.html", b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permission denied; choose another place"):
        write_whole(tmp_path / "a.html", b"")


def test_permissions_are_those_of_any_new_file_or_of_the_old_one(tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    new = tmp_path / "new"
    write_whole(new, b"")
    assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    new.chmod(0o640)
    write_whole(new, b"x")
    assert stat.S_IMODE(new.stat().st_mode) == 0o640


def test_a_link_keeps_pointing_to_its_file(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_whole(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_special_files_are_written_straight():
    write_whole(os.devnull, b"gone")
    assert not os.path.isfile(os.devnull)
