"""Reports on a folder of photos: ready, usable, or not, and why."""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Iterable

from helpers.dataset import scan, splits
from helpers.dataset.photo_file import Problem
from helpers.paths import WriteError
from helpers.text import one_line
from tools._venv import COMMAND

USABLE, NOT_USABLE = 1, 2
FRACTIONS = (60, 20, 20)
NEXT = (
    f"Next: {COMMAND} retrain, with the path of this folder or ZIP file, "
    "trains a model on it. For photos of everyday things, ImageNet's weights "
    "usually do better: see docs/weights.md."
)


def main(argv: list[str]) -> int:
    """Print the report; return 0 (ready), 1 (with warnings) or 2 (not)."""
    parser = argparse.ArgumentParser(prog="check", description=__doc__)
    parser.add_argument(
        "folder", help="the folder of the photos, or a ZIP file of it"
    )
    add_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print the problems as JSON"
    )
    args = parser.parse_args(argv)
    args.folder = os.path.abspath(args.folder)  # for messages
    checked, sentence = None, ""
    problems: Iterable[Problem] = ()
    with contextlib.redirect_stdout(sys.stderr):  # progress
        try:
            checked = scan.check(args.folder, *options(args))
            problems = checked.problems
            splits.assign(checked, FRACTIONS)
        except (ValueError, WriteError) as error:
            sentence = str(error)
            problems = getattr(error, "problems", problems)
        except OSError as error:
            sentence = (
                f"{one_line(str(error.filename or args.folder))}: it can't "
                f"be read ({error.strerror}); see to that, and check again."
            )
    if args.json:
        if sentence:
            do = "Do what the sentence says, and check again."
            problems = *problems, Problem(args.folder, sentence, do, True)
        rows = [
            {
                "file": p.name,
                "problem": p.problem,
                "excluded": p.excluded,
                "advice": p.advice,
            }
            for p in problems
        ]
        print(json.dumps(rows, indent=1))
    elif checked:
        checked.report()
        if not sentence:
            print(NEXT)
    else:
        scan.print_problems(problems)
    if sentence:
        print(sentence, file=sys.stderr)
        return NOT_USABLE
    return USABLE if problems else 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options on how the photos are sorted."""
    parser.add_argument(
        "--labels", metavar="CSV", help="a table of file,label[,group]"
    )
    parser.add_argument(
        "--class",
        dest="class_pattern",
        metavar="REGEX",
        help=r"finds the class in the name of a file, such as '^(.+)_\d+'",
    )
    parser.add_argument(
        "--group",
        dest="group_pattern",
        metavar="REGEX",
        help="finds in the name of a file, or else in its path, what photos "
        "of one object share",
    )
    parser.add_argument(
        "--shape",
        default="squeeze",
        help="how photos become square: squeeze, crop or pad",
    )


def options(
    args: argparse.Namespace,
) -> tuple[str | None, str | None, str | None, str]:
    """Return the arguments of `dataset.check` after the folder."""
    labels = args.labels
    if labels and os.path.isfile(labels):  # else a path from the folder
        labels = os.path.abspath(labels)
    return labels, args.class_pattern, args.group_pattern, args.shape
