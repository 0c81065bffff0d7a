"""Notes how much memory the kernel of each notebook has held.

It stands above notebooks/ and tests/, since it has to do with both.
"""

import contextlib
import functools

import pytest

from tools import _memory

PEAKS = pytest.StashKey()


def pytest_configure(config):
    config.stash[PEAKS] = {}


@pytest.hookimpl(tryfirst=True)  # nbval then stops the kernel
def pytest_runtest_teardown(item, nextitem):
    """Ask the kernel of a notebook after its last cell."""
    kernel = getattr(item.parent, "kernel", None)
    if not kernel or (nextitem and nextitem.parent is item.parent):
        return
    ask = functools.partial(kernel.kc.execute_interactive, timeout=30)
    # One that has died or hangs gives no answer; its cells say so.
    with contextlib.suppress(KeyError, RuntimeError, TimeoutError):
        item.config.stash[PEAKS][item.path.stem] = _memory.of_kernel(ask)


@pytest.fixture
def peaks(request):
    """{name of a notebook: bytes} of those that were run before."""
    return request.config.stash[PEAKS]
