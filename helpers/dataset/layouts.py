"""How the photos in a folder are sorted into classes.

`read_folder` takes class folders, train/, validation/ and test/ with class
folders inside, a table of files and labels, and classes in the names of
files. Photos may lie any number of folders below their class.
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath

from helpers.dataset import photo_file, tables
from helpers.dataset.photo_file import Photo, Problem, printed
from helpers.dataset.tree import (
    FolderError,
    Tree,
    kind_of,
    listed,
    outline,
    read_tree,
)
from helpers.text import counted

SPLITS = ("train", "validation", "test")
# Names of splits, such as test, Validation, train_set, test-images, 1_train.
_SPLIT = re.compile(
    r"(?:\d+[ _-]*)?(?:(?P<train>train(?:ing|val)?)"
    r"|(?P<validation>val(?:id|idation|idierung)?|dev|eval(?:uation)?)"
    r"|(?P<test>test(?:ing)?|holdout)|(?P<unlabelled>unlabell?ed|pred))"
    r"(?:[ _-]*(?:set|data|images|photos))?\d*"
)
UNSORTED = ("neuer ordner", "new folder", "predict", "unsorted",
            "untitled folder")  # fmt: skip
_IMAGES = re.compile(r"(images?|imgs?|photos?|pictures?|jpe?gs?)", re.I)
_MASKS = re.compile(
    r"(ground[ _-]?truth|gt|masks?|annotations?|labels?|segmentations?)", re.I
)
_MASK = re.compile(r"(.+?)[ ._-]*(mask|gt|seg|segmentation)([ _-]?\d+)?", re.I)
MASK_SUFFIXES = (".png", ".bmp", ".gif", ".tif", ".tiff")
JPEG_SUFFIXES = (".jpg", ".jpeg")
# What the names of photos may hold after the class: 12, (12), -12, _left.
NAME_PATTERNS = (
    r"^(.+)_\d+", r"^(.+)-\d+", r"^(.+?) *\(\d+\)", r"^(.+) \d+",
    r"^(.+?)\.\d+", r"^([^\W\d_]+)\d+", r"^([^\W_]+)_",
)  # fmt: skip
# What programs write labels into that are not read here.
OTHER_TABLES = ("*.json", "*.xlsx", "*.xls", "*.ods")
WORKS = (
    "What works: a folder of photos for each class; train/ and test/ with a "
    "folder for each class in both; or a CSV file with the columns file and "
    "label beside the photos"
)


@dataclass(frozen=True)
class Item:
    """A file that may be a photo, and what the layout says of it.

    `name` is its path from the folder, with slashes.
    """

    name: str
    class_name: str
    split: str | None = None
    group: str | None = None


@dataclass
class Contents:
    """What lies in a folder.

    `class_names` are also those of folders without a photo. `notes` are
    sentences on how the folder is understood. `ignored` is that of `Tree`.
    """

    items: list[Item] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)

    def leave_out(self, name: str, what: str, do: str, files: int = 1) -> None:
        """Add the problem of a file or folder that is not used."""
        self.problems.append(Problem(printed(name), what, do, True, files))


def split_of(name: str) -> str | None:
    """Return the split that a folder or value of this name is for, or None.

    It is one of `SPLITS`, or "unlabelled".
    """
    match = _SPLIT.fullmatch(name.strip().lower())
    return match.lastgroup if match else None


def read_folder(
    folder: Path, labels: str | None = None, class_pattern: str | None = None
) -> Contents:
    """Return what lies in a folder and how it is sorted; open no photo.

    Args:
        labels: a CSV file, as a path or as a path from `folder`.
        class_pattern: a regular expression whose first group is the class,
            in the name of a file.

    Raises:
        FolderError: the folder is missing, or sorted in no way that is
            known; an argument is wrong.
    """
    tree = read_tree(folder)
    masks = _masks(tree.pictures())
    tree.files = [file for file in tree.files if file not in masks]
    if labels and class_pattern:
        raise FolderError(
            "a table of labels and a class pattern both say which classes "
            "there are; give one of them."
        )
    if labels:
        table = Path(labels).expanduser()
        table = table if table.is_file() else folder / labels
        contents = _by_tables(tree, [table])
    elif class_pattern:
        contents = _by_names(tree, class_pattern)
    else:
        contents = _by_folders(tree)
        if len({item.class_name for item in contents.items}) < 2:
            contents = _by_tables(tree, _matching_tables(tree))
    what = "a mask or another version of the photo of the same name"
    for mask in sorted(masks):
        contents.leave_out(
            str(mask), what, "If it shows something else, rename it to use it."
        )
    contents.class_names += [item.class_name for item in contents.items]
    contents.class_names = sorted(set(contents.class_names))
    contents.problems += tree.problems
    contents.ignored = tree.ignored + Counter(map(kind_of, tree.tables))
    return contents


# --- Masks ------------------------------------------------------------------


def _masks(pictures: Sequence[PurePosixPath]):
    """Return the masks and other copies that lie beside photos.

    They have the stem of a photo, in the same folder or in a folder such as
    masks/ beside it.
    """
    stems = {picture.parent / picture.stem for picture in pictures}
    photos = {_place(p) for p in pictures if not _in_mask_folder(p)}
    masks, jpegs = set(), set()
    versions = defaultdict(list)
    for picture in pictures:
        named = _MASK.fullmatch(picture.stem)
        if (named and picture.parent / named[1] in stems) or (
            _in_mask_folder(picture) and _place(picture) in photos
        ):
            masks.add(picture)
        elif picture.suffix.lower() in MASK_SUFFIXES:
            versions[picture.parent].append(picture)
        if picture.suffix.lower() in JPEG_SUFFIXES:
            jpegs.add(picture.parent / picture.stem)
    for group in versions.values():
        twins = [p for p in group if p.parent / p.stem in jpegs]
        # Two photos may have one number by chance.
        if 2 * len(twins) >= len(group):
            masks.update(twins)
    return masks


def _in_mask_folder(picture: PurePosixPath):
    return any(map(_MASKS.fullmatch, picture.parts[:-1]))


def _place(picture: PurePosixPath):
    """Return a path without its suffix and folders for images or masks."""
    folders = [
        name
        for name in picture.parts[:-1]
        if not (_IMAGES.fullmatch(name) or _MASKS.fullmatch(name))
    ]
    return (*folders, picture.stem)


# --- Folders ----------------------------------------------------------------

CLASS = "class"
NO_CLASS = {  # kinds of folders that are excluded: problem, advice
    "repeated": (
        "no class, for it holds folders named as the others here",
        "If it holds photos, not masks for example, move them into the class "
        "folders to use them, too.",
    ),
    "unlabelled": (
        "no class folders in it, so the classes of its photos are not known",
        "Sort its photos into class folders to use them, too.",
    ),
}


def _by_folders(tree: Tree):
    contents = Contents()
    pictures = tree.pictures() or tree.files
    wrapper = _wrapper(pictures)
    if wrapper:
        contents.notes.append(f"the photos lie in {'/'.join(wrapper)}/")
    # {folder: the folders right in it that hold pictures, "" for itself}
    inside = defaultdict(set)
    for picture in pictures:
        outer, inner = (*_folders(picture.parent, wrapper), "", "")[:2]
        inside[outer].add(inner)
    inside.pop("", None)
    kinds = _kinds(inside)
    has_splits = any(kind in SPLITS for kind in kinds.values())
    classes = {name for name, kind in kinds.items() if kind == CLASS}
    within = {split_of(name) for names in inside.values() for name in names}
    # Whether all classes hold train/, test/ and the like.
    in_classes = not has_splits and {"train"} < within <= {*SPLITS}
    if classes or not has_splits:
        for folder in tree.folders:
            parts = _folders(folder, wrapper)
            if len(parts) == 1:
                kinds.setdefault(parts[0], CLASS)
    contents.class_names = [n for n, kind in kinds.items() if kind == CLASS]
    skipped, deeper = Counter[str](), []
    for file in tree.files:
        outer, *below = _folders(file.parent, wrapper) or [""]
        kind = kinds.get(outer) if outer else None
        split = "train" if has_splits else None
        if kind in SPLITS and below:
            split, outer, *below = kind, *below
        elif kind in NO_CLASS:
            skipped[outer] += 1
            continue
        elif kind != CLASS:
            contents.leave_out(
                str(file),
                "not in a class folder",
                "If it is a photo, move it into the folder of its class.",
            )
            continue
        elif in_classes and below:
            split = split_of(below.pop(0))
        contents.items.append(Item(str(file), outer, split))
        if below:
            deeper.append(f"{file.parent}/")
    for name, count in skipped.items():
        path = "/".join((*wrapper, name))
        contents.leave_out(f"{path}/", *NO_CLASS[kinds[name]], files=count)
    if deeper:
        note = (
            f"{counted(len(deeper), 'file')} in folders below a class folder, "
            f"such as {deeper[0]}, count for the class above"
        )
        contents.notes.append(note)
        if not in_classes:
            contents.problems += _around_splits(inside, classes)
    return contents


def _folders(folder: PurePosixPath, wrapper: tuple[str, ...]) -> list[str]:
    """Return the names of the folders from `wrapper` on to a folder.

    Those such as images/ in a split count only if no class folder is in
    them.
    """
    depth = len(wrapper)
    if folder.parts[:depth] != wrapper:
        return []
    names = list(folder.parts[depth:])
    # Some archives unpack a folder into another one of its name.
    if len(names) > 1 and names[0] == names[1]:
        del names[1]
    if len(names) > 2 and split_of(names[0]) and _IMAGES.fullmatch(names[1]):
        del names[1]
    return names


def _wrapper(pictures: Sequence[PurePosixPath]):
    """Return the names of the folders around all class folders."""
    folders = {picture.parts[:-1] for picture in pictures}
    if len(folders) > 1:
        folders.discard(())  # pictures beside the folders
    common: tuple[str, ...] = tuple(os.path.commonprefix(list(folders)))
    return common[:-1] if common in folders else common


def _kinds(inside: Mapping[str, set[str]]):
    """Return {folder: CLASS, one of `SPLITS` or of `NO_CLASS`}.

    Args:
        inside: {folder: folders right in it, and "" if it has pictures}.
    """

    def names(folders: Iterable[str]):
        return {name.casefold() for name in folders if name}

    split_for = _splits_among(inside)
    splits = {
        f for f, inner in inside.items() if split_for[f] and names(inner)
    }
    in_splits = names(name for folder in splits for name in inside[folder])
    others = inside.keys() - splits
    repeated = {
        f
        for f in others
        if "" not in inside[f]
        and names(inside[f]) & (in_splits | names(inside.keys() - {f}))
    }
    rest = others - repeated
    kinds = dict.fromkeys(repeated, "repeated")
    if splits and all(split_for[folder] for folder in rest):
        kinds |= dict.fromkeys(rest, "unlabelled")
    else:
        kinds |= dict.fromkeys(rest, CLASS)
        # Beside class folders, a split holds folders of their names.
        for folder in list(splits):
            if "" in inside[folder] or not names(inside[folder]) & names(rest):
                kinds[folder] = CLASS
                splits.remove(folder)
        if all(split_for[folder] for folder in kinds):
            kinds = dict.fromkeys(kinds, "unlabelled")
    return kinds | {folder: split_for[folder] or "" for folder in splits}


def _splits_among(folders: Iterable[str]):
    """Return {folder: its split or None}.

    What all names begin with does not count, as in seg_train and seg_test.
    """
    folders = list(folders)
    prefix = re.match(r"(.*[ _-])?", os.path.commonprefix(folders), re.DOTALL)
    start = prefix.end() if prefix else 0
    return {
        folder: split_of(folder) or split_of(folder[start:])
        for folder in folders
    }


def _around_splits(inside: Mapping[str, set[str]], classes: Iterable[str]):
    """Return a `Problem` for each class folder that holds splits."""
    problems = []
    for name in sorted(classes):
        splits = sorted(n for n in inside.get(name, ()) if split_of(n))
        if len(set(map(split_of, splits))) > 1:
            names = listed(f"{printed(split)}/" for split in splits)
            what = f"taken as a class, though it holds {names}"
            do = "If they are the splits, give this folder alone."
            problems.append(Problem(f"{printed(name)}/", what, do))
    return problems


# --- Tables and names -------------------------------------------------------


def _by_tables(tree: Tree, paths: Sequence[Path]):
    """Return what tables say of the pictures.

    Those in the folder are taken out of `tree.tables`.
    """
    contents, names = Contents(), []
    rows: dict[PurePosixPath, tables.Row] = {}
    for path in paths:
        of_table = tables.read(path)
        here, name = PurePosixPath(), path.name
        for table in list(tree.tables):
            if path.samefile(tree.folder / table):
                tree.tables.remove(table)
                here, name = table.parent, str(table)
        names.append(name)
        if len(paths) > 1:
            split = _split_of_table(path)
            of_table = [replace(r, split=r.split or split) for r in of_table]
        rows |= tables.match(path, of_table, here, tree.pictures())
    for file in tree.files:
        row = rows.get(file)
        if not row:
            contents.leave_out(
                str(file),
                f"not listed in {listed(path.name for path in paths)}",
                "Add a row for it to use it.",
            )
            continue
        split = split_of(row.split) if row.split else None
        if row.split and split not in SPLITS:
            raise tables.error(
                paths[0],
                row.number,
                f"the split {row.split!r} is none of {', '.join(SPLITS)}",
            )
        contents.items.append(Item(str(file), row.label, split, row.group))
    contents.notes.append(f"the classes are those in {listed(names)}")
    return contents


def _matching_tables(tree: Tree):
    """Return the one table that tells the classes, or one of each split.

    Raises FolderError if there is none.
    """
    fitting, matching, errors = [], [], []
    for table in tree.tables:
        path = tree.folder / table
        try:
            rows = tables.read(path)
            tables.match(path, rows, table.parent, tree.pictures())
        except FolderError as error:
            errors.append(f"No use is made of {str(error).rstrip('.')}")
            continue
        fitting.append(str(table))
        if len({row.label for row in rows}) > 1:
            matching.append(table)
    in_splits = {_split_of_table(table) for table in matching}
    if len(matching) != 1 and (
        None in in_splits or len(in_splits) != len(matching) or not matching
    ):
        raise _not_understood(tree, fitting, errors)
    return [tree.folder / table for table in matching]


def _split_of_table(table: PurePath):
    """Return the split that a table is for, such as test.csv, or None."""
    return split_of(table.stem) or split_of(table.parent.name)


def _by_names(tree: Tree, pattern: str):
    contents = Contents(notes=["the classes are those in the names of files"])
    class_of = groups_in_names(
        pattern, "class pattern", map(str, tree.pictures())
    )
    for file in tree.files:
        if class_name := class_of.get(str(file)):
            contents.items.append(Item(str(file), class_name))
        else:
            contents.leave_out(
                str(file),
                "the class pattern finds no class in its name",
                "Rename it, or change the pattern.",
            )
    return contents


EXAMPLES = {"class pattern": r"^(.+)_\d+", "group pattern": r"(part\d+)_"}


def groups_in_names(
    pattern: str, argument: str, names: Iterable[str]
) -> dict[str, str]:
    """Return {path of a file: what the group of a pattern finds in its name}.

    `argument` is what the pattern is called in messages. A group may also be
    found in the whole path.

    Raises:
        FolderError: the pattern is none, has no group, or finds nothing.
    """
    what = f"the {argument} {pattern!r}"
    example = f"write one such as '{EXAMPLES[argument]}'"
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise FolderError(
            f"{what} is no regular expression ({error}); {example}."
        ) from None
    if not expression.groups:
        raise FolderError(f"{what} has no group in parentheses; {example}.")
    found, looked_at = {}, ""
    for name in names:
        looked_at = PurePosixPath(name).name
        match = expression.search(looked_at)
        if not match and argument == "group pattern":
            match = expression.search(name)  # such as patient_7/left.jpg
        if match and match[1]:
            found[name] = match[1]
    if not found:
        raise FolderError(
            f"{what} is in no name of a photo, such as {looked_at!r}; "
            f"{example}."
        )
    return found


# --- Folders that can't be used ---------------------------------------------


def _not_understood(tree: Tree, fitting: Sequence[str], errors: Iterable[str]):
    """Return the error for a folder that is sorted in no known way.

    Args:
        fitting: tables that name pictures in it.
        errors: why other tables can't be used.
    """
    folder, pictures = tree.folder, tree.pictures()
    if not pictures:
        return FolderError(f"{folder}: {_no_picture(tree)}.")
    sentences = [
        f"{folder}: {counted(len(pictures), 'picture')} in it, not sorted "
        f"into two classes or more: {outline(pictures)}"
    ]
    labelled = [
        picture
        for picture in pictures
        if split_of(picture.parent.name) not in ("test", "unlabelled")
    ]
    if found := _pattern_of(labelled or pictures):
        pattern, classes = found
        counts = listed(f"{name} {n}" for name, n in sorted(classes.items()))
        sentences.append(
            f"The names of the files would give {len(classes)} classes: "
            f'{counts}; to use them write class_pattern=r"{pattern}" in '
            f"dataset.check (CLASS in lesson 08), or --class '{pattern}' "
            "after start.py check or retrain"
        )
    sentences += errors
    if fitting:
        sentences.append(
            f"{listed(fitting)} may be tables of labels; give one with two "
            "labels or more as labels in dataset.check (LABELS in lesson 08), "
            "or after --labels"
        )
    if others := [kind for kind in OTHER_TABLES if tree.ignored[kind]]:
        sentences.append(
            f"If the labels are in {listed(others)}, save them as a CSV file "
            "with the columns file and label"
        )
    if {"images", "labels"} <= {path.name.lower() for path in tree.folders}:
        sentences.append(
            "Labels in labels/ are for object detection; export the data set "
            "again for classification"
        )
    return FolderError(". ".join((*sentences, WORKS)) + ".")


def _pattern_of(pictures: Iterable[PurePosixPath]):
    """Return a pattern that finds classes in names, and their counts."""
    names = [picture.name for picture in pictures]
    for pattern in NAME_PATTERNS:
        matches = [re.search(pattern, name) for name in names]
        classes = Counter(match[1] for match in matches if match)
        if classes.total() == len(names) >= 3 * len(classes) >= 6:
            return pattern, classes
    return None


def _no_picture(tree: Tree):
    give = "give the folder that holds the photos"
    if archives := [
        str(f)
        for f in tree.files
        if f.name.lower().endswith(photo_file.ARCHIVES)
    ]:
        do = "unpack it and give its folder"
        if len(archives) > 1:
            do = "unpack each into a folder, and give the folder around them"
        elif archives[0].lower().endswith(".zip"):
            do = f"give {tree.folder / archives[0]} itself"
        return f"it holds no photos, but {listed(archives)}; {do}"
    kinds = tree.ignored + Counter(map(kind_of, [*tree.files, *tree.tables]))
    if not kinds:
        empty = listed(f"{path}/" for path in tree.folders)
        only = f", only empty folders ({empty})" if empty else ""
        return f"there is no file in it{only}; {give}"
    files = listed(f"{count} {kind}" for kind, count in kinds.most_common())
    return (
        f"it holds no photos, only other files: {files}; if these are your "
        f"pictures, export them as PNG; if not, {give}"
    )


def refusal(
    folder: Path, photos: Iterable[Photo], problems: Sequence[Problem]
) -> FolderError:
    """Return why a folder with fewer than two classes can't be used."""
    about = [p for p in problems if p.excluded and p.files]
    if usable := {photo.class_name for photo in photos}:
        what = (
            f"only {usable.pop()} has photos that can be used, and a "
            "classifier needs two classes or more"
        )
        if about:
            what += f"; excluded: {causes(about)}"
    else:
        what = f"no photo can be used: {causes(about)}"
    common = Counter(p.advice for p in about).most_common(1)
    advice = common[0][0] if common else "Add photos of another class."
    return FolderError(f"{folder}: {what}. {advice}", problems)


