"""Tests a JupyterHub with N simulated learners, or fills a shared folder."""

import sys

from workshop.loadtest import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
