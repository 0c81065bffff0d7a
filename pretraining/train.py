"""Trains the starter weights: python -m pretraining.train --help"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from helpers.paths import atomic
from pretraining import pictures

if TYPE_CHECKING:
    import keras

SHARD = 512  # pictures in a file
# Stages: until which share of the time; pixels of a view and of the drawn
# picture; files drawn; how plain their marks are (see pictures.draw);
# how far the contrast is evened out; learning rate at the end of the stage.
# Easy first: with low and uneven contrast nothing is learned for long.
PLAN = (
    (0.45, 128, 192, 48, 0.5, 0.5, 0.9e-3),
    (0.75, 128, 192, 48, 0.2, 0.2, 0.5e-3),
    (1.00, 224, 256, 12, 0.1, 0.0, 1e-5),
)
# How often a picture is taken, by its ground and by its mark: loud grounds
# hide marks, and fractals are many.
LOUD = {"_boards", "_twill", "_knit", "_tiles", "_bricks", "_granite",
        "_sponge", "_fur", "_honeycomb", "_checks", "_stripes", "_dotted",
        "_plaid", "_camouflage", "_crumpled", "_bark", "_mesh"}  # fmt: skip
LAST = len(pictures.MARKS) - 1
FRACTALS = range(LAST - pictures.FRACTALS, LAST)
WORTH = (
    np.array(
        [
            0.3
            if ground.__name__ in LOUD
            else 3.0
            if ground is pictures._anything
            else 1.0
            for ground in pictures.GROUNDS
        ]
    ),
    np.array([0.2 if m in FRACTALS else 1.0 for m in range(LAST)]),
)
WARM_UP = 200  # steps
CLOSING = 0.998  # what a step leaves of the thresholds of late blocks
START_RATE = 1e-3
PAUSE = 20  # seconds; a step that took longer means that the run was held


def stage(share: float) -> tuple[tuple, float]:
    """Return the entry of `PLAN` for a share of the time, and its rate."""
    begun, rate = 0.0, START_RATE
    for entry in PLAN:
        if share < entry[0] or entry is PLAN[-1]:
            into = min(1, (share - begun) / (entry[0] - begun))
            swing = (1 - np.cos(np.pi * into)) / 2
            return entry, rate + (entry[6] - rate) * swing
        begun, rate = entry[0], entry[6]


# --- Pictures, drawn ahead by processes of their own ----------------------


def folder_of(out: str | Path, entry: tuple) -> Path:
    """Return the folder of the pictures of a stage."""
    return Path(out) / f"pictures-{entry[2]}-{entry[4]:g}"


def draw_ahead(out: str | Path, many: int, artist: int, artists: int) -> None:
    """Draw one artist's share of the pictures of all stages, in order."""
    for entry in PLAN:
        folder = folder_of(out, entry)
        for number in range(artist, entry[3] * many, artists):
            path = folder / f"{number:04d}.npz"
            if path.exists():
                continue
            rng = np.random.default_rng([entry[2], int(entry[4] * 10), number])
            drawn = [
                pictures.draw(rng, entry[2], entry[4]) for _ in range(SHARD)
            ]
            images, where, grounds, marks = zip(*drawn, strict=True)
            with atomic(path) as temporary, open(temporary, "wb") as file:
                np.savez(
                    file,
                    images=np.stack(images),
                    where=np.packbits(np.stack(where), axis=-1),
                    grounds=np.array(grounds, "int32"),
                    marks=np.array(marks, "int32"),
                )


