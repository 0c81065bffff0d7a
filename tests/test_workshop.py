"""The hub of a room: one set of settings, isolated homes, a clean end."""

import contextlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading

import pytest
import requests
import yaml
from clone import one_sentence
from test_project import read
from traitlets.config import Config

from helpers import shared
from helpers.paths import ROOT
from tools import _memory, loadtest
from workshop import homes, hub_client

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


# The settings.


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Reads jupyterhub_config.py as JupyterHub does, as root."""
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setenv("WORKBOOK_PASSWORD", "of the room")
    monkeypatch.setenv("WORKBOOK_ROOM", str(tmp_path / "room"))
    monkeypatch.delenv(shared.VARIABLE, raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run():
        c, path = Config(), ROOT / "workshop" / "jupyterhub_config.py"
        given = {"get_config": lambda: c, "__file__": str(path)}
        exec(compile(path.read_text("utf-8"), path, "exec"), given)
        return c

    return run


def test_one_machine_and_kubernetes_have_the_same_settings(settings):
    c, values = settings(), yaml.safe_load(read("workshop/values.yaml"))
    user, config = values["singleuser"], values["hub"]["config"]
    (culler,) = c.JupyterHub.services
    (mount,) = user["storage"]["extraVolumeMounts"]
    (volume,) = user["storage"]["extraVolumes"]
    assert c.Spawner.mem_guarantee == user["memory"]["guarantee"]
    assert c.Spawner.mem_limit == user["memory"]["limit"]
    assert c.Spawner.start_timeout == user["startTimeout"]
    assert c.Spawner.environment == user["extraEnv"]
    assert c.Spawner.environment[shared.VARIABLE] == mount["mountPath"]
    assert mount["readOnly"] and volume["persistentVolumeClaim"]["readOnly"]
    assert values["cull"]["enabled"]
    assert culler["command"][-2:] == [
        f"--timeout={values['cull']['timeout']}",
        f"--cull-every={values['cull']['every']}",
    ]
    hub = config["JupyterHub"]
    assert c.JupyterHub.authenticator_class == hub["authenticator_class"]
    assert dict(c.Authenticator) == config["Authenticator"]


def test_the_address_of_the_hub_needs_a_port(settings, monkeypatch):
    monkeypatch.setenv("WORKBOOK_ADDRESS", "http://hub.example.org")
    with pytest.raises(SystemExit, match="hub.example.org: add a port"):
        settings()


@pytest.mark.parametrize(
    ("password", "user", "words"),
    [
        ("", 0, "8 characters"),
        ("short", 0, "8 characters"),
        ("of the room", 1000, "as root"),
    ],
)
def test_an_unsafe_hub_does_not_start(
    settings, monkeypatch, password, user, words
):
    monkeypatch.setenv("WORKBOOK_PASSWORD", password)
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    with pytest.raises(SystemExit, match=words):
        settings()


def test_what_the_hub_keeps_is_in_a_folder_of_its_own(settings, tmp_path):
    c = settings()
    secret = tmp_path / "room" / "hub"
    assert secret.stat().st_mode & 0o077 == 0
    for path in (
        c.JupyterHub.cookie_secret_file,
        c.JupyterHub.db_url.removeprefix("sqlite:///"),
        c.ConfigurableHTTPProxy.pid_file,
    ):
        assert path.startswith(f"{secret}/")


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("anna-2", True),
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


# What is installed.


def test_the_lock_of_the_proxy_has_a_hash_for_each_package():
    packages = json.loads(read("workshop/package-lock.json"))["packages"]
    wanted = json.loads(read("workshop/package.json"))["dependencies"]
    assert packages.pop("")["dependencies"] == wanted
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")


def test_the_image_holds_what_a_home_does():
    copied = {
        word
        for line in read("workshop/Dockerfile").splitlines()
        if line.startswith("COPY") and "/opt/workbook" in line
        for word in line.split()[1:-1]
    }
    assert copied == set(homes.CONTENTS)


def test_a_home_has_every_package_of_the_project_that_a_lesson_imports():
    wanted = set()
    for path in (homes.ROOT / "notebooks").glob("*.ipynb"):
        code = "\n".join(
            "".join(cell["source"])
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            if cell["cell_type"] == "code"
        )
        wanted |= set(re.findall(r"^(?:from|import) (\w+)", code, re.M))
    ours = {name for name in wanted if (homes.ROOT / name).is_dir()}
    assert {"helpers", "scale"} <= ours <= set(homes.CONTENTS)


# Homes.


@pytest.fixture
def owners(monkeypatch):
    """{path: user id}, in place of what only root may do."""
    given = {}

    def change(path, user, group):
        assert user == group
        given[path.name.removeprefix(".part-")] = user

    monkeypatch.setattr(os, "chown", change, raising=False)
    monkeypatch.setattr(homes, "_owner", lambda path: given[path.name])
    monkeypatch.setattr(homes, "_has_account", lambda number: False)
    return given


def test_each_home_is_closed_and_of_another_user(owners, tmp_path):
    anna, ben = (tmp_path / "home" / name for name in ("anna", "ben"))
    assert homes.ready(anna) == homes.FIRST_ID
    assert homes.ready(ben) == homes.FIRST_ID + 1
    for home in (anna, ben):
        assert home.stat().st_mode & 0o777 == 0o700
    lesson = "02_frozen_baseline.ipynb"
    assert (anna / "workbook" / "notebooks" / lesson).is_file()
    assert (anna / "workbook" / "data" / "starter").is_dir()
    assert not list(anna.rglob("work")) and not list(anna.rglob(".git"))
    assert owners[lesson] == homes.FIRST_ID + 1  # it was given away, too


def test_what_a_learner_has_is_never_touched(owners, tmp_path):
    home = tmp_path / "home" / "anna"
    number = homes.ready(home)
    (home / "workbook" / "LICENSE").write_text("changed")
    assert homes.ready(home) == number
    assert (home / "workbook" / "LICENSE").read_text() == "changed"


def test_an_account_keeps_its_id(owners, tmp_path, monkeypatch):
    taken = {homes.FIRST_ID, homes.FIRST_ID + 1}
    monkeypatch.setattr(homes, "_has_account", taken.__contains__)
    assert homes.ready(tmp_path / "home" / "anna") == homes.FIRST_ID + 2


@ON_LINUX
def test_the_probe_reports_what_is_allowed(tmp_path):
    names = {}
    exec(loadtest.PROBE, names)
    allowed, no = names["allowed"], tmp_path / "none"
    assert allowed(tmp_path, os.getpid(), no, no) == loadtest.HOME
    assert allowed(no, 2**30, no, no) == []
    assert allowed(no, 2**30, tmp_path, tmp_path) == [
        *("change the shared folder", "list the hub's files"),
    ]


# The load test.


@pytest.mark.parametrize(
    ("argv", "user", "words"),
    [
        (["1"], 0, "2 or more"),
        (["2"], 1000, "as root"),
        (["2", "--shared", "."], 0, "--fill"),
    ],
)
def test_a_load_test_that_can_not_run_says_why(
    monkeypatch, capsys, argv, user, words
):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert loadtest.main(argv) == 1
    assert words in one_sentence(capsys.readouterr().err)


@pytest.mark.release
def test_two_learners_run_a_lesson_on_the_hub_at_once(tmp_path_factory):
    """On Linux, as root, with a Python that other users may run."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / shared.FEATURES).mkdir(parents=True)
    try:
        loadtest._check(2, folder)
    except ValueError as reason:
        pytest.skip(str(reason))
    assert loadtest.main(["--fill", str(folder)]) == 0
    for path in (folder, *folder.parents[:-2]):
        path.chmod(0o755)  # pytest's folders are closed to others
    command = [sys.executable, "-m", "tools.loadtest", "2"]
    done = subprocess.run([*command, f"--shared={folder}"], cwd=ROOT)
    assert done.returncode == 0


