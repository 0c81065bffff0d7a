"""How much memory a process has held."""

import re
import sys
from pathlib import Path


def peak():
    """Return the most memory this process has held, in bytes."""
    try:
        # Linux' getrusage would count what the parent held, too.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS


def of_kernel(execute):
    """Return the most memory a running kernel has held, in bytes.

    Args:
        execute: runs code in the kernel and waits for the answer, such as
            `execute_interactive` of a blocking client.
    """
    # A kernel need not know this project: it runs the file by its path.
    asked = f"__import__('runpy').run_path({__file__!r})['peak']()"
    reply = execute("", silent=True, user_expressions={"peak": asked})
    found = reply["content"]["user_expressions"]["peak"]["data"]
    return int(found["text/plain"])