def causes(problems: Iterable[Problem]) -> str:
    """Return the problems and of how many files each is, the most first."""
    files = Counter[str]()
    for p in problems:
        files[p.problem] += p.files
    return listed(
        f"{what} ({counted(count, 'file')})"
        for what, count in files.most_common()
    )


def doubtful(class_names: Iterable[str]) -> list[Problem]:
    """Return a `Problem` for each class named as a split or as unsorted."""
    what = (
        "taken as a class, though splits or unsorted photos often have such a "
        "name"
    )
    do = "If it is no class, move the folder away."
    return [
        Problem(f"{name}/", what, do)
        for name in class_names
        if split_of(name) or name.strip().lower() in UNSORTED
    ]


def lookalikes(class_names: Iterable[str]) -> list[Problem]:
    """Return a `Problem` for each class named nearly as an earlier one."""
    first: dict[str, str] = {}
    problems = []
    for name in class_names:
        other = first.setdefault(_simplified(name), name)
        if other != name:
            what = (
                f"{name!r} and {other!r} differ only in case, spaces, a full "
                "stop, invisible characters or the Unicode form of letters"
            )
            do = "If they are one class, move the photos into one folder."
            problems.append(Problem(f"{name}/", what, do))
    return problems


def _simplified(name: str):
    """Return a name without what readers overlook."""
    name = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
    return " ".join(visible.strip().removesuffix(".").split())