def test_weights_in_keras_cache_are_shared_too(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("WORKBOOK_WORK", raising=False)
    for draw in ("folder", "all_folders"):
        monkeypatch.setattr(loadtest.render, draw, lambda: None)
    cached = tmp_path / "keras" / "imagenet.h5"
    cached.parent.mkdir()
    cached.write_bytes(b"weights")
    weights = loadtest.weights.Weights("imagenet", str(cached))
    monkeypatch.setattr(loadtest.weights, "choose", lambda: weights)
    folder = tmp_path / "shared"
    assert loadtest.main(["--fill", str(folder)]) == 0
    assert "0 files of cached features" in capsys.readouterr().out
    monkeypatch.setenv(shared.VARIABLE, str(folder))
    assert shared.find("work/weights/imagenet.h5").read_bytes() == b"weights"


def test_the_need_of_a_room_follows_from_one_and_many():
    visits = [loadtest.Visit(None, waited=s) for s in (150, 170, 160)]
    text = loadtest.summary(70, visits, 2 * 2**30, 5 * 2**30)
    # (170 - 70) / 2 = 50 s and (5 - 2) / 2 = 1.5 GiB for each more
    assert " 1520 s, " in text  # 70 + 29 × 50
    assert " 45.5 GiB." in text  # 2 + 29 × 1.5


@pytest.mark.parametrize("status", [403, 500])
def test_a_learner_who_is_not_let_in_says_so(status):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.command == "GET" else status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_GET  # noqa: N815 - the name is given

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}"
        learner = hub_client.Learner(address, "anna")
        with pytest.raises(hub_client.LearnerError, match=str(status)):
            learner.sign_in("wrong")
        assert learner.can_open("ben")  # this server lets anyone see
        server.shutdown()
        thread.join()


