"""`start.py pack` makes a pack, and `start.py --from` installs from it.

A small stand-in for the project, with one package, is packed and unpacked;
neither the tests nor pip use a network.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from clone import STANDARD, contents, copy_start, one_sentence
from source import tracked

from helpers import downloads, shared
from helpers.dataset import flowers
from helpers.features import storage
from helpers.network import weights
from helpers.paths import ROOT
from helpers.surfaces import render
from tools import _venv, pack
from tools._venv import PROJECT, TARGETS

HERE = "{}.{}".format(*sys.version_info[:2])
TARGET = f"{_venv.platform_name()}-{HERE}"
WHEEL = "wheels/tinything-1.0-py3-none-any.whl"
HELLO = '''"""Says what the small package says."""
import tinything
def main(argv):
    print(tinything.__file__, *argv)
    return 7
'''
OURS = {
    "notebooks/00_start_here.ipynb": "{}",
    "tools/hello.py": HELLO,
    "data/README.md": "The card.",
    "data/surfaces/edition.txt": "2",
    "data/surfaces/photos/dent/dent-000.jpg": "a dent",
    "data/surfaces/masks/dent/dent-000.png": "its mask",
    "data/flower_photos/daisy/1.jpg": "a daisy",
    "data/checkpoints-starter.zip": "models",
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
    path = folder / Path(WHEEL).name
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The stand-in; what is packed meanwhile is packed from it."""
    folder = tmp_path_factory.mktemp("packing")
    root = folder / "an atelier, naïve ü"
    lock = f"tinything==1.0 --hash=sha256:{wheel(folder / 'index')}\n"
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
        patch.setattr(pack, "ROOT", root)
        patch.setenv("WORKBOOK_DATA", str(root / "data"))
        patch.delenv("WORKBOOK_WORK", raising=False)
        patch.setattr(render, "folder", lambda: None)
        patch.setattr(render, "all_folders", lambda: None)
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
def copy(stick, tmp_path):
    """The workbook of the stick, copied to the disk of a learner."""
    return Path(shutil.copytree(stick / PROJECT, tmp_path / "mine"))


def run(cwd, *args):
    """Run start.py without a package index, and with a hostile pip.conf."""
    settings = cwd.parent / "pip.conf"
    settings.write_text("[install]\nuser = true\n")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "WORKBOOK_"))
    }
    return subprocess.run(
        [sys.executable, "start.py", *map(str, args)],
        cwd=cwd,
        env=environment
        | {
            "PYTHONUTF8": "1",
            "PIP_CONFIG_FILE": str(settings),
            "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
            "PIP_RETRIES": "0",
            "PIP_TARGET": str(cwd),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


# What is in a pack.


def test_a_pack_has_the_workbook_and_the_packages(made):
    assert (made / TARGETS).read_text() == TARGET
    text = (made / "READ_ME_FIRST.txt").read_text()
    assert f"{_venv.platform_name()} with Python {HERE}" in text
    assert PROJECT in text and "python3 start.py --from PACK" in text
    assert (made / WHEEL).is_file()
    assert set(contents(made / PROJECT)) == {
        *OURS,
        "start.py",
        *(f"tools/{name}" for name in STANDARD),
        "requirements.lock",
        "data/work/features/ours.npy",
        f"data/work/weights/{weights.IMAGENET_NAME}",
    }


def test_the_pages_tell_how_to_open_a_pack(made):
    assert {path.name for path in made.iterdir()} == {
        *("READ_ME_FIRST.txt", PROJECT, "wheels"),
    }
    pages = [ROOT / "docs" / "offline.md"]
    pages += [
        ROOT / "docs" / "setup" / f"{system}.md"
        for system in ("windows", "macos", "linux")
    ]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        (line,) = re.findall(rf".*opy the folder `{PROJECT}`.*", text)
        after = text[text.index(line) :]
        assert re.search(r"start\.py .*--from", after), page.name


def test_every_file_that_git_tracks_is_packed():
    packed = {path for p in pack.OWN for path in ROOT.glob(p)}
    assert set(tracked()) <= packed


def test_what_is_not_here_is_left_out(project, tmp_path, monkeypatch, capsys):
    def offline():
        raise downloads.DownloadError("no network.")

    monkeypatch.setattr(weights, "imagenet", offline)
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path))
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path))
    monkeypatch.setattr(render, "folder", shared.folder)
    folder = tmp_path / "pack"
    assert pack.main([str(folder)]) == 0
    assert not (folder / PROJECT / "data" / "work").exists()
    said = capsys.readouterr().out
    assert "0 files of cached features" in said
    assert "Without ImageNet weights: no network." in said
    assert "Without flowers" in said
    assert shared.folder() is None  # nothing is packed from there


