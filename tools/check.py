"""Reports on a folder of photos: ready, usable, or not, and why."""

import argparse
import contextlib
import json
import os
import sys

USABLE, NOT_USABLE = 1, 2


def main(argv):
    """Print the report; return 0 (ready), 1 (with warnings) or 2 (not)."""
    parser = argparse.ArgumentParser(prog="check", description=__doc__)
    parser.add_argument("folder", help="the folder of the class folders")
    parser.add_argument(
        "--json", action="store_true", help="print the problems as JSON"
    )
    args = parser.parse_args(argv)
    folder = os.path.abspath(args.folder)  # as messages show it
    with contextlib.redirect_stdout(sys.stderr):  # versions and progress
        from helpers import setup

        try:
            setup.tensorflow()
        except SystemExit as error:
            print(error, file=sys.stderr)
            return NOT_USABLE
        from helpers.dataset import scan
        from helpers.paths import WriteError
        from helpers.text import one_line

        report, problems, refusal = None, (), ""
        try:
            report = scan.check(folder)
            problems = report.problems
        except (ValueError, WriteError) as error:
            refusal = str(error)
            problems = getattr(error, "problems", ())
        except OSError as error:
            path = one_line(str(error.filename or folder))
            refusal = (
                f"{path}: it can't be read ({error.strerror}); fix that, and "
                "check again."
            )
    if args.json:
        rows = [
            _row(p.name, p.problem, p.excluded, p.advice) for p in problems
        ]
        if refusal:
            advice = "Do what the sentence says, and check again."
            rows.append(_row(folder, refusal, True, advice))
        print(json.dumps(rows, indent=1))
    elif report:
        report.report()
    else:
        scan.print_problems(problems)
    if refusal:
        print(refusal, file=sys.stderr)
        return NOT_USABLE
    return USABLE if problems else 0


def _row(file, problem, left_out, advice):
    return {
        "file": file,
        "problem": problem,
        "left_out": left_out,
        "advice": advice,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
