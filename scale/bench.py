"""Measures shards over many photos.

    python -m scale.bench FILE.json

writes the time and the memory of each shard of 20,000 photos (the default
780, taken again and again, each read and computed like any other). It takes
a few minutes on two cores.
"""

import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from helpers import paths, setup
from helpers.dataset import pipeline, scan, splits
from helpers.features import extraction
from helpers.network import weights
from helpers.surfaces import render
from scale import shards
from scale.features import parser, positive_int


def main(argv: Sequence[str]) -> int:
    """Measure and write; return the exit code."""
    setup.keras_defaults()
    options = parser("scale.bench", __doc__)
    options.add_argument("file", type=Path, help="for the results")
    options.add_argument("--photos", type=positive_int, default=20_000)
    args = options.parse_args(argv)
    folder = scan.check(render.folder())
    photos = splits.whole_folder(folder.path, folder.class_names)
    photos = photos.take(np.arange(args.photos) % len(photos))
    with tempfile.TemporaryDirectory(dir=paths.work()) as out:
        for number, count, _ in shards.fill(
            frozen_layers(), photos, out, extraction.CHUNK_SIZE
        ):
            print(f"shard {number} of {count}", flush=True)
        notes = shards.notes(out)
    results = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, "
        f"{sys.platform}",
        "photos": [len(note["labels"]) for note in notes],
        "seconds": [round(note["seconds"], 2) for note in notes],
        "mib": [round(note["mib"], 2) for note in notes],
    }
    with paths.atomic(args.file) as temporary:
        temporary.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return 0


def frozen_layers() -> keras.Model:
    """Return the layers up to mixed8, as in lesson 09."""
    base = keras.applications.InceptionV3(
        weights=weights.choose().path,
        include_top=False,
        input_shape=(pipeline.SIZE, pipeline.SIZE, 3),
    )
    inputs = keras.Input(base.input_shape[1:])
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    to_cut = keras.Model(base.input, base.get_layer("mixed8").output)
    return keras.Model(inputs, to_cut(scaled))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
