"""Exercises that check an answer; each lesson's are declared in a module.

May import all other packages; lessons 00 to 09 use it.
"""

from helpers.exercises.engine import ____

__all__ = ["____"]
