"""`start.py pack` makes a pack, and `start.py --from` needs nothing else.

A small stand-in for the project, with one package, is packed and unpacked;
neither the tests nor pip use a network.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from clone import PATH, SOURCE, STANDARD, contents, copy_start, one_sentence

from helpers import downloads, shared
from helpers.dataset import flowers
from helpers.features import storage
from helpers.network import weights
from helpers.surfaces import render
from tools import _pack_reader, _venv, pack
from tools._pack_reader import EDITION, MANIFEST, NEW, READ_FIRST

HERE = "{}.{}".format(*sys.version_info[:2])
TARGET = f"{_pack_reader.platform_name()}-{HERE}"
HELLO = '''"""Says what the small package says."""
import sys, tinything
if __name__ == "__main__":
    print(tinything.__file__, *sys.argv[1:])
    sys.exit(7)
'''
OURS = {
    "notebooks/00_start_here.ipynb": "{}",
    "tools/hello.py": HELLO,
    "data/README.md": "The card.",
    "data/surfaces/edition.txt": "2",
    "data/surfaces/photos/dent/dent-000.jpg": "a dent",
    "data/surfaces/masks/dent/dent-000.png": "its mask",
    "data/flower_photos/daisy/1.jpg": "a daisy",
}
MINE = ("my_photos/cat.jpg", "notebooks/my_photos/cat.jpg", "data/work/x")


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def wheel(folder):
    """Write the wheel of a package that is one file; return its SHA-256."""
    info = "tinything-1.0.dist-info"
    files = {
        "tinything.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinything\n"
        "Version: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    names = [*files, f"{info}/RECORD"]
    files[names[-1]] = "".join(f"{name},,\n" for name in names)
    folder.mkdir()
    path = folder / "tinything-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The stand-in; what is packed meanwhile is packed from it."""
    folder = tmp_path_factory.mktemp("packing")
    root = folder / "an atelier, naïve ü"
    digest = wheel(folder / "index")
    lock = f"tinything==1.0 --hash=sha256:{digest}\n"
    write(root, OURS | dict.fromkeys(MINE, "mine"))
    write(root, {"requirements.lock": lock})
    copy_start(root)
    imagenet = folder / weights.IMAGENET_NAME
    imagenet.write_text("weights")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_FIND_LINKS", (folder / "index").as_uri())
        patch.setattr(_venv, "ROOT", str(root))
        patch.setattr(_venv, "LOCK", str(root / "requirements.lock"))
        patch.setattr(_venv, "VENV", str(root / ".venv"))
        patch.setattr(pack, "ROOT", root)
        patch.setenv("WORKBOOK_DATA", str(root / "data"))
        patch.delenv("WORKBOOK_WORK", raising=False)
        patch.setattr(render, "folder", lambda: None)
        patch.setattr(render, "shifted_folder", lambda: None)
        patch.setattr(weights, "imagenet", lambda: imagenet)
        patch.setattr(
            flowers, "folder", lambda: root / "data" / "flower_photos"
        )
        photo = root / "data/surfaces/photos/dent/dent-000.jpg"
        for name, key in {
            "mine": "another",
            "ours": downloads.digest(photo),
        }.items():
            path = storage.folder() / f"{name}.npy"
            storage.save(path, np.zeros((1, 2), "float16"), [key])
        yield root


@pytest.fixture(scope="module")
def made(project, tmp_path_factory):
    """A pack, as it was made; tests that change it take `stick`."""
    folder = tmp_path_factory.mktemp("made") / "pack"
    assert pack.main([str(folder)]) == 0
    return folder


