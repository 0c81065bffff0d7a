"""Times the three recipes as published against the lessons' way."""

import argparse
import json
import os
import platform
import subprocess
import sys
from typing import Any

from helpers import stats
from helpers.paths import ROOT
from tools import _pinned

NAMES = [
    f"{way}_{name}"
    for name in ("frozen", "fine_tuned", "augmented")
    for way in ("recipe", "workbook")
]


def main(argv: list[str]) -> int:
    """Run the benchmark and print a table; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmark", description=__doc__)
    parser.parse_args(argv)
    runs = {}
    for name in NAMES:
        print(f"running {name} ...", flush=True)
        try:
            runs[name] = _run(name)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return 1
    print(f"\n{table(runs)}")
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {sys.platform}"
    print(f"\nmachine: {machine}")
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


def table(runs: dict[str, dict[str, Any]]) -> str:
    """Return the results as text.

    Args:
        runs: {name: report of `_benchmark_runs.run`}, each recipe before the
            workbook's way.
    """
    lines = [
        f"{'':<20}{'seconds':>9}{'speed-up':>10}{'peak MiB':>10}"
        "   test accuracy"
    ]
    recipe = 0.0
    for name, report in runs.items():
        speed_up, seconds = "", report["seconds"]
        if name.startswith("recipe"):
            recipe = seconds
        else:
            speed_up = f"{recipe / seconds:.1f}"
        interval = stats.accuracy(report["correct"])
        lines.append(
            f"{name:<20}{seconds:>9.1f}{speed_up:>10}"
            f"{report['peak_mib']:>10.0f}   {interval.proportion:.1%} "
            f"({interval.low:.1%} to {interval.high:.1%})"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