@pytest.mark.parametrize("error", [_venv.SetupError("no"), KeyboardInterrupt])
def test_a_pack_without_all_packages_is_not_complete(
    project, stick, monkeypatch, capsys, error
):
    def fails(*args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(_venv, "pip", fails)
        assert pack.main([str(stick)]) in (1, 130)
    with pytest.raises(_venv.SetupError, match="not a complete pack"):
        _venv.python_versions(str(stick))
    (stick / PROJECT / "data/README.md").write_text("half")
    assert pack.main([str(stick)]) == 0
    assert (stick / PROJECT / "data/README.md").read_text() == "The card."
    assert _venv.python_versions(str(stick)) == [sys.version_info[:2]]


def test_a_folder_of_something_else_is_left_alone(project, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert pack.main([str(tmp_path)]) == 1
    assert "something else" in one_sentence(capsys.readouterr().err)
    assert contents(tmp_path) == {"mine.txt": b"mine"}


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


@pytest.mark.parametrize("choice", ["starter", "a file"])
def test_a_pack_takes_the_choice_of_weights_along(
    project, tmp_path, monkeypatch, choice
):
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    mine = tmp_path / "mine.h5"
    mine.write_text("weights")
    monkeypatch.setattr(weights, "_starter", lambda: mine)
    weights.choose(str(mine) if choice == "a file" else choice)
    folder = tmp_path / "pack"
    assert pack.main([str(folder)]) == 0
    note = folder / PROJECT / "data/work/weights.json"
    # The other machines lack a file of one's own.
    assert note.exists() == (choice == "starter")
    assert choice == "a file" or '"starter"' in note.read_text()


# What a machine does with it.


def test_a_machine_with_only_python_installs_from_it(stick, copy):
    before = contents(stick)
    done = run(copy, "--from", stick, "hello", "a b")
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines()[-1].endswith("tinything.py a b")
    assert str(copy / ".venv") in done.stdout.splitlines()[-1]
    assert contents(stick) == before
    shutil.rmtree(stick)  # from now on without it
    assert run(copy, "hello").returncode == 7


def test_a_damaged_package_is_not_installed(stick, copy):
    content = bytearray((stick / WHEEL).read_bytes())
    content[5] ^= 1
    (stick / WHEEL).write_bytes(content)
    done = run(copy, "--from", stick, "hello")
    assert done.returncode == 1
    assert "tinything" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (TARGETS, "riscv_98-3.12", "only for riscv_98"),
        (
            *(TARGETS, f"{_venv.platform_name()}-3.99"),
            "the pack needs Python 3.99",
        ),
        (TARGETS, "", "not a complete pack"),
        (f"{PROJECT}/requirements.lock", "tinything==0.9", "another version"),
    ],
)
def test_a_pack_that_does_not_fit_is_one_sentence(
    stick, copy, name, text, words
):
    (stick / name).write_text(text)
    done = run(copy, "--from", stick, "hello")
    assert done.returncode == 1
    assert words in one_sentence(done.stderr)
    assert not (copy / ".venv").exists()
