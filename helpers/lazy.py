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
        modules: {module in it: names that the package offers of it, with
            spaces between; "" for the module itself}.
    """
    places = {
        name: module
        for module, names in modules.items()
        for name in names.split() or [module]
    }

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(
                f"module {package!r} has no attribute {name!r}"
            )
        module = importlib.import_module(f"{package}.{places[name]}")
        return module if name == places[name] else getattr(module, name)

    return find, lambda: sorted(places)
