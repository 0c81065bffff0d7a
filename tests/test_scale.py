"""Real workers on this machine: as one, killed, and started again."""

import json
import os
import re
import socket
import subprocess
from dataclasses import replace

import keras
import numpy as np
import pytest
import yaml
from make_photos import noise_folder

from helpers.dataset import pipeline, splits
from helpers.features import extraction
from helpers.paths import ROOT
from scale import cluster, features, shards, train

PHOTOS, ROWS, BATCH, EPOCHS = 40, 6, 8, 20
STEPS = EPOCHS * (PHOTOS // BATCH)
RATE = 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A list of photos, a small frozen model, a small one to be trained."""
    folder = tmp_path_factory.mktemp("cluster")
    photos = noise_folder(folder / "photos", PHOTOS, "abc")
    split = splits.whole_folder(photos, ("a", "b", "c"))
    shards.write_list(split, folder / "photos.csv")
    keras.utils.set_random_seed(0)
    inputs = keras.Input((299, 299, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(6, 32, 64, activation="relu")(x)
    keras.Model(inputs, x).save(folder / "lower.keras")
    norm = keras.layers.BatchNormalization()
    norm.trainable = False
    keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Conv2D(8, 3),
            norm,
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    ).save(folder / "tail.keras")
    return folder


def fill(folder, out, **options):
    files = folder / "lower.keras", folder / "photos.csv", out
    cluster.run("scale.features", *files, "--rows", ROWS, **options)


def fit(folder, out, **options):
    files = folder / "tail.keras", folder / "shards", folder / out
    settings = "--epochs", EPOCHS, "--batch", BATCH, "--rate", RATE
    settings += "--every", 2
    cluster.run("scale.train", *files, *settings, **options)


def weights(folder, out):
    model = keras.saving.load_model(folder / out / "tail.keras")
    return model.get_weights()


def difference(first, second):
    pairs = zip(first, second, strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


@pytest.fixture(scope="module")
def filled(folder):
    """The same, and its shards, as this process writes them."""
    files = folder / "lower.keras", folder / "photos.csv", folder / "shards"
    assert features.main([*map(str, files), "--rows", str(ROWS)]) == 0
    return folder


@pytest.fixture(scope="module")
def lower(folder):
    return keras.saving.load_model(folder / "lower.keras")


@pytest.fixture(scope="module")
def split(folder):
    return shards.read_list(folder / "photos.csv")


@pytest.fixture(scope="module")
def trained(filled):
    """The same, trained by one worker and by two."""
    fit(filled, "one", workers=1)
    fit(filled, "two", workers=2)
    return filled


# --- Features -------------------------------------------------------------


@pytest.mark.release
def test_workers_that_are_killed_go_on_where_they_were(filled, capfd):
    out = filled / "killed"
    fill(filled, out, workers=1, kill_at="shard 1 ")
    assert "worker 0 was killed" in capfd.readouterr().out
    before = {p: p.stat().st_ino for p in out.glob("00000[01].*")}
    assert len(before) == 4
    fill(filled, out, workers=2)
    output = capfd.readouterr().out
    assert "photo/s" not in output  # the bars of two would run together
    assert "worker 0: shard 0 of 7 already complete" in output
    assert "worker 1: shard 1 of 7" in output
    assert before == {p: p.stat().st_ino for p in before}
    assert not [p for p in out.iterdir() if p.name.startswith(".")]
    mine, theirs = (shards.Shards(filled / n) for n in ("shards", "killed"))
    every = np.arange(PHOTOS)
    for one, other in zip(mine.rows(every), theirs.rows(every), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_shards_hold_the_features_of_lessons(
    filled, lower, split, tmp_path, monkeypatch
):
    data = shards.Shards(filled / "shards")
    indices = np.array([39, 0, 7, 6])
    x, labels = data.rows(indices)
    photos = pipeline.load_photos(split.take(indices).paths)
    expected = lower.predict(photos, verbose=0)
    np.testing.assert_allclose(x, expected, atol=0.02)
    assert labels.tolist() == split.labels[indices].tolist()
    assert len(data) == PHOTOS and data.class_names == ("a", "b", "c")
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path))
    monkeypatch.setattr(extraction, "CHUNK_SIZE", ROWS)
    cached = extraction.extract(lower, split)
    assert len(cached.paths) == len(list((filled / "shards").glob("*.npy")))
    every, _ = data.rows(np.arange(PHOTOS))
    np.testing.assert_array_equal(np.float32(cached), every)


@pytest.mark.parametrize("damage", [None, b'{"of": 1, "ro', b"[1]"])
def test_a_shard_with_a_damaged_file_or_note_is_made_again(
    lower, split, tmp_path, capsys, damage
):
    few = split.take(range(ROWS))

    def filled():
        return list(shards.fill(lower, few, tmp_path, ROWS))

    assert filled() == [(0, 1, True)] and filled() == [(0, 1, False)]
    whole = shards.notes(tmp_path)
    path = tmp_path / "000000.npy"
    if damage is None:
        path.write_bytes(path.read_bytes()[:200])
    else:
        path.with_suffix(".json").write_bytes(damage)
        with pytest.raises(ValueError, match="shards are missing; start"):
            shards.notes(tmp_path)
    assert filled() == [(0, 1, True)]
    assert ("is damaged" in capsys.readouterr().out) == (damage is None)
    assert shards.notes(tmp_path)[0]["photos"] == whole[0]["photos"]


def test_shards_of_something_else_are_refused(filled, split):
    lower = keras.saving.load_model(filled / "lower.keras")
    out = filled / "shards"
    with pytest.raises(ValueError, match="000000 in .* name a new folder"):
        next(shards.fill(lower, split, out, ROWS + 1))
    with pytest.raises(ValueError, match="of other photos"):
        next(shards.fill(lower, split.take(range(9, PHOTOS)), out, ROWS))
    lower.set_weights([w + 1 for w in lower.get_weights()])
    with pytest.raises(ValueError, match="or weights"):
        next(shards.fill(lower, split, out, ROWS))


def test_missing_shards_are_counted_and_half_notes_ignored(filled, tmp_path):
    with pytest.raises(ValueError, match="all shards are missing"):
        shards.Shards(tmp_path)
    for path in (filled / "shards").glob("00000[0-4].*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    note = (tmp_path / "000000.json").read_bytes()
    (tmp_path / ".part-1-otherone-1.json").write_bytes(note)
    with pytest.raises(ValueError, match="2 shards are missing"):
        shards.Shards(tmp_path)


@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n", "file,class\na,b\n"])
def test_what_is_no_list_of_photos_is_refused(text, tmp_path):
    path = tmp_path / "list.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match="no list of photos"):
        shards.read_list(path)


def test_a_list_of_photos_of_another_shape_is_refused(split, tmp_path):
    cropped = replace(split, shape="crop")
    with pytest.raises(ValueError, match="shape is 'crop'; check the folder"):
        shards.write_list(cropped, tmp_path / "list.csv")
    assert not (tmp_path / "list.csv").exists()


# --- Training -------------------------------------------------------------


@pytest.mark.release
def test_two_workers_come_to_the_same_weights_as_one(trained):
    one, two = weights(trained, "one"), weights(trained, "two")
    start = keras.saving.load_model(trained / "tail.keras").get_weights()
    assert difference(one, start) > 0.01
    assert difference(one, two) < 1e-5
    results = json.loads((trained / "two" / "results.json").read_text())
    assert results["replicas"] == 2
    assert results["bytes"] == 4 * (3 * 3 * 6 * 8 + 8 + 8 * 3 + 3)


@pytest.mark.release
def test_one_worker_trains_as_plain_keras_does(trained):
    model = keras.saving.load_model(trained / "tail.keras")
    model.compile(
        keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy"
    )
    data = shards.Shards(trained / "shards")
    for step in range(STEPS):
        indices = shards.batch_indices(PHOTOS, BATCH, step, seed=0)
        model.train_on_batch(*data.rows(indices))
    assert difference(model.get_weights(), weights(trained, "one")) < 1e-5


@pytest.mark.release
def test_nothing_is_lost_when_a_worker_is_killed(trained, capfd):
    fit(trained, "killed", workers=2, kill_at="step 5 ")
    assert "worker 1 was killed" in capfd.readouterr().out
    assert not (trained / "killed" / "tail.keras").exists()
    fit(trained, "killed", workers=2)
    output = capfd.readouterr().out
    after = re.findall(r"worker [01]: continues after step (\d+)\n", output)
    assert len(after) == 2 and after[0] == after[1]
    assert 4 <= int(after[0]) < STEPS and int(after[0]) % 2 == 0
    assert f"step {after[0]} of" not in output
    assert f"step {int(after[0]) + 1} of {STEPS}: loss" in output
    two = weights(trained, "two")
    assert difference(weights(trained, "killed"), two) < 1e-6


@pytest.mark.release
@pytest.mark.parametrize(
    "model, out, option, message",
    [
        ("tail", "one", "--rate=0.5", "it holds another training"),
        ("tail", "large", "--batch=41", "only 40 photos"),
        ("lower", "other", "--batch=8", "it takes (299, 299, 3) and has 6"),
    ],
)
def test_what_does_not_fit_is_refused(
    trained, capsys, model, out, option, message
):
    files = trained / f"{model}.keras", trained / "shards", trained / out
    assert train.main([*map(str, files), option]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-1", "some", "1.5"])
def test_a_number_below_one_is_refused(number, tmp_path, capsys):
    files = [str(tmp_path / name) for name in ("model", "photos", "out")]
    with pytest.raises(SystemExit) as stop:
        train.main([*files, f"--batch={number}"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert f"--batch: {number} will not do; give a whole number" in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.release
def test_workers_whose_port_is_taken_meanwhile_start_on_others(
    filled, monkeypatch
):
    start, taken = cluster._start, []

    def meanwhile(command, config, errors):
        if not taken:
            address = json.loads(config)["cluster"]["worker"][0]
            host, port = address.split(":")
            taken.append(socket.create_server((host, int(port))))
        return start(command, config, errors)

    monkeypatch.setattr(cluster, "_start", meanwhile)
    fit(filled, "elsewhere", workers=2)
    taken[0].close()
    assert (filled / "elsewhere" / "tail.keras").is_file()


def test_each_photo_comes_once_in_an_epoch():
    steps = [shards.batch_indices(43, 8, step, seed=1) for step in range(10)]
    first, second = np.concatenate(steps[:5]), np.concatenate(steps[5:])
    assert len(set(first.tolist())) == len(set(second.tolist())) == 40
    assert first.tolist() != second.tolist()
    assert shards.batch_indices(43, 8, 7, seed=1).tolist() == steps[7].tolist()
    assert shards.batch_indices(43, 8, 7, seed=2).tolist() != steps[7].tolist()


# --- Where TF_CONFIG comes from -------------------------------------------

WORKERS = {"worker": ["a:1", "b:1", "c:1"]}


def config(kind="worker", index=1):
    return {"cluster": WORKERS, "task": {"type": kind, "index": index}}


def test_a_worker_knows_its_number(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert cluster.worker_number() == (0, 1)
    monkeypatch.setenv("TF_CONFIG", json.dumps(config()))
    assert cluster.worker_number() == (1, 3)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"cluster": WORKERS}),
        json.dumps(config(index=3)),
        json.dumps(config(kind="ps")),
    ],
)
def test_a_wrong_number_is_refused(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="scale/README.md shows"):
        cluster.worker_number()


def command(words):
    """Return {module: its arguments}."""
    words = " ".join(words).replace("=", " ").split()
    start = words.index("-m")
    return {words[start + 1]: words[start + 2 :]}


def of_kubernetes():
    commands = {}
    text = (ROOT / "scale" / "tfjob.yaml").read_text()
    for job in yaml.safe_load_all(text):
        worker = job["spec"]["tfReplicaSpecs"]["Worker"]
        (container,) = worker["template"]["spec"]["containers"]
        assert job["kind"] == "TFJob"
        assert container["name"] == "tensorflow"
        assert worker["restartPolicy"] == "OnFailure"
        commands |= command(container["command"])
    return commands


PROGRAMS = {
    "bin/scontrol": "printf 'n1\\nn2\\n'",
    "bin/srun": 'shift; for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@";'
    " done",
    ".venv/bin/python": 'echo "$TF_CONFIG|$*"',
}


@pytest.mark.skipif(os.name == "nt", reason="SLURM does not run there")
def test_slurm_and_kubernetes_run_the_same(tmp_path, monkeypatch):
    for name, program in PROGRAMS.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{program}\n")
        path.chmod(0o755)
    lines = subprocess.run(
        ["bash", ROOT / "scale" / "slurm.sh", "/work"],
        cwd=tmp_path,
        env=os.environ
        | {
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "SLURM_JOB_NODELIST": "n[1-2]",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    commands = {}
    for line, number in zip(lines, (0, 1, 0, 1), strict=True):
        text, _, words = line.partition("|")
        assert json.loads(text)["cluster"]["worker"][1] == "n2:12345"
        monkeypatch.setenv("TF_CONFIG", text)
        assert cluster.worker_number() == (number, 2)
        commands |= command([words])
    assert commands == of_kubernetes()
    assert list(commands) == ["scale.features", "scale.train"]
