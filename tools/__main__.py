"""Runs a command, as start.py does: python -m tools COMMAND ..."""

import importlib
import sys

if __name__ == "__main__":
    name, *argv = sys.argv[1:]
    try:
        sys.exit(importlib.import_module(f"tools.{name}").main(argv))
    except KeyboardInterrupt:
        sys.exit(130)