@pytest.fixture
def stick(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "a stick" / "pack"))


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def run(program, *args, cwd):
    """Run a start.py without a package index."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "WORKBOOK_"))
    }
    return subprocess.run(
        [sys.executable, program / "start.py", *map(str, args)],
        cwd=cwd,
        env=environment
        | {
            "PATH": PATH,
            "PYTHONUTF8": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_RETRIES": "0",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def change_files(folder, change):
    """Change the manifest by a function of {name: [bytes, hash]}."""
    path = folder / MANIFEST
    files = change(json.loads(path.read_text())["files"])
    path.write_text(json.dumps({"files": files}))


# What is in a pack.


def test_a_pack_lists_all_that_it_holds(made):
    there = contents(made)
    assert there.pop(MANIFEST)
    assert _pack_reader.files(made) == {
        name: [len(content), hashlib.sha256(content).hexdigest()]
        for name, content in there.items()
    }
    text = there[READ_FIRST].decode()
    assert "python3 pack/start.py" in text
    assert f"{_pack_reader.platform_name()} with Python {HERE}" in text
    assert set(there) == {
        *OURS,
        "start.py",
        *(f"tools/{name}" for name in STANDARD),
        "requirements.lock",
        READ_FIRST,
        "data/work/features/ours.npy",
        f"data/work/weights/{weights.IMAGENET_NAME}",
        f"wheels/{TARGET}/tinything-1.0-py3-none-any.whl",
    }


def test_the_shared_folder_is_not_packed_from(
    project, made, tmp_path, monkeypatch
):
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path))

    def folder():
        assert shared.folder() is None

    monkeypatch.setattr(render, "folder", folder)
    assert pack.main([str(tmp_path / "pack")]) == 0
    files = _pack_reader.files(tmp_path / "pack")
    assert files.keys() == _pack_reader.files(made).keys()


def test_no_features_is_one_sentence(project, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    folder = tmp_path / "pack"
    assert pack.main([str(folder)]) == 1
    assert "lessons 01 to 04" in one_sentence(capsys.readouterr().err)
    assert not folder.exists()
    assert pack.main([str(folder), "--without-features"]) == 0


def test_what_is_not_here_is_left_out(project, tmp_path, monkeypatch, capsys):
    def offline():
        raise downloads.DownloadError("no network.")

    monkeypatch.setattr(weights, "imagenet", offline)
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    folder = tmp_path / "pack"
    assert pack.main([str(folder), "--without-features"]) == 0
    assert not {n for n in contents(folder) if n.startswith("data/work")}
    said = capsys.readouterr().out
    assert "Without ImageNet weights: no network." in said
    assert "Without flowers" in said


def test_a_failed_download_is_one_sentence(
    project, tmp_path, monkeypatch, capfd
):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    folder = tmp_path / "pack"
    assert pack.main([str(folder)]) == 1
    assert "tinything" in one_sentence(capfd.readouterr().err)
    assert not (folder / MANIFEST).exists()


def test_a_folder_of_something_else_is_left_alone(project, empty, capsys):
    (empty / "mine.txt").write_text("mine")
    assert pack.main([str(empty)]) == 1
    assert "something else" in one_sentence(capsys.readouterr().err)
    assert contents(empty) == {"mine.txt": b"mine"}


def test_without_git_the_same_files_go():
    # Of the real project, not of the stand-in.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack, "ROOT", SOURCE.parent)
        ours = set(pack._project())
        patch.setattr(pack, "_git", lambda *_: [])
        without = set(pack._project())
    assert {"start.py", "data/starter/README.md"} <= ours <= without
    assert not [n for n in without if n.startswith(("data/surfaces/", ".v"))]


LOCK = """\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:1
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:2
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:3
    # via a thing
appnope==1.0.0 ; sys_platform == 'darwin' \\
    --hash=sha256:4
soupsieve==2.10 ; python_full_version < '3.11.5' \\
    --hash=sha256:5
soupsieve==4.1 ; python_full_version >= '3.11.5' and os_name != 'nt' \\
    --hash=sha256:6
