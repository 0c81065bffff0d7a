"""A file is written completely or not at all, and the error says why."""

import errno
import os

import numpy as np
import pytest

from helpers import paths
from helpers.features import storage
from helpers.paths import atomic


def write(path, text):
    if path.suffix:
        path.write_text(text)
    else:
        path.mkdir()
        (path / "a.txt").write_text(text)


def content(path):
    return path.read_text() if path.suffix else (path / "a.txt").read_text()


def replace(path, text):
    with atomic(path) as temporary:
        write(temporary, text)


@pytest.fixture(params=["kept.txt", "folder"])
def old(request, tmp_path):
    """A file, or a folder with a file in it, that says "old"."""
    path = tmp_path / "made" / request.param
    replace(path, "old")
    return path


def test_the_old_one_stays_unless_the_block_succeeds(old):
    with pytest.raises(RuntimeError), atomic(old) as temporary:
        write(temporary, "new")
        raise RuntimeError
    assert content(old) == "old"
    replace(old, "new")
    assert content(old) == "new"
    assert list(old.parent.iterdir()) == [old]


def test_the_old_one_stays_if_the_new_one_cannot_take_its_place(
    old, monkeypatch
):
    real = os.replace

    def stopped(path, to):
        if to == old:
            monkeypatch.setattr(os, "replace", real)
            raise PermissionError(errno.EACCES, "in use", str(path))
        return real(path, to)

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(paths.WriteError, match="unchanged"):
        replace(old, "new")
    assert content(old) == "old"
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "quota of the disk"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not write there, or another program has it open"),
    ],
)
def test_the_reason_is_one_sentence(old, number, reason):
    with pytest.raises(paths.WriteError, match=reason) as error:
        with atomic(old) as temporary:
            raise OSError(number, "as the system says it", str(temporary))
    assert f"{old.name} cannot be written to made" in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(paths.WriteError, match=reason), atomic(old):
        raise OSError(number, "without the name of a file")
    assert content(old) == "old"


def test_an_error_about_another_file_stays_what_it_is(tmp_path):
    other = OSError(errno.EACCES, "no", "/elsewhere/photo.jpg")
    with pytest.raises(PermissionError) as error, atomic(tmp_path / "f"):
        raise other
    assert error.value is other


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("lens" + ".v1" * 80 + ".keras", ".keras"),
        ("größe" + ".ü" * 70 + ".weights.h5", ".weights.h5"),
        ("m", ""),
    ],
)
def test_a_long_name_with_dots_can_be_written(tmp_path, name, suffix):
    with atomic(tmp_path / name) as temporary:
        temporary.write_text("complete")
        assert temporary.name.endswith(suffix)
        assert temporary.suffix == (tmp_path / name).suffix
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_that_cannot_be_removed_does_not_hide_the_error(
    tmp_path, monkeypatch
):
    def in_use(path, **options):
        raise PermissionError(errno.EACCES, "in use", str(path))

    monkeypatch.setattr(os, "unlink", in_use)
    with pytest.raises(ValueError, match="of the block"):
        with atomic(tmp_path / "f") as temporary:
            temporary.touch()
            raise ValueError("of the block")
    assert temporary.exists()


def test_the_environment_moves_both_folders_or_one(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBOOK_WORK", raising=False)
    monkeypatch.delenv("WORKBOOK_DATA", raising=False)
    assert paths.work() == paths.ROOT / "data" / "work"
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    assert paths.work() == tmp_path / "work"
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "other"))
    assert (paths.data(), paths.work()) == (tmp_path, tmp_path / "other")


def test_a_full_disk_does_not_end_the_process(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(storage, "open", full, raising=False)
    with pytest.raises(paths.WriteError, match="disk is full"):
        storage.save(tmp_path / "a.npy", np.ones((3, 4), "float16"), "abc")
    assert list(tmp_path.iterdir()) == []
