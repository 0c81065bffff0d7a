"""The hub of a room: accounts, isolated homes, what it needs, a clean end."""

import json
import os
import re
import subprocess
import sys
import tarfile
import textwrap

import psutil
import pytest
from clone import one_sentence
from test_project import read
from traitlets.config import Config

from helpers import shared
from helpers.paths import ROOT
from tools import loadtest
from workshop import homes, hub, hub_client

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="of systemd")


# The settings.


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Reads jupyterhub_config.py as JupyterHub does, as root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setenv("WORKBOOK_ROOM", str(tmp_path / "room"))
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run():
        c, path = Config(), ROOT / "workshop" / "jupyterhub_config.py"
        given = {"get_config": lambda: c, "__file__": str(path)}
        exec(compile(path.read_text("utf-8"), path, "exec"), given)
        return c

    return run


def test_the_address_of_the_hub_needs_a_port(settings, monkeypatch):
    monkeypatch.setenv("WORKBOOK_ADDRESS", "http://hub.example.org")
    with pytest.raises(SystemExit, match="hub.example.org: add a port"):
        settings()


def test_only_root_starts_the_hub(settings, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    with pytest.raises(SystemExit, match="as root"):
        settings()


def test_what_the_hub_keeps_is_in_a_folder_of_its_own(settings, tmp_path):
    c = settings()
    secret = tmp_path / "room" / "hub"
    assert secret.stat().st_mode & 0o077 == 0
    for path in (
        c.Accounts.path,
        c.JupyterHub.cookie_secret_file,
        c.JupyterHub.db_url.removeprefix("sqlite:///"),
        c.ConfigurableHTTPProxy.pid_file,
    ):
        assert path.startswith(f"{secret}/")


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("learner-07", True),
        ("a", True),
        ("../root", False),
        (".part-anna", False),
        ("anna\n", False),
        ("anna/b", False),
        ("", False),
        ("a" * 32, False),
    ],
)
def test_a_name_is_one_that_a_folder_can_have(settings, name, fits):
    pattern = settings().Authenticator.username_pattern
    assert bool(re.match(pattern, name)) == fits


def test_the_instructor_may_edit_the_accounts(settings, tmp_path):
    path = tmp_path / "room" / "hub" / "accounts.csv"
    settings()
    made = homes.accounts(path)
    assert len(set(made.values())) == len(made) == homes.COUNT
    path.write_text("anna, secret\r\n\r\nben\r\ncarl,\r\n")
    settings()  # at the next start the file stays as it is
    assert homes.accounts(path) == {"anna": "secret"}


def test_the_service_starts_the_hub_with_its_own_settings():
    unit = read("workshop/workbook-hub.service")
    config = read("workshop/jupyterhub_config.py")
    variables = re.findall(r"Environment=(\w+)=(.*)", unit)
    assert len(variables) == 3
    for variable, value in variables:
        assert f'"{variable}", "{value}"' in config
    (path,) = re.findall(r"-f /opt/workbook/(\S+)", unit)
    assert (ROOT / path).is_file()


# What is installed.


def test_the_lock_of_the_proxy_has_a_hash_for_each_package():
    packages = json.loads(read("workshop/package-lock.json"))["packages"]
    wanted = json.loads(read("workshop/package.json"))["dependencies"]
    assert packages.pop("")["dependencies"] == wanted
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")


# Homes.


@pytest.fixture
def owners(monkeypatch):
    """{name of a file: user id}, in place of what only root may do."""
    given = {}

    def change(path, user, group, follow_symlinks):
        # The packages that the homes share stay root's.
        assert user == group and not follow_symlinks
        given[path.name.removeprefix(".part-")] = user

    monkeypatch.setattr(os, "chown", change, raising=False)
    monkeypatch.setattr(homes, "_owner", lambda path: given[path.name])
    return given


@ON_LINUX
def test_each_home_is_closed_and_of_another_user(owners, tmp_path):
    anna, ben = (tmp_path / "home" / name for name in ("anna", "ben"))
    first = homes.ready(anna)
    assert homes.ready(ben) == first + 1 > homes.FIRST_ID
    for home in (anna, ben):
        assert home.stat().st_mode & 0o777 == 0o700
    lesson = "02_frozen_baseline.ipynb"
    assert owners[lesson] == first + 1  # it was given away, too
    project = anna / "workbook"
    for name in ("start.py", "recipes", "tools", "scale", "data/starter"):
        assert (project / name).exists()
    assert (project / "helpers" / "surfaces").is_dir()
    assert not (project / ".git").exists()
    # "work" has the choice of weights, if there is one.
    assert {path.name for path in (project / "data").iterdir()} - {"work"} == {
        *("README.md", "experiments", "starter", "surfaces.jpg"),
    }


