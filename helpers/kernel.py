"""Runs notebooks in a kernel of the Python that is running now."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

PHOTOS = "FOLDER, FRACTIONS"  # the names that choose the photos of a lesson
FAILURES = (CellExecutionError, DeadKernelError)


class Client(NotebookClient):
    """An nbclient that passes on what a cell prints while it runs.

    `on_text` is called with each piece of text, as soon as it arrives.
    """

    on_text: Callable[[str], None] | None = None

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        if self.on_text and msg["msg_type"] == "stream":
            self.on_text(msg["content"]["text"])
        return super().process_message(msg, cell, cell_index)


def client(notebook: NotebookNode, path: Path) -> Client:
    """Return an nbclient that runs a notebook and stops at an error.

    Args:
        path: its file; the cells run in the folder of this.
    """
    return Client(
        notebook,
        kernel_manager_class=_ThisPython,
        kernel_name=NATIVE_KERNEL_NAME,
        extra_arguments=["--log-level=CRITICAL"],
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        # No tag and no setting spares a cell, as with nbval.
        skip_cells_with_tag="",
        force_raise_errors=True,
    )


def put(notebook: NotebookNode, lesson: str, name: str, value: str) -> None:
    """Replace the value in the one line of a lesson that sets a name.

    Args:
        lesson: its name, for the message of an error.
        name: what stands before ` = ` in that line.
        value: the Python expression to put after it.

    Raises:
        ValueError: no line sets this name, or more than one.
    """
    line = re.compile(rf"^{re.escape(name)} = .*$", re.MULTILINE)
    changed = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # A function, since `re` reads backslashes in a text.
            cell.source, count = line.subn(
                lambda _: f"{name} = {value}", cell.source
            )
            changed += count
    if changed != 1:
        raise ValueError(
            f"{lesson}: {changed} lines begin with {name} =, and exactly one "
            "must; restore that line."
        )


class _ThisPython(AsyncKernelManager):
    """Starts this Python, whatever is installed under the kernel's name."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, kernel_dirs=[])
