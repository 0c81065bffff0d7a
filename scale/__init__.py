"""Retraining on a cluster, or in a few processes of one laptop.

May import all of `helpers`, which never imports this. Lesson 09 uses it.
"""
