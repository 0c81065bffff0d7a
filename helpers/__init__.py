"""Supporting code of the lessons: photos, weights, statistics, figures.

Models are built, compiled and trained in the notebooks, not here.
"""
