"""The report of a training run: results.json and one page to hand on.

May import everything but `widgets` and `exercises`; lesson 08 uses it.
"""

from helpers.lazy import attach

__getattr__, __dir__ = attach(
    __name__, {"measures": "outcomes", "page": "write"}
)