class Pictures:
    """Gives batches from the pictures drawn so far, prepared ahead."""

    SHARDS = 4  # that a batch comes from

    def __init__(self, out, entry, batch, seed):
        self.folder, self.batch = folder_of(out, entry), batch
        self.rng = np.random.default_rng(seed)
        self.shards = {}
        self.ready = queue.Queue(maxsize=4)
        self.stopped = False
        threading.Thread(target=self._fill, daemon=True).start()

    def look(self) -> None:
        """Take up files that have been drawn since."""
        for path in sorted(self.folder.glob("[0-9]*.npz")):
            if path.name not in self.shards:
                with np.load(path) as file:
                    shard = {name: file[name] for name in file.files}
                worth = WORTH[0][shard["grounds"]] * WORTH[1][shard["marks"]]
                shard["worth"] = worth / worth.sum()
                self.shards[path.name] = shard
            if self.stopped:
                return

    def drawn(self) -> list[npt.NDArray]:
        """Return images, masks, grounds and marks of a batch.

        uint8 (batch, side, side, 3), uint8 (batch, side, side) with 1 where
        the mark is, and int32 (batch,) twice.
        """
        shards = list(self.shards.values())
        parts = []
        for count in np.full(self.SHARDS, self.batch // self.SHARDS):
            shard = shards[self.rng.integers(len(shards))]
            worth = shard["worth"]
            taken = self.rng.choice(len(worth), count, p=worth)
            parts.append(
                (
                    shard["images"][taken],
                    np.unpackbits(shard["where"][taken], axis=-1),
                    shard["grounds"][taken],
                    shard["marks"][taken],
                )
            )
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _fill(self):
        looked = 0
        while not self.stopped:
            if not self.shards or time.time() - looked > 5:
                self.look()
                looked = time.time()
            if not self.shards:
                time.sleep(0.5)
                continue
            batch = self.drawn()
            while not self.stopped:  # else nobody takes it, nor ends this
                with contextlib.suppress(queue.Full):
                    self.ready.put(batch, timeout=1)
                    break


def save(path: Path, base: keras.Model) -> None:
    """Write the weights of a base in their order, for `pretraining.ship`."""
    arrays = {f"{n:03d}": np.asarray(v) for n, v in enumerate(base.weights)}
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


# --- The run --------------------------------------------------------------


def train(
    minutes: float,
    out: str | Path,
    batch: int = 32,
    many: int = 1,
    start: str | None = None,
) -> None:
    """Train for so many minutes; leave the weights in `out`.

    Args:
        out: a folder for the pictures, `checkpoint.npz` and the log.
        batch: pictures in a step, each seen in two views, when views have
            128 pixels; of larger views there are fewer.
        start: an 8-bit file to begin from (`helpers.network.starter`).
    """
    import keras

    from pretraining import network

    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    artists = max(1, (os.cpu_count() or 1) - 2)
    for number in range(artists):
        multiprocessing.get_context("spawn").Process(
            target=draw_ahead, args=(out, many, number, artists), daemon=True
        ).start()
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(network.precise())
    grounds, marks = len(pictures.GROUNDS), len(pictures.MARKS) - 1
    base, heads = network.build(grounds, marks)
    pupil = network.Pupil(heads, grounds, marks)
    optimizer = keras.optimizers.AdamW(
        START_RATE, weight_decay=0.02, beta_2=0.99, global_clipnorm=10.0
    )
    optimizer.build(heads.trainable_variables)
    thresholds = network.late_thresholds(base)
    step, spent = 0, 0.0
    if start:
        from helpers.network import starter

        base.set_weights(starter.read(start))
    source = entry = None
    last = saved = noted = time.time()
    while spent < minutes * 60:
        now, rate = stage(spent / (minutes * 60))
        if now is not entry:
            if source:
                source.stopped = True
            entry = now
            count = int(batch * (128 / entry[1]) ** 2)
            source = Pictures(out, entry, count, step)
            pupil.show(entry[1], entry[5])
            # TensorFlow's compiler takes minutes on a processor.
            compiled = keras.backend.backend() == "jax"
            pupil.compile(optimizer, jit_compile=compiled)
        optimizer.learning_rate.assign(rate * min(1, (step + 1) / WARM_UP))
        said = pupil.train_on_batch(source.ready.get(), return_dict=True)
        step += 1
        if step % 10 == 0:
            for threshold in thresholds:
                threshold.assign(threshold * CLOSING**10)
        moment = time.time()
        spent += min(moment - last, PAUSE)
        last = moment
        if step % 100 == 0:
            words = " ".join(f"{name} {n:.2f}" for name, n in said.items())
            line = (
                f"{spent / 60:6.1f} min step {step} size {entry[1]} "
                f"rate {rate:.1e} {(moment - noted) * 10:.0f} ms/step "
                f"shards {len(source.shards)} {words}"
            )
            print(line, flush=True)
            with open(out / "log.txt", "a") as log:
                log.write(line + "\n")
            pupil.reset_metrics()
            noted = time.time()
        if moment - saved > 120:
            save(out / "checkpoint.npz", base)
            saved = time.time()
    save(out / "checkpoint.npz", base)
    if source:
        source.stopped = True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--many", type=int, default=1)
    parser.add_argument("--start", help="8-bit file to begin from")
    train(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
