"""How notebooks and tests are run: their order, and how much memory is used.

This file lies above notebooks/ and tests/, since it is about both.
"""

import contextlib
import functools
import signal
from collections.abc import Generator

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
    "test_recipes",
    "test_browser",
    "test_site",
    "test_colab",
    "test_exercises",
    "test_ship",
    "test_features",
    "test_class_labels",
)
LAST = "test_claims"  # reads what the notebooks have left


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def position(item: pytest.Item) -> tuple[bool, int]:
        name = item.path.stem
        place = FIRST.index(name) if name in FIRST else len(FIRST)
        return name == LAST, place

    items.sort(key=position)


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