@ON_LINUX
def test_everyone_gets_the_weights_chosen_for_the_room(
    owners, tmp_path, monkeypatch
):
    work = tmp_path / "project" / "data" / "work"
    for name in ("weights.json", "models/02.keras"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(name)
    monkeypatch.setattr(homes, "ROOT", tmp_path / "project")
    homes.ready(tmp_path / "home" / "anna")
    copied = tmp_path / "home" / "anna" / "workbook" / "data" / "work"
    assert [path.name for path in copied.iterdir()] == ["weights.json"]
    assert (copied / "weights.json").read_text() == "weights.json"
    assert owners["weights.json"] == owners["anna"]


@ON_LINUX
def test_what_a_learner_has_is_never_touched(owners, tmp_path):
    home = tmp_path / "home" / "anna"
    number = homes.ready(home)
    (home / "workbook" / "LICENSE").write_text("changed")
    assert homes.ready(home) == number
    assert (home / "workbook" / "LICENSE").read_text() == "changed"


@ON_LINUX
def test_an_account_of_the_machine_keeps_its_id(tmp_path, monkeypatch):
    import pwd

    taken = [pwd.struct_passwd(("a", "", homes.FIRST_ID, 0, "", "", ""))]
    monkeypatch.setattr(pwd, "getpwall", lambda: taken)
    assert homes._free_id(tmp_path) == homes.FIRST_ID + 1


# The load test.


@pytest.mark.parametrize(
    ("argv", "user", "words"),
    [
        (["--at-once=1"], 0, "from 2 to 40"),
        (["--at-once=41"], 0, "from 2 to 40"),
        ([], 1000, "as root"),
        (["--fill"], 1000, "as root"),
        ([], 0, "--fill"),
    ],
)
def test_a_load_test_that_can_not_run_says_why(
    monkeypatch, tmp_path, capsys, argv, user, words
):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    monkeypatch.setenv(shared.VARIABLE, str(tmp_path))
    assert loadtest.main(argv) == 1
    assert words in one_sentence(capsys.readouterr().err)


def test_a_python_that_learners_can_not_run_is_named_before_all_else(
    monkeypatch, capsys
):
    def run(*_, **options):
        assert options["user"] == homes.FIRST_ID
        raise PermissionError

    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(hub, "install", pytest.fail)
    assert loadtest.main(["--fill"]) == 1
    words = "other users can't run this Python"
    assert words in one_sentence(capsys.readouterr().err)


PAGE = """
## Half day: 09:00 to 09:50

| 09:00 | 20 | **03** Demonstration: *A* | |
| 09:20 | 30 | **08** *A* | |

## Full day: 09:00 to 10:30

| 09:00 | 15 | **03** *A*: q1 | |
| 09:15 | 5 | Break | |
| 09:20 | 30 | **03** *B*; run *C* | leave q1 for home |
| 09:50 | 40 | **08** *A* | |
"""


def test_the_minutes_of_a_lesson_are_those_of_the_tighter_plan(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(loadtest.plan, "PAGE", tmp_path / "page.md")
    loadtest.plan.PAGE.write_text(PAGE)
    rows = [loadtest._row(number) for number in loadtest.HEAVIEST]
    assert [(path.name[:2], minutes) for path, minutes in rows] == [
        *(("03", 45), ("08", 30)),
    ]
    assert loadtest.main(["05"]) == 1
    assert "05: in no plan of" in one_sentence(capsys.readouterr().err)


def test_the_cores_of_a_row_follow_from_the_work_of_one_learner():
    # 30 × 480 s of work, of which 45 minutes leave 22.5 for each core
    assert loadtest.needed(480, minutes=45, learners=30) == 11
    assert loadtest.needed(480, minutes=90, learners=30) == 6
    assert loadtest.needed(10, minutes=90, learners=2) == 1


def touched(folder):
    """Stand in for the command that makes checkpoints in a folder."""
    path = folder / "checkpoints.zip"
    path.touch(0o600)
    return path


def test_the_shared_folder_holds_all_that_the_lessons_cached(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("WORKBOOK_WORK", raising=False)
    monkeypatch.setattr(loadtest, "_check_machine", lambda: None)
    monkeypatch.setattr(loadtest.render, "all_folders", lambda: None)
    installed = []
    monkeypatch.setattr(hub, "install", lambda: installed.append("hub"))
    monkeypatch.setattr(loadtest._pinned, "notebooks", lambda: [ROOT / "01"])
    monkeypatch.setattr(loadtest.regenerate, "read", lambda path: path)
    cached = tmp_path / "keras" / "imagenet.h5"
    cached.parent.mkdir()
    cached.write_bytes(b"weights")  # where Keras keeps what it downloads
    weights = loadtest.weights.Weights("imagenet", str(cached))
    monkeypatch.setattr(loadtest.weights, "choose", lambda: weights)

    def run(notebook, path):
        assert shared.VARIABLE not in os.environ
        assert installed == ["hub"]  # what is missing is said at once
        features = tmp_path / "data" / "work" / "features"
        features.mkdir(parents=True)
        (features / f"{path.name}.npy").write_bytes(b"cached")

    monkeypatch.setattr(loadtest.regenerate, "run", run)
    monkeypatch.setattr(loadtest.checkpoints, "make", touched)
    folder = tmp_path / "shared"
    monkeypatch.setenv(shared.VARIABLE, str(folder))
    assert loadtest.main(["--fill"]) == 0
    assert "1 files of cached features" in capsys.readouterr().out
    monkeypatch.setenv(shared.VARIABLE, str(folder))
    assert shared.find("work/weights/imagenet.h5").read_bytes() == b"weights"
    assert shared.find("checkpoints.zip").stat().st_mode & 0o777 == 0o644


@ON_LINUX
def test_the_page_collects_models_results_and_reports(tmp_path):
    page = read("docs/hub.md")
    lines = re.search(r"\n## Collect .*\n\n.*\n\n((?:    .*\n)+)", page)[1]
    wanted = {
        "./learner-01/workbook/data/work/models/two words.keras",
        "./learner-02/workbook/data/work/results/quiz-1.json",
        "./learner-02/workbook/data/work/retrained/this_page/report.html",
        "./learner-02/workbook/data/work/labels/photos-1.csv",
        "./learner-02/workbook/notebooks/02_frozen_baseline.ipynb",
    }
    for name in {*wanted, "./learner-01/workbook/data/work/features/a.npy"}:
        path = tmp_path / "learners" / name
        path.parent.mkdir(parents=True)
        path.touch()
    script = textwrap.dedent(lines).replace("/srv/room", str(tmp_path))
    subprocess.run(["bash", "-ec", script], check=True)
    with tarfile.open(tmp_path / "collected.tar.gz") as archive:
        assert set(archive.getnames()) == wanted


# A hub that ignores SIGTERM, and a child of it.
STUBBORN = "trap '' TERM; sleep 1000 & echo; wait"


@ON_LINUX
def test_no_process_of_a_hub_is_left(monkeypatch):
    monkeypatch.setattr(hub, "END_TIMEOUT", 0.1)
    stubborn = psutil.Popen(["sh", "-c", STUBBORN], stdout=subprocess.PIPE)
    with stubborn.stdout:
        stubborn.stdout.readline()
        (child,) = stubborn.children()
        hub.end(stubborn)
    assert not child.is_running() and stubborn.poll() is not None


# Run in the kernel of a learner.
KERNEL = """
import glob, os, subprocess, zipfile
def allowed(*paths):
    modes = os.R_OK, os.W_OK
    return [[os.access(path, mode) for mode in modes] for path in paths]
def start(*command):
    command = "python3", "start.py", *command
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd="..", text=True, **pipes).stdout
with zipfile.ZipFile("../my_photos.zip", "w") as archive:
    for name in "dent", "pits":
        photos = f"{os.environ['WORKBOOK_SHARED']}/surfaces/photos/{name}/*"
        for path in sorted(glob.glob(photos))[:20]:
            archive.write(path, f"{name}/{os.path.basename(path)}")
"""


@pytest.mark.release
def test_learners_work_on_the_hub_apart_from_each_other(
    tmp_path, monkeypatch, capfd
):
    """On Linux, as root, with a Python that other users may run."""
    folder, room = tmp_path / "shared", tmp_path / "room"
    lessons = loadtest._pinned.notebooks()[1:2]
    monkeypatch.setattr(loadtest._pinned, "notebooks", lambda: lessons)
    # They need lessons 02 to 04.
    monkeypatch.setattr(loadtest.checkpoints, "make", touched)
    room.mkdir()
    folder.mkdir()
    try:
        loadtest._check_machine()
    except ValueError as reason:
        pytest.skip(str(reason))
    for path in (folder, *folder.parents[:-2]):
        path.chmod(0o755)  # pytest's folders are closed to others
    for argv in (["--fill"], ["01", "--at-once=2", "--learners=4"]):
        monkeypatch.setenv(shared.VARIABLE, str(folder))
        assert loadtest.main(argv) == 0
    need = r"\(\d+ minutes of 01\): \d+ cores? and \d+ GiB for 4 learners\."
    assert re.search(need, capfd.readouterr().out)
    with hub.running(room, folder) as address:
        accounts = homes.accounts(room / "hub" / "accounts.csv")
        anna, ben = (
            hub_client.Learner(address, name) for name in [*accounts][:2]
        )
        with pytest.raises(hub_client.LearnerError, match="403"):
            anna.sign_in(accounts[ben.name])
        pids = []
        for learner in (anna, ben):
            learner.sign_in(accounts[learner.name])
            learner.open("notebooks/01_data_prep.ipynb")
            pids.append(learner.run(KERNEL, "os.getpid()"))
        own, other = (f"{room}/learners/{x.name}" for x in (anna, ben))
        both, neither = [True, True], [False, False]
        paths = own, other, f"{room}/hub", str(folder)
        assert anna.run("", f"allowed{paths}") == str(
            [both, neither, neither, [True, False]]
        )
        anna.run(f"os.kill({pids[0]}, 0)")
        with pytest.raises(hub_client.LearnerError, match="PermissionError"):
            anna.run(f"os.kill({pids[1]}, 0)")
        assert anna.request("GET", f"/user/{anna.name}/api/contents/").ok
        assert not anna.request("GET", f"/user/{ben.name}/api/contents/").ok
        # With the packages of the hub, and a ZIP file of their own.
        checked = anna.run("", "start('check', 'my_photos.zip')")
        assert "start.py retrain" in checked and "Installing" not in checked
        assert "READY" in anna.run("", "start('doctor')")
