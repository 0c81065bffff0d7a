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


NOTES = """
import json, os
def note(path):
    json.dump(dict(os.environ), open(path, "w"))
    import says
    says.say("")
"""


def test_a_new_process_is_understood_and_leaves_the_gpu_alone(
    says, tmp_path, monkeypatch
):
    (tmp_path / "notes.py").write_text(NOTES, encoding="utf-8")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    with pytest.raises(RuntimeError, match="^пятно: note failed .* не фото$"):
        subprocesses.run("notes", "note", tmp_path / "environment.json")
    seen = json.loads((tmp_path / "environment.json").read_bytes())
    assert seen["CUDA_VISIBLE_DEVICES"] == "-1"
    assert seen["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


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
