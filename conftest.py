"""How notebooks and tests are run: their order, and how much memory is used.

This file lies above notebooks/ and tests/, since it is about both.
"""

import contextlib
import functools
import signal
from collections.abc import Generator
from typing import Any

import pytest

from tools import _memory

# Some tests send it, and a shell that runs the tests in the background lets
# all that it starts ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
BINDER = 2 * 2**30  # bytes of memory that a kernel has there
# Two processes take file after file from this order. Notebooks 05 to 07
# need the models of 02 to 04, and train them where these are missing. The
# slowest tests come next, then all other files.
FIRST = (
    "03_fine_tuning",
    "02_frozen_baseline",
    "04_augmentation",
    "08_your_own_photos",
    "09_scale_out",
    "07_ship_it",
    "05_evaluate",
    "06_explain",
    "01_data_prep",
    "00_start_here",
    "test_exercises",
    "test_browser",
    "test_features",
    "test_site",
    "test_ship",
)
LAST = "test_claims"  # reads what the notebooks have left
RELEASE = pytest.StashKey()  # how many tests are left to `--all`


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RELEASE] = 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def position(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.stem
        place = FIRST.index(name) if name in FIRST else len(FIRST)
        return name == LAST, place

    items.sort(key=position)


def pytest_deselected(items: list[pytest.Item]) -> None:
    config = items[0].config
    if config.option.markexpr != "not release":
        return
    count = sum(bool(i.get_closest_marker("release")) for i in items)
    config.stash[RELEASE] += count
    if hasattr(config, "workeroutput"):  # a process of pytest-xdist
        config.workeroutput["release"] = config.stash[RELEASE]


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node: Any) -> None:
    # All workers collect the same tests; one that crashed gives no output.
    count = getattr(node, "workeroutput", {}).get("release", 0)
    node.config.stash[RELEASE] = max(node.config.stash[RELEASE], count)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.stash[RELEASE]:
        terminalreporter.write_line(
            f"{config.stash[RELEASE]} slow tests that only a release needs "
            "did not run; `python3 start.py test --all` runs them too."
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Ask the kernel of a notebook for its memory after the last cell."""
    kernel = getattr(item.parent, "kernel", None)
    is_last = not nextitem or nextitem.parent is not item.parent
    peak = 0
    if kernel and is_last:
        ask = functools.partial(kernel.kc.execute_interactive, timeout=30)
        # A kernel that has died or hangs does not answer; its cells fail.
        with contextlib.suppress(KeyError, RuntimeError, TimeoutError):
            peak = _memory.of_kernel(ask)
    yield  # nbval stops the kernel
    if peak > BINDER:
        pytest.fail(
            f"{item.path.name}: the kernel used {peak / 2**20:,.0f} MiB of "
            f"memory, and Binder gives {BINDER / 2**20:,.0f}.",
            pytrace=False,
        )
