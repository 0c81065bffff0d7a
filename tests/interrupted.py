"""Kills a small run of everything again and again: for test_killed.py.

    WORKBOOK_WORK=FOLDER/work python tests/interrupted.py KILLS

From rendering photos to the results log, in an empty folder. One run goes
through; its results are noted. Then each of KILLS runs is killed (-9) at a
random moment, as the next thing touches a file or a training step ends, and
the run after it has to come to the same results. At the end two runs at once
have to, in an empty folder. An error says where that was not so.
"""

import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import sys
import traceback

import keras
import tensorflow as tf

from helpers import paths, results
from helpers.dataset import scan, splits
from helpers.features import extraction
from helpers.network import dtypes, saving
from helpers.surfaces import render

FOLDER, KILLS = paths.work().parent.resolve(), int(sys.argv[1])
# What each part of the work leaves; it is removed before the part is tried.
LEAVES = {
    "draw": "data",
    "split": "work/splits",
    "store": "work/features",
    "train": "work/models",
    "save": "work/models",
    "note": "work/results",
}
now = "start"  # the part of the work that is being done
seen = {}  # part: moments counted in it
deadly = (None, 0)  # part and moment at which to die
numbers = itertools.count()


def moment(*_, **__):
    """Count a moment, and die if it is the one."""
    seen[now] = seen.get(now, 0) + 1
    if deadly == (now, seen[now]):
        os.kill(os.getpid(), signal.SIGKILL)


def on_event(event, args):
    """Take each touch of a file in the folder for a moment."""
    if event in ("open", "os.rename", "os.mkdir", "os.remove"):
        if str(args[0]).startswith(str(FOLDER)):
            moment()


def work():
    """Do a little of everything the lessons do."""
    global now
    now = "draw"
    os.environ["WORKBOOK_DATA"] = str(FOLDER / "data")
    render.CLASS_NAMES = ("clean", "scratch")
    render.SETS = {"photos": 14}
    folder = render.folder()
    now = "split"
    train, validation, _ = splits.split(scan.check(folder), (50, 25, 25))
    now = "store"
    dtypes.fastest_dtype = lambda: "float32"  # measured, it might change
    extraction.CHUNK_SIZE = 4  # so that a part lies in several files
    keras.utils.set_random_seed(0)
    inputs = keras.Input((299, 299, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(8, 23, 23, activation="relu")(x)
    features = keras.layers.GlobalAveragePooling2D()(x)
    describe = keras.Model(inputs, features)
    augment = keras.Sequential([keras.layers.RandomFlip(seed=0)])
    copies = [
        extraction.extract(describe, train),
        extraction.extract(describe, train, augment, 1),
    ]
    x_validation = extraction.extract(describe, validation)
    now = "train"
    head = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(2, activation="softmax")]
    )
    head.compile("adam", "sparse_categorical_crossentropy")
    step = keras.callbacks.LambdaCallback(on_train_batch_end=moment)
    for copy in copies:
        head.fit(copy, train.labels, batch_size=4, verbose=0, callbacks=[step])
    now = "save"
    whole = keras.Model(inputs, head(features))
    saving.save(whole, train, "02_frozen_baseline")
    now = "note"
    answers = head.predict(x_validation, verbose=0).argmax(-1)
    right = {"frozen base": answers == validation.labels}
    results.write("02_frozen_baseline", "starter", folder, right)
    now = "end"


def left_behind():
    """Return {what: check sum} of all that a run leaves for a reader."""
    model, metadata = saving.load(paths.model_path("02_frozen_baseline"))
    arrays = [a.tobytes() for a in model.get_weights()]
    found = {
        "model": hashlib.md5(b"".join(arrays)).hexdigest() + str(metadata)
    }
    kept = {".jpg", ".png", ".npy", ".csv"}
    for path in sorted(FOLDER.rglob("[!.]*")):
        if path.is_file() and path.suffix in kept:
            name = str(path.relative_to(FOLDER))
            found[name] = hashlib.md5(path.read_bytes()).hexdigest()
    for path in sorted((FOLDER / "work" / "results").glob("*.json")):
        entry = json.loads(path.read_text())
        # The mark of a model depends on the names that Keras has counted up
        # to; what counts is that the results log knows whose model it is.
        entry["model"] = results.is_of(
            entry["lesson"], entry["weights"], entry["photos"]
        )
        found[path.name] = json.dumps(entry)
    return found


def run(at=(None, 0)):
    """Run it all in a process of its own; return how that ended.

    That is its exit code (negative: killed), and what it wrote: the moments
    it counted, or its results.
    """
    return _ended(_begun(at))


def _begun(at=(None, 0)):
    """Start a run; return its process and where it will report."""
    global deadly
    report = FOLDER.with_name(f"report-{next(numbers)}.json")
    child = os.fork()
    if not child:
        code = 1
        try:
            deadly = at
            sys.addaudithook(on_event)
            work()
            report.write_text(json.dumps([seen, left_behind()]))
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child, report


def _ended(started):
    """Wait for a run; return what `run` does."""
    child, report = started
    status = os.waitpid(child, 0)[1]
    text = report.read_text() if report.exists() else "[{}, {}]"
    return os.waitstatus_to_exitcode(status), *json.loads(text)


def main():
    tf.config.experimental.enable_op_determinism()
    code, moments, expected = run()
    assert code == 0, "the run that nobody interrupts fails"
    rng = random.Random(0)
    for number in range(KILLS):
        split = list(LEAVES)[number % len(LEAVES)]
        shutil.rmtree(FOLDER / LEAVES[split])
        # With a cache, a check touches fewer files than the first run did.
        shutil.rmtree(FOLDER / "work" / "checked")
        at = (split, rng.randint(1, moments[split]))
        assert run(at)[0] == -signal.SIGKILL, f"not killed at {at}"
        code, _, got = run()
        assert code == 0, f"the run after one that was killed at {at} fails"
        assert got == expected, f"killed at {at}: {differing(got, expected)}"
    shutil.rmtree(FOLDER)
    for code, _, got in [_ended(one) for one in (_begun(), _begun())]:
        assert code == 0, "one of two runs at once fails"
        assert got == expected, f"two at once: {differing(got, expected)}"


def differing(got, expected):
    """Return the names of what differs, or is there only once."""
    return sorted({name for name, _ in got.items() ^ expected.items()})


if __name__ == "__main__":
    main()
