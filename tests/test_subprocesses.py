"""The output of new processes is read as they wrote it, on any system."""

import json

import pytest

from helpers.network import subprocesses
from scale import cluster

# Its letters are not those of Windows' old encodings, and one byte is none.
SAYS = r"""
import sys
def say(path):
    print("about пятно", flush=True)
    sys.stdout.buffer.write(b"\xff\n")
    raise ValueError("не фото")
if __name__ == "__main__":
    say("")
"""


@pytest.fixture
def says(tmp_path, monkeypatch):
    """A module `says` on a system whose own encoding is another."""
    (tmp_path / "says.py").write_text(SAYS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONIOENCODING", "cp1251")


def test_a_new_process_is_understood(says):
    with pytest.raises(RuntimeError, match="^пятно: say failed .* не фото$"):
        subprocesses.run("says", "say", "a path")


NOTES = """
import json, os
def note(path):
    json.dump(dict(os.environ), open(path, "w"))
"""


@pytest.mark.parametrize("growth", [None, "false"])
def test_a_second_tensorflow_leaves_the_gpu_alone(
    tmp_path, monkeypatch, growth
):
    (tmp_path / "notes.py").write_text(NOTES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    if growth:
        monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", growth)
    subprocesses.run("notes", "note", tmp_path / "environment.json")
    seen = json.loads((tmp_path / "environment.json").read_bytes())
    assert seen["CUDA_VISIBLE_DEVICES"] == "-1"
    # Set by `setup.tensorflow`, unless the user has set it.
    assert seen["TF_FORCE_GPU_ALLOW_GROWTH"] == (growth or "true")


def test_a_worker_is_understood(says, capsys):
    with pytest.raises(RuntimeError, match="^says, worker 0: .* не фото$"):
        cluster.run("says")
    said = capsys.readouterr().out
    assert "worker 0: about пятно\n" in said
    assert "worker 0: \N{REPLACEMENT CHARACTER}\n" in said


def test_workers_without_a_port_are_started_only_once_more(says, capsys):
    with open("says.py", "w", encoding="utf-8") as file:
        file.write("print('begun'); import sys\n")
        file.write("print('no port', file=sys.stderr)\n")
        file.write(f"sys.exit({cluster.NO_PORT})\n")
    with pytest.raises(RuntimeError, match="^says, worker 0: no port$"):
        cluster.run("says")
    assert capsys.readouterr().out == "worker 0: begun\n" * 2