@ON_LINUX
def test_the_peak_memory_of_another_process_is_known():
    hold = "x = b'1' * 50_000_000; del x; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdout.readline()
        peak = _memory.peak(process.pid)
        process.communicate(b"\n")
    assert 50e6 < peak < 200e6


TREE = """
import subprocess, sys
import psutil
from workshop import hub as hub_
hub_.adopt_orphans()
# A hub that ignores SIGTERM, its child, and one that lost its parent.
stubborn = "trap '' TERM; sleep 1000 & (sleep 1000 &) ; echo; wait"
hub = subprocess.Popen(["sh", "-c", stubborn], stdout=subprocess.PIPE)
hub.stdout.readline()
found = psutil.Process().children(recursive=True)
hub_.END_TIMEOUT = 0.1
hub_.end(hub)
print(len(found), *[p.pid for p in found if p.is_running()])
"""


@ON_LINUX
def test_nothing_is_left_running():
    done = subprocess.run(
        [sys.executable, "-c", TREE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    count, *left = done.stdout.split()
    assert int(count) >= 3, done.stderr
    assert left == []
    assert done.returncode == 0


SERVER = """
import sys
from jupyter_server.serverapp import ServerApp
ServerApp.launch_instance([
    "--allow-root", "--port=0", "--ServerApp.base_url=/user/anna/",
    "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
    f"--ServerApp.root_dir={sys.argv[1]}", "--no-browser",
])
"""


def test_a_learner_runs_cells_on_a_server(tmp_path, notebook, code, save):
    save(notebook(code("x = 1"), code("1/0")))
    # Its message has a buffer.
    image = "from ipywidgets import Image; Image(value=b'GIF89a')"
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, tmp_path],
        env=os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path / "run")},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            for line in server.stderr:
                address = re.search(r"http://127\S+?(?=/user/)", line)
                if address:
                    break
            learner, is_open = hub_client.Learner(address[0], "anna"), False
            while not is_open:  # it listens soon after that line
                with contextlib.suppress(requests.ConnectionError):
                    is_open = learner.can_open("anna")
            assert not learner.can_open("ben")
            first, second = learner.open("01_small.ipynb")
            assert learner.run(first, "x + 1") == "2"
            with pytest.raises(hub_client.LearnerError, match="^ZeroDiv"):
                learner.run(second)
            assert learner.run(image, "x") == "1"
            learner.close()
        finally:
            server.terminate()
