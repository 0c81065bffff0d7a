"""The commands of start.py, one file each; what they share begins with `_`.

A command's file has `main(argv)`, which returns the exit code, and as its
first line a docstring that `python3 start.py --help` shows.
"""
