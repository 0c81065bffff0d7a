"""Exercises that answer back; a module for each lesson declares its own."""

from helpers.exercises.engine import ____

__all__ = ["____"]
