"""Trains the starter weights: python -m pretraining.train --help"""

import argparse
import itertools
import multiprocessing
import os
import queue
import threading
import time
from pathlib import Path

import numpy as np

from helpers.files import atomic
from pretraining import pictures, targets

BATCH = 32
SHARD = 512  # pictures in a file
# Stages: until which share of the time; pixels of a crop and of the drawn
# picture; pictures drawn; how plain their marks are (see pictures.draw);
# how far the contrast is evened out; learning rate at the end of the stage.
# Easy first: with low and uneven contrast nothing is learned for long.
PLAN = (
    (0.62, 128, 192, 32 * 1024, 0.5, 0.5, 0.9e-3),
    (0.88, 160, 192, 32 * 1024, 0.5, 0.2, 0.5e-3),
    (1.00, 224, 256, 6 * 1024, 0.1, 0.0, 2e-5),
)
# How often a picture is taken, by its ground and by its mark: loud grounds
# hide marks, and fractals are many.
LOUD = {"_boards", "_twill", "_knit", "_tiles", "_bricks", "_granite",
        "_sponge", "_fur", "_honeycomb", "_checks", "_stripes", "_dotted",
        "_plaid", "_camouflage", "_crumpled", "_bark", "_mesh"}  # fmt: skip
LAST = len(pictures.MARKS) - 1
FRACTALS = range(LAST - pictures.FRACTALS, LAST)
WORTH = (
    [0.3 if g.__name__ in LOUD else 1.0 for g in pictures.GROUNDS],
    [0.2 if m in FRACTALS else 1.0 for m in range(LAST)],
)
WARM_UP = 200  # steps
CLOSING = 0.998  # what a step leaves of the thresholds of late blocks
START_RATE = 1e-3
PAUSE = 20  # seconds; a step that took longer means that the run was held


def stage(share):
    """Return the entry of `PLAN` for a share of the time, and its rate."""
    begun, rate = 0.0, START_RATE
    for entry in PLAN:
        if share < entry[0] or entry is PLAN[-1]:
            into = min(1, (share - begun) / (entry[0] - begun))
            swing = (1 - np.cos(np.pi * into)) / 2
            return entry, rate + (entry[6] - rate) * swing
        begun, rate = entry[0], entry[6]


# --- Pictures, drawn ahead by a process of its own ------------------------


def folder_of(out, entry):
    """Return the folder of the pictures of a stage."""
    return Path(out) / f"pictures-{entry[2]}-{entry[4]:g}"


