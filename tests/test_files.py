"""A file is written whole or not at all, and why not is said."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest

from helpers import paths
from helpers.features import storage
from helpers.paths import atomic


def test_atomic_keeps_the_old_file_when_the_block_fails(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with atomic(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "share of the disk"),
        (errno.EROFS, "can only be read"),
        (errno.EACCES, "may not write"),
        (errno.EACCES, "another program has it open; close it"),
    ],
)
def test_why_a_file_cannot_be_written_is_one_sentence(tmp_path, number, says):
    path = tmp_path / "lesson" / "model.keras"
    with atomic(path) as temporary:
        temporary.write_text("old")
    with pytest.raises(paths.WriteError, match=says) as error:
        with atomic(path) as temporary:
            temporary.write_text("ne")
            raise OSError(number, "as the system says it", str(temporary))
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
        "import os, sys; from helpers.paths import atomic\n"
        "with atomic(sys.argv[1]) as part:\n"
        "    part.write_text('half'); os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "model.keras"
    subprocess.run([sys.executable, "-c", program, path], cwd=paths.ROOT)
    assert len(list(tmp_path.iterdir())) == 1
    mine = tmp_path / f".part-{os.getpid()}-{paths._HERE}-1.keras"
    theirs = tmp_path / ".part-1-otherone-1.keras"
    for temporary in (mine, theirs):
        temporary.touch()
    monkeypatch.setattr(paths, "_swept", set())
    with atomic(path) as temporary:
        temporary.write_text("whole")
    # What is being written, here or on another machine, is let be.
    assert set(tmp_path.iterdir()) == {path, mine, theirs}


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("lens" + ".v1" * 80 + ".keras", ".keras"),
        ("größe" + ".ü" * 70 + ".weights.h5", ".weights.h5"),
        ("m", ""),
    ],
)
def test_a_long_name_with_dots_can_be_written(tmp_path, name, end):
    with atomic(tmp_path / name) as temporary:
        temporary.write_text("whole")
        assert temporary.name.endswith(end)
        assert temporary.suffix == (tmp_path / name).suffix
    assert [p.name for p in tmp_path.iterdir()] == [name]


def failing_on(monkeypatch, function, stop):
    """Let a function of `os` fail where `stop` says so of its paths."""
    real = getattr(os, function)

    def stopped(path, *more, **options):
        if stop(path, *more):
            raise PermissionError(errno.EACCES, "in use", str(path))
        return real(path, *more, **options)

    monkeypatch.setattr(os, function, stopped)


def test_what_cannot_be_removed_does_not_hide_the_error(tmp_path, monkeypatch):
    failing_on(monkeypatch, "unlink", lambda path, *_: True)
    with pytest.raises(ValueError, match="of the block"):
        with atomic(tmp_path / "f") as temporary:
            temporary.touch()
            raise ValueError("of the block")
    assert temporary.exists()  # it was really tried


def test_a_full_disk_does_not_end_the_process(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(storage, "open", full, raising=False)
    with pytest.raises(paths.WriteError, match="disk is full"):
        storage.save(tmp_path / "a.npy", np.ones((3, 4), "float16"), "abc")
    assert list(tmp_path.iterdir()) == []


# --- A folder -------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder with a file in it that says "old"."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.txt").write_text("old")
    return tmp_path / "m"


def replace(path):
    with atomic(path) as temporary:
        temporary.mkdir()
        (temporary / "a.txt").write_text("new")


def content(place):
    """Return {path: text} of all files below a folder."""
    return {
        path.relative_to(place).as_posix(): path.read_text()
        for path in place.rglob("*")
        if path.is_file()
    }


def test_an_older_folder_comes_back_if_the_new_one_cannot(
    folder, tmp_path, monkeypatch
):
    with monkeypatch.context() as held:
        tried = []
        # The older one is out of the way when the new one should come.
        failing_on(
            held,
            "replace",
            lambda path, to: (
                to == folder and not tried and not tried.append(1)
            ),
        )
        with pytest.raises(paths.WriteError, match="is whole"):
            replace(folder)
        assert tried
    assert content(tmp_path) == {"m/a.txt": "old"}
    assert list(tmp_path.iterdir()) == [folder]
    replace(folder)
    assert content(tmp_path) == {"m/a.txt": "new"}


def test_an_older_folder_that_cannot_be_removed_is_no_failure(
    folder, tmp_path, monkeypatch
):
    failing_on(monkeypatch, "replace", lambda path, to: "-old-" in to.name)
    replace(folder)
    assert (folder / "a.txt").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("renames", [0, 1, 2])
def test_a_folder_of_a_process_killed_between_renames_is_whole(
    folder, tmp_path, monkeypatch, renames
):
    program = (
        "import os, sys; from helpers import files\n"
        "real, done = os.replace, []\n"
        "def replace(*paths):\n"
        f"    if len(done) == {renames}: os.kill(os.getpid(), 9)\n"
        "    done.append(real(*paths))\n"
        "os.replace = replace\n"
        "with paths.atomic(sys.argv[1]) as part:\n"
        "    part.mkdir(); (part / 'a.txt').write_text('new')"
    )
    subprocess.run([sys.executable, "-c", program, folder], cwd=paths.ROOT)
    assert len(list(tmp_path.iterdir())) > 1
    assert folder.exists() == (renames != 1)
    monkeypatch.setattr(paths, "_swept", set())
    with atomic(tmp_path / "other") as temporary:  # it need not be the same
        temporary.write_text("other")
    whole = "new" if renames == 2 else "old"
    assert content(tmp_path) == {"m/a.txt": whole, "other": "other"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "other"]
