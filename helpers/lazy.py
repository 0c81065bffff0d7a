"""Packages that import their parts when these are first used.

TensorFlow takes seconds to start and writes to standard error while it does.
A command that only needs the path of a file must not wait for that.
"""

import importlib
from collections.abc import Callable
from typing import Any


def attach(
    package: str, modules: dict[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for the `__init__` of a package.

    Args:
        package: its `__name__`.
        modules: {name that the package offers: module in it that has the
            name, or "" where the name is that of a module}.
    """

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}"
            )
        if not modules[name]:
            return importlib.import_module(f"{package}.{name}")
        return getattr(
            importlib.import_module(f"{package}.{modules[name]}"), name
        )

    return find, lambda: sorted(modules)
