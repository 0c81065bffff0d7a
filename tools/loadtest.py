"""Tests a JupyterHub with N simulated learners, or fills a shared folder."""

import sys

from workshop import loadtest


def main(argv: list[str]) -> int:
    """Do what workshop/loadtest.py does; return the exit code."""
    return loadtest.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
