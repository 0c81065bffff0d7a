"""What the lessons share: files, pictures, weights, measures, figures.

No module here builds, freezes, compiles or fits a model for a lesson: that
is what the learner came for, and it stands in the notebook.
"""