def draw_ahead(out, first=0):
    """Draw the pictures of all stages, in order, a file at a time."""
    if hasattr(os, "nice"):
        os.nice(10)
    for entry in PLAN[first:]:
        folder = folder_of(out, entry)
        for number in range(entry[3] // SHARD):
            path = folder / f"{number:04d}.npz"
            if path.exists():
                continue
            rng = np.random.default_rng([entry[2], number])
            drawn = [
                pictures.draw(rng, entry[2], entry[4]) for _ in range(SHARD)
            ]
            images, where, *labels = zip(*drawn, strict=True)
            with atomic(path) as part, open(part, "wb") as file:
                np.savez(
                    file,
                    images=np.stack(images),
                    where=np.packbits(np.stack(where), axis=-1),
                    labels=np.stack(labels, 1).astype("int32"),
                )


class Pictures:
    """Gives batches from the pictures drawn so far, prepared ahead."""

    def __init__(self, out, entry, seed):
        self.folder, self.entry = folder_of(out, entry), entry
        self.rng = np.random.default_rng(seed)
        self.shards = {}
        self.ready = queue.Queue(maxsize=4)
        self.stopped = False
        threading.Thread(target=self._fill, daemon=True).start()

    def look(self):
        """Take up files that have been drawn since."""
        for path in sorted(self.folder.glob("[0-9]*.npz")):
            if path.name not in self.shards:
                with np.load(path) as file:
                    self.shards[path.name] = (
                        file["images"], file["where"], file["labels"],
                    )  # fmt: skip

    def batch(self, rng, count):
        """Return pixels from -1 to 1, cropped and varied, and targets."""
        shards = list(self.shards.values())
        cut = self.entry[1]
        spare = self.entry[2] - cut
        pixels = np.empty((count, cut, cut, 3), "float32")
        masks = np.empty((count, cut, cut), "bool")
        labels = np.empty((count, 2), "int64")
        for i in range(count):
            images, where, its = shards[rng.integers(len(shards))]
            n = rng.integers(len(images))
            while rng.random() > WORTH[0][its[n, 0]] * WORTH[1][its[n, 1]]:
                n = rng.integers(len(images))
            top, left = rng.integers(0, spare + 1, 2)
            window = (slice(top, top + cut), slice(left, left + cut))
            crop = images[n][window]
            mask = np.unpackbits(where[n], axis=-1)[window]
            turn, mirror = rng.integers(4), rng.random() < 0.5
            crop, mask = np.rot90(crop, turn), np.rot90(mask, turn)
            pixels[i] = crop[:, ::-1] if mirror else crop
            masks[i] = mask[:, ::-1] if mirror else mask
            labels[i] = its[n]
        even = self.entry[5]
        mean = pixels.mean((1, 2, 3), keepdims=True)
        std = pixels.std((1, 2, 3), keepdims=True)
        shape = mean.shape
        gain = (50 / (std + 4)) ** even * np.exp(rng.normal(0, 0.2, shape))
        level = mean * (1 - even) + 127 * even + rng.normal(0, 12, shape)
        tint = np.exp(rng.normal(0, 0.06, (count, 1, 1, 3)))
        pixels = ((pixels - mean) * gain + level) * tint
        pixels = np.clip(pixels, 0, 255).astype("float32")
        return pixels / 127.5 - 1, targets.wanted(pixels, masks, *labels.T)

    def _fill(self):
        for turn in itertools.count():
            if turn % 50 == 0:
                self.look()
                while not self.shards and not self.stopped:
                    time.sleep(1)
                    self.look()
            if self.stopped:
                return
            self.ready.put(self.batch(self.rng, BATCH))


# --- Checkpoints ----------------------------------------------------------


def save(path, base, model, step, spent):
    """Write all that a run needs to go on, in one step."""
    arrays = {"step": np.array(step), "spent": np.array(spent)}
    for name, variables in (
        ("base", base.weights),
        ("model", model.weights),
        ("optimizer", model.optimizer.variables),
    ):
        if name == "model":
            own = {id(v) for v in base.weights}
            variables = [v for v in variables if id(v) not in own]
            name = "heads"
        for number, variable in enumerate(variables):
            arrays[f"{name}-{number:03d}"] = np.asarray(variable)
    with atomic(path) as part, open(part, "wb") as file:
        np.savez(file, **arrays)


def load(path, base, model):
    """Take up a checkpoint; return its step and the seconds spent."""
    own = {id(v) for v in base.weights}
    with np.load(path) as file:
        for name, variables in (
            ("base", base.weights),
            ("heads", [v for v in model.weights if id(v) not in own]),
            ("optimizer", model.optimizer.variables),
        ):
            for number, variable in enumerate(variables):
                variable.assign(file[f"{name}-{number:03d}"])
        return int(file["step"]), float(file["spent"])


# --- The run --------------------------------------------------------------


def train(minutes, out, resume=False, start=None):
    """Train for so many minutes in all; leave checkpoints in `out`.

    Args:
        minutes: of the whole run, what went before `resume` included.
        out: a folder for the pictures, the checkpoint and the log.
        resume: go on from the checkpoint in `out`.
        start: an 8-bit file to begin from, as `helpers.starter` reads it.
    """
    import keras

    from pretraining import network

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(network.precise())
    grounds, marks = len(pictures.GROUNDS), len(pictures.MARKS) - 1
    base, model = network.build(grounds, marks)
    optimizer = keras.optimizers.AdamW(
        START_RATE, weight_decay=0.02, beta_2=0.99, global_clipnorm=10.0
    )
    model.compile(
        optimizer,
        loss=[network.loss(grounds, marks)] * len(targets.TAPS),
        loss_weights=[worth for worth, *_ in targets.TAPS.values()],
        jit_compile=False,
    )
    optimizer.build(model.trainable_variables)
    thresholds = network.late_thresholds(base)
    step, spent = 0, 0.0
    if start:
        from helpers import starter

        base.set_weights(starter.read(start))
    if resume:
        step, spent = load(out / "checkpoint.npz", base, model)
    first = PLAN.index(stage(spent / (minutes * 60))[0])
    artist = multiprocessing.get_context("spawn").Process(
        target=draw_ahead, args=(out, first), daemon=True
    )
    artist.start()
    source = entry = None
    last = saved = noted = time.time()
    sums, seen = 0.0, 0
    rng = np.random.default_rng(7)
    while spent < minutes * 60:
        now, rate = stage(spent / (minutes * 60))
        if now is not entry:
            if source:
                source.stopped = True
            entry = now
            source = Pictures(out, entry, step)
        optimizer.learning_rate.assign(rate * min(1, (step + 1) / WARM_UP))
        pixels, wanted = source.ready.get()
        sums += float(model.train_on_batch(pixels, wanted)[0])
        seen += len(pixels)
        step += 1
        if step % 10 == 0:
            for threshold in thresholds:
                threshold.assign(threshold * CLOSING**10)
        moment = time.time()
        spent += min(moment - last, PAUSE)
        last = moment
        if step % 100 == 0:
            tests, wanted = source.batch(rng, 64)
            found = model.predict_on_batch(tests)
            table = [
                network.right(its, np.asarray(says), grounds, marks)
                for its, says in zip(wanted, found, strict=True)
            ]
            words = " ".join(f"{a:.2f}/{b:.2f}" for a, b in table)
            line = (
                f"{spent / 60:6.1f} min step {step} size {entry[1]} "
                f"loss {sums / 100:.3f} rate {rate:.1e} "
                f"{(moment - noted) / seen * 1e3:.1f} ms/picture "
                f"shards {len(source.shards)} | {words}"
            )
            print(line, flush=True)
            with open(out / "log.txt", "a") as log:
                log.write(line + "\n")
            sums, seen, noted = 0.0, 0, time.time()
        if moment - saved > 240:
            save(out / "checkpoint.npz", base, model, step, spent)
            saved = time.time()
    save(out / "checkpoint.npz", base, model, step, spent)
    source.stopped = True
    artist.terminate()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--start", help="8-bit file to begin from")
    args = parser.parse_args()
    train(args.minutes, args.out, args.resume, args.start)


if __name__ == "__main__":
    main()