"""


@pytest.mark.parametrize(
    ("target", "patch", "hashes"),
    [
        ("linux_x86_64-3.11", 0, "15"),
        ("linux_x86_64-3.11", 99, "16"),
        ("win_amd64-3.12", 0, "23"),
        ("macosx_arm64-3.13", 0, "246"),
    ],
)
def test_a_target_gets_the_packages_of_its_markers(target, patch, hashes):
    pins = pack._pins(LOCK, target, patch)
    assert [pin.partition(" --hash=sha256:")[2] for pin in pins] == [*hashes]
    assert all("==" in pin and ";" not in pin for pin in pins)


# Interrupted commands.


def stop_after(monkeypatch, count):
    """Interrupt after so many files; return the list of the names copied."""
    names = []
    copy = _pack_reader.copy

    def stopping(source, target):
        if len(names) == count:
            raise KeyboardInterrupt
        copy(source, target)
        names.append(Path(target).name)

    monkeypatch.setattr(_pack_reader, "copy", stopping)
    return names


@pytest.mark.parametrize("copying", [True, False])
def test_an_interrupted_command_goes_on(
    made, tmp_path, monkeypatch, empty, copying
):
    folder = tmp_path / "second"
    options = ["--copy", str(made)] if copying else []
    with monkeypatch.context() as patch:
        first = stop_after(patch, 4)
        assert pack.main([*options, str(folder)]) == 130
    assert not (folder / MANIFEST).exists()
    with pytest.raises(_pack_reader.PackError, match="not a complete pack"):
        _pack_reader.copy_missing(str(folder), str(empty))
    with monkeypatch.context() as patch:
        second = stop_after(patch, -1)
        assert pack.main([*options, str(folder)]) == 0
    assert len(first) == 4
    assert second and not set(first) & set(second) - {MANIFEST}
    assert contents(folder).keys() == contents(made).keys()
    files = _pack_reader.files(folder)
    assert _pack_reader.require_intact(folder, files) is None


def test_a_copy_replaces_what_is_damaged(made, stick, capsys):
    (stick / "data/README.md").write_text("The cart.")
    assert pack.main(["--copy", str(made), str(stick)]) == 0
    assert " 1 files copied" in capsys.readouterr().out
    assert contents(stick) == contents(made)


def test_a_damaged_pack_is_not_copied(stick, tmp_path, capsys):
    (stick / "data/README.md").write_text("The cart.")
    assert pack.main(["--copy", str(stick), str(tmp_path / "second")]) == 1
    assert "README.md" in one_sentence(capsys.readouterr().err)


# What a machine does with it.


def test_a_machine_with_only_python_runs_from_it(stick, empty):
    before = contents(stick)
    done = run(stick, "--from", stick, "hello", "a b", cwd=empty)
    assert done.returncode == 7, done.stderr
    root = empty / NEW
    assert done.stdout.splitlines()[-1].endswith("tinything.py a b")
    assert str(root / ".venv") in done.stdout.splitlines()[-1]
    assert contents(stick) == before
    for name in [*OURS, "data/work/features/ours.npy"]:
        assert (root / name).read_bytes() == before[name], name

    # From now on without the stick, and what the learner has stays.
    lesson = root / "notebooks/00_start_here.ipynb"
    lesson.write_text("solved")
    (root / "data/README.md").unlink()
    again = run(root, "--from", stick, "hello", cwd=empty)
    assert again.returncode == 7
    assert "Copying 1 files" in again.stdout
    assert "Installing" not in again.stdout
    assert lesson.read_text() == "solved"
    assert (root / "data/README.md").read_text() == "The card."
    shutil.rmtree(stick)
    assert run(root, "hello", cwd=empty).returncode == 7


WHEEL = f"wheels/{TARGET}/tinything-1.0-py3-none-any.whl"


@pytest.mark.parametrize("name", ["data/README.md", WHEEL])
@pytest.mark.parametrize("missing", [True, False])
def test_a_damaged_file_is_named(stick, empty, name, missing):
    path = stick / name
    content = bytearray(path.read_bytes())
    content[5] ^= 1
    path.unlink() if missing else path.write_bytes(content)
    with pytest.raises(_pack_reader.PackError) as error:
        _pack_reader.copy_missing(str(stick), str(empty))
        _pack_reader.wheels(str(stick), sys.version_info[:2])
    assert str(path) in one_sentence(str(error.value))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("riscv_98-3.12", "only for riscv_98-3.12"),
        (f"{_pack_reader.platform_name()}-3.99", "the pack needs Python 3.99"),
    ],
)
def test_a_pack_for_other_machines_is_one_sentence(
    stick, empty, target, words
):
    change_files(
        stick,
        lambda files: {n.replace(TARGET, target): f for n, f in files.items()},
    )
    done = run(stick, "hello", cwd=empty)
    assert done.returncode == 1
    assert words in one_sentence(done.stderr)
    assert contents(empty) == {}


def test_a_pack_of_another_version_changes_nothing(stick, empty):
    root = empty / NEW
    write(root, {"requirements.lock": "tinything==0.9\n"})
    copy_start(root)
    write(root, {"tools/hello.py": HELLO})
    before = contents(root)
    done = run(root, "--from", stick, "hello", cwd=empty)
    assert done.returncode == 1
    assert "another version" in one_sentence(done.stderr)
    assert contents(root) == before


def test_a_pack_is_not_unpacked_into_itself(stick):
    before = contents(stick)
    done = run(stick, "hello", cwd=stick / "data")
    assert done.returncode == 1
    assert "cd ~" in one_sentence(done.stderr)
    assert contents(stick) == before


def test_a_folder_of_that_name_is_left_alone(stick, empty):
    write(empty / NEW, {"mine.txt": "mine"})
    done = run(stick, "hello", cwd=empty)
    assert done.returncode == 1
    assert "something else" in one_sentence(done.stderr)
    assert contents(empty / NEW) == {"mine.txt": b"mine"}


def test_pictures_of_an_older_edition_get_no_note_of_the_new(stick, empty):
    photo = empty / "data/surfaces/photos/dent/dent-001.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_text("an old dent")
    assert EDITION == f"data/surfaces/{render.EDITION_FILE}"
    _pack_reader.copy_missing(str(stick), str(empty))
    assert not (empty / EDITION).exists()
    assert (empty / "data/README.md").is_file()
    other = empty / "another"
    _pack_reader.copy_missing(str(stick), str(other))
    assert (other / EDITION).read_text() == "2"


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"files": 3}'])
def test_a_folder_that_is_no_pack_is_one_sentence(tmp_path, text):
    if text is not None:
        (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(_pack_reader.PackError) as error:
        _pack_reader.files(str(tmp_path))
    assert MANIFEST in one_sentence(str(error.value))


@pytest.mark.parametrize(
    "name",
    ["../mine.txt", "data/../../mine.txt", "..\\mine.txt", "C:x", "/mine.txt"],
)
def test_a_pack_writes_nothing_outside_the_folder(tmp_path, name):
    manifest = tmp_path / MANIFEST
    manifest.write_text(json.dumps({"files": {"data/mine..txt": [0, ""]}}))
    assert "data/mine..txt" in _pack_reader.files(str(tmp_path))
    manifest.write_text(json.dumps({"files": {name: [0, ""]}}))
    with pytest.raises(_pack_reader.PackError, match=MANIFEST):
        _pack_reader.files(str(tmp_path))
