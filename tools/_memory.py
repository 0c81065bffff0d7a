"""The peak memory of a process."""

import re
import sys
from collections.abc import Callable
from pathlib import Path


def peak() -> int:
    """Return the peak memory of this process in bytes."""
    if sys.platform == "linux":
        # getrusage would count the parent's memory as well.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS


def of_kernel(execute: Callable[..., dict]) -> int:
    """Return the peak memory of a running kernel in bytes.

    Args:
        execute: runs code in the kernel and waits, such as
            `execute_interactive` of a blocking client.
    """
    # A kernel need not know this project: it runs the file by its path.
    expression = f"__import__('runpy').run_path({__file__!r})['peak']()"
    reply = execute("", silent=True, user_expressions={"peak": expression})
    value = reply["content"]["user_expressions"]["peak"]["data"]
    return int(value["text/plain"])
