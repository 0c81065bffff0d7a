"""Races the three recipes as published against the lessons' way."""

import argparse
import json
import os
import platform
import subprocess
import sys

import numpy as np

from helpers import stats
from helpers.paths import ROOT, atomic
from tools import _pinned

NAMES = ("frozen", "fine_tuned", "augmented")
WHO = ("recipe", "workbook")
FORWARDS = ("forward", "forward_tenfold")
WIDE = 46  # characters of the longest bar


def main(argv):
    """Run the race; return the exit code."""
    parser = argparse.ArgumentParser(prog="race", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the results")
    args = parser.parse_args(argv)
    ways = [
        f"{who}_{name}" for name in NAMES for who in ("recipe", "workbook")
    ]
    found = {}
    for way in [*ways, *FORWARDS]:
        print(f"running {way.replace('_', ' ')} ...", flush=True)
        try:
            found[way] = _run(way)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
    results = summary(found)
    if args.json:  # before what can fail, such as a closed terminal
        with atomic(args.json) as temporary:
            temporary.write_text(
                json.dumps(results, indent=2), encoding="utf-8"
            )
    print("\n" + table(results, found))
    return 0


def _run(way):
    """Run one way in a process of its own; return what it reports.

    Raises:
        RuntimeError: it failed; the message ends with its last line.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tools._contestants", way],
        cwd=ROOT,
        env=_pinned.environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise RuntimeError(f"{way} could not be run: {lines[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def summary(found):
    """Return the results as they are written with --json.

    Args:
        found: {way: what `_contestants.run` returns}.
    """
    results = {"machine": _machine()}
    for name in NAMES:
        recipe, workbook = found[f"recipe_{name}"], found[f"workbook_{name}"]
        results[name] = {
            "recipe_seconds": recipe["seconds"],
            "workbook_seconds": workbook["seconds"],
            "ratio": recipe["seconds"] / workbook["seconds"],
            "recipe_accuracy": float(np.mean(recipe["right"])),
            "workbook_accuracy": float(np.mean(workbook["right"])),
            "test_photos": len(recipe["right"]),
            "recipe_peak_mib": recipe["peak_mib"],
            "workbook_peak_mib": workbook["peak_mib"],
        }
    for name in FORWARDS:
        results[name] = found[name]
    return results


def _machine():
    return f"{os.cpu_count()} cores, {platform.machine()}, {sys.platform}"


def table(results, found):
    """Return the race as text: a table, and a bar for each time."""
    lines = [
        f"{'':<20}{'seconds':>9}{'ratio':>8}{'peak MiB':>10}   test accuracy"
    ]
    for name in NAMES:
        row = results[name]
        for who in WHO:
            ratio = f"{row['ratio']:.1f}" if who == "workbook" else ""
            right = stats.accuracy(found[f"{who}_{name}"]["right"])
            lines.append(
                f"{name.replace('_', '-') + ', ' + who:<20}"
                f"{row[who + '_seconds']:>9.1f}{ratio:>8}"
                f"{row[who + '_peak_mib']:>10.0f}   {right.proportion:.1%} "
                f"({right.low:.1%} to {right.high:.1%})"
            )
    longest = max(results[name]["recipe_seconds"] for name in NAMES)
    lines.append("")
    for name in NAMES:
        for who in WHO:
            seconds = results[name][who + "_seconds"]
            bar = "█" * max(1, round(WIDE * seconds / longest))
            label = name.replace("_", "-") + ", " + who
            lines.append(f"{label:<21}{bar} {seconds:.0f} s")
    forward, tenfold = (results[name] for name in FORWARDS)
    photos, seconds, peak = (
        tenfold[key] / forward[key]
        for key in ("photos", "seconds", "peak_mib")
    )
    lines += [
        "",
        f"forward pass: {forward['photos']} photos from files to stored "
        f"answers in {forward['seconds']:.1f} s, "
        f"{forward['share_of_matrix_rate']:.0%} of the rate of plain matrix "
        "products",
        f"{photos:.0f} times as many photos: {seconds:.2f} times the time, "
        f"{peak:.2f} times the memory",
        f"machine: {results['machine']}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
