"""The layouts of folders that are taken, and what happens to each.

`python tests/layout_cases.py` writes them into data/README.md as a table.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

README = Path(__file__).parent.parent / "data" / "README.md"
BEGIN, END = "<!-- layouts: tests/layout_cases.py -->", "<!-- layouts end -->"


@dataclass(frozen=True)
class Case:
    """A folder, and what `dataset.check` and `dataset.split` make of it.

    Attributes:
        layout, result: a row of the table, as Markdown.
        photos: {name, with {} for a number: how many}.
        texts: {name: content} of other files.
        counts: {class: photos that are used}.
        splits: {split: numbers of the photos in it} of the folder's own.
        options: arguments of `dataset.check`.
        words: from the notes and problems of the report.
    """

    layout: str
    result: str
    photos: dict[str, int]
    counts: dict[str, int]
    texts: dict[str, str] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    words: str = ""


def rows(*names, count=20):
    """Lines `file,label` for numbered photos with the class in their names."""
    return "".join(
        f"{name.format(number)},{name.partition('_')[0]}\n"
        for name in names
        for number in range(count)
    )


def in_splits(name, classes=("bent", "good"), **counts):
    """Photos of each class in each split: {name, with {}: how many}."""
    return {
        name.format(split=split, name=class_name): count
        for split, count in counts.items()
        for class_name in classes
    }


TWO = {"bent": 20, "good": 20}
IN_NAMES = {"bent_{}.jpg": 20, "good_{}.jpg": 20}
CASES = (
    Case(
        "`good/ bent/`",
        "One folder for each class: the classes.",
        {"good/{}.jpg": 20, "bent/{}.jpg": 20},
        TWO,
    ),
    Case(
        "`my_parts/good/ my_parts/bent/`",
        "Folders around all class folders do not matter.",
        {"my_parts/good/{}.jpg": 20, "my_parts/bent/{}.jpg": 20},
        TWO,
        words="the photos lie in my_parts/",
    ),
    Case(
        "`quercus/robur/ quercus/rubra/ acer/rubrum/`",
        "Photos in deeper folders count for the class above.",
        {
            "quercus/robur/{}.jpg": 20,
            "quercus/rubra/a/{}.jpg": 20,
            "acer/rubrum/{}.jpg": 20,
        },
        {"acer": 20, "quercus": 40},
        words="60 files in folders below a class folder, such as acer/rubrum/",
    ),
    Case(
        "`train/ valid/ test/` with class folders inside",
        "The splits are kept. Also `training`, `val`, `validation`, `dev`, "
        "`holdout`, with `_set`, `_images` and the like, in any case.",
        in_splits("{split}/{name}/{{}}.jpg", Train_set=14, VAL=4, test=2),
        TWO,
        splits={"train": 28, "validation": 8, "test": 4},
        words="splits of the folder are kept: train 28, validation 8, test 4",
    ),
    Case(
        "`train/ test/` with class folders inside",
        "The missing split is made from `train`.",
        in_splits("{split}/{name}/{{}}.jpg", train=15, test=5),
        TWO,
        splits={"test": 10},
        words="not in the folder, so made from train: validation",
    ),
    Case(
        "`train/images/good/ train/annotations/`",
        "A folder `images` around the class folders does not matter.",
        in_splits(
            "my/{split}/images/{name}/{{}}.jpg", train=14, val=4, test=2
        ),
        TWO,
        {"my/train/annotations/0.xml": "<a/>"},
        splits={"train": 28, "validation": 8, "test": 4},
        words="the photos lie in my/",
    ),
    Case(
        "`seg_train/seg_train/good/ seg_test/seg_test/good/`",
        "The same: neither a folder inside one of its own name matters, nor "
        "what the names of all splits begin with. `seg_pred` is excluded.",
        in_splits("seg_{split}/seg_{split}/{name}/{{}}.jpg", train=15, test=5)
        | {"seg_pred/seg_pred/{}.jpg": 3},
        TWO,
        splits={"test": 10},
        words="seg_pred/: no class folders in it",
    ),
    Case(
        "`good/train/ good/test/ bent/train/ bent/test/`",
        "Splits in all class folders are kept.",
        in_splits("{name}/{split}/{{}}.jpg", train=15, test=5),
        TWO,
        splits={"test": 10},
        words="splits of the folder are kept: train 30, test 10",
    ),
    Case(
        "`good/ bent/ test/good/ test/bent/`",
        "The same: `test` holds folders named as the classes.",
        {f"{name}/{{}}.jpg": 15 for name in TWO}
        | {f"test/{name}/{{}}.jpg": 5 for name in TWO},
        TWO,
        splits={"test": 10},
        words="not in the folder, so made from train: validation",
    ),
    Case(
        "`train/good/ test/good/ test/bent/`",
        "A class that is not in each of these splits is split anew.",
        {
            "train/good/{}.jpg": 15,
            "test/good/{}.jpg": 5,
            "test/bent/{}.jpg": 20,
        },
        TWO,
        words="bent: not in each of the splits in the folder, so split anew",
    ),
    Case(
        "`good/ bent/ test/`, with photos right in each",
        "`test` is a class; the report asks whether it is.",
        {f"{name}/{{}}.jpg": 20 for name in ("good", "bent", "test")},
        {**TWO, "test": 20},
        words="taken as a class, though splits",
    ),
    Case(
        "one folder and `labels.csv`",
        "A table with the columns `file` and `label` (or `filename`, "
        "`image`, `path`, `id`; `class`, `category`, `target`) is found if "
        "there is one that fits, or named with `--labels`. Names may lack "
        "their suffixes. The columns `group` (or `patient`, `subject_id`, "
        "`lesion_id`) and `split` are used, too.",
        IN_NAMES,
        TWO,
        {"labels.csv": "Image;Class\n" + rows(*IN_NAMES).replace(",", ";")},
        words="the classes are those in labels.csv",
    ),
    Case(
        "`train/_classes.csv valid/_classes.csv test/_classes.csv`",
        "One table in each split, here with a column of 0 and 1 for each "
        "class: classes and splits are those of the tables.",
        in_splits("{split}/{name}", IN_NAMES, train=14, valid=4, test=2),
        TWO,
        {
            f"{split}/_classes.csv": "filename, good, bent\n"
            + rows(*IN_NAMES, count=count)
            .replace(",good", ", 1, 0")
            .replace(",bent", ", 0, 1")
            for split, count in (("train", 14), ("valid", 4), ("test", 2))
        },
        splits={"train": 28, "validation": 8, "test": 4},
        words="the classes are those in test/_classes.csv",
    ),
    Case(
        "`train.csv test.csv` beside folders of photos",
        "Also one table for each split.",
        in_splits("{split}/{split}_{name}", IN_NAMES, train=15, test=5),
        TWO,
        {
            f"{split}.csv": "image_id,label\n"
            + "".join(
                f"{split}_{name}_{number},{name}\n"
                for name in TWO
                for number in range(count)
            )
            for split, count in (("train", 15), ("test", 5))
        },
        splits={"test": 10},
        words="the classes are those in test.csv, train.csv",
    ),
    Case(
        "one folder, `bent_012.jpg`",
        "Refused, with the classes that the names would give. With "
        r"`--class '^(.+)_\d+'` these are taken.",
        IN_NAMES,
        TWO,
        options={"class_pattern": r"^(.+)_\d+"},
        words="the classes are those in the names of files",
    ),
    Case(
        "masks beside photos, as `good/1.png` of `good/1.jpg`, "
        "`good/1_mask.png` or `masks/good/1.png`",
        "Excluded, in one line.",
        {
            "good/{}.jpg": 20,
            "good/{}.png": 20,
            "bent/{}.png": 20,
            "bent/{}_mask.png": 20,
        },
        TWO,
        words="a mask or another version of the photo of the same name",
    ),
    Case(
        "`README.roboflow.txt`, `data.yaml`, `.xml`, `.json`, `.aae`, "
        "`__MACOSX/`, `@eaDir/`, `Thumbs.db` and the like",
        "Ignored and counted, in one line.",
        {"good/{}.jpg": 20, "bent/{}.jpg": 20, "@eaDir/{}.jpg": 2},
        TWO,
        {"data.yaml": "x", "good/0.xml": "<a/>", "good/Thumbs.db": "x"},
        words="ignored: 5 files",
    ),
)


def table() -> str:
    """Return the table of layouts as Markdown."""
    lines = ["| what lies in the folder | what happens |", "|---|---|"]
    lines += [f"| {case.layout} | {case.result} |" for case in CASES]
    return "\n".join([BEGIN, *lines, END])


def write(begin: str, end: str, text: str) -> None:
    """Write a table between two lines of the README."""
    page = README.read_text(encoding="utf-8")
    old = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    README.write_text(old.sub(lambda _: text, page), encoding="utf-8")


if __name__ == "__main__":
    write(BEGIN, END, table())
