"""Times the three recipes as published against the lessons' way."""

import argparse
import json
import os
import platform
import subprocess
import sys
from typing import Any

import numpy as np

from helpers import stats
from helpers.paths import ROOT, atomic
from tools import _pinned

RECIPES = ("frozen", "fine_tuned", "augmented")
WAYS = ("recipe", "workbook")
BAR = 46  # characters of the longest bar


def main(argv: list[str]) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the results")
    args = parser.parse_args(argv)
    names = [f"{way}_{recipe}" for recipe in RECIPES for way in WAYS]
    runs = {}
    for name in names:
        print(f"running {name.replace('_', ' ')} ...", flush=True)
        try:
            runs[name] = _run(name)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
    results = summary(runs)
    if args.json:  # before printing, which may fail, as in a closed terminal
        with atomic(args.json) as temporary:
            temporary.write_text(
                json.dumps(results, indent=2), encoding="utf-8"
            )
    print("\n" + table(results, runs))
    return 0


def _run(name: str):
    """Do one run in a separate process; return its report.

    Raises:
        RuntimeError: it failed; the message has the last line of its output.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tools._benchmark_runs", name],
        cwd=ROOT,
        env=_pinned.environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise RuntimeError(f"{name} failed: {lines[-1]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def summary(runs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the results as they are written with --json.

    Args:
        runs: {name: report of `_benchmark_runs.run`}.
    """
    cores = os.cpu_count()
    machine = f"{cores} cores, {platform.machine()}, {sys.platform}"
    results: dict[str, Any] = {"machine": machine}
    for recipe in RECIPES:
        reports = {way: runs[f"{way}_{recipe}"] for way in WAYS}
        row: dict[str, float] = {
            "test_photos": len(reports["recipe"]["correct"])
        }
        for way, report in reports.items():
            row[f"{way}_seconds"] = report["seconds"]
            row[f"{way}_accuracy"] = float(np.mean(report["correct"]))
            row[f"{way}_peak_mib"] = report["peak_mib"]
        row["ratio"] = row["recipe_seconds"] / row["workbook_seconds"]
        results[recipe] = row
    return results


def table(results: dict[str, Any], runs: dict[str, dict[str, Any]]) -> str:
    """Return the results as text: a table, and a bar for each time."""
    lines = [
        f"{'':<20}{'seconds':>9}{'ratio':>8}{'peak MiB':>10}   test accuracy"
    ]
    longest = max(results[recipe]["recipe_seconds"] for recipe in RECIPES)
    bars = []
    for recipe in RECIPES:
        for way in WAYS:
            row, label = results[recipe], f"{recipe.replace('_', '-')}, {way}"
            seconds = row[way + "_seconds"]
            ratio = f"{row['ratio']:.1f}" if way == "workbook" else ""
            interval = stats.accuracy(runs[f"{way}_{recipe}"]["correct"])
            lines.append(
                f"{label:<20}{seconds:>9.1f}{ratio:>8}"
                f"{row[way + '_peak_mib']:>10.0f}   {interval.proportion:.1%} "
                f"({interval.low:.1%} to {interval.high:.1%})"
            )
            bar = "█" * max(1, round(BAR * seconds / longest))
            bars.append(f"{label:<21}{bar} {seconds:.0f} s")
    machine = f"machine: {results['machine']}"
    return "\n".join([*lines, "", *bars, "", machine])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
