"""A file is written whole or not at all, and why not is said."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from helpers import files, store
from helpers.files import atomic


def test_atomic_keeps_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as part:
        part.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with atomic(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "share of the disk"),
        (errno.EROFS, "can only be read"),
        (errno.EACCES, "may not write"),
    ],
)
def test_why_a_file_cannot_be_written_is_one_sentence(tmp_path, number, says):
    path = tmp_path / "lesson" / "model.keras"
    with atomic(path) as part:
        part.write_text("old")
    with pytest.raises(files.WriteError, match=says) as error:
        with atomic(path) as part:
            part.write_text("ne")
            raise OSError(number, "as the system says it", str(part))
    assert "model.keras cannot be written to lesson" in str(error.value)
    assert "\n" not in str(error.value)
    assert path.read_text() == "old"
    assert [p.name for p in path.parent.iterdir()] == ["model.keras"]


def test_an_error_about_another_file_stays_what_it_is(tmp_path):
    other = OSError(errno.EACCES, "no", "/elsewhere/photo.jpg")
    with pytest.raises(PermissionError) as error, atomic(tmp_path / "f"):
        raise other
    assert error.value is other


def test_what_a_killed_process_left_is_removed(tmp_path, monkeypatch):
    program = (
        "import os, sys; from helpers.files import atomic\n"
        "with atomic(sys.argv[1]) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "model.keras"
    subprocess.run([sys.executable, "-c", program, path], cwd=files.ROOT)
    assert len(list(tmp_path.iterdir())) == 1
    mine = tmp_path / f".part-{os.getpid()}-{files._HERE}-1.keras"
    theirs = tmp_path / ".part-1-otherone-1.keras"
    for part in (mine, theirs):
        part.touch()
    monkeypatch.setattr(files, "_swept", set())
    with atomic(path) as part:
        part.write_text("whole")
    # What is being written, here or on another machine, is let be.
    assert set(tmp_path.iterdir()) == {path, mine, theirs}


def test_a_full_disk_does_not_end_the_process(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(files.WriteError, match="disk is full"):
        with store.saved(tmp_path / "a.npy", (3, 4), "abc") as out:
            out[:] = np.ones((3, 4))
    assert list(tmp_path.iterdir()) == []
