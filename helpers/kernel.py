"""Runs notebooks in a kernel of the Python that is running now."""

import re

import ipykernel.kernelspec
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)

PHOTOS = "FOLDER, FRACTIONS"  # what the line sets that chooses the photos
SECONDS = 1800  # for one cell; far more than any lesson takes as it comes
FAILURES = (CellExecutionError, CellTimeoutError, DeadKernelError)


def client(notebook, path, seconds=SECONDS):
    """Return an nbclient that runs a notebook and stops at an error.

    Args:
        notebook: as nbformat reads it.
        path: where it lies; its cells run in that folder.
        seconds: how long one cell may take; None, as long as it does.
    """
    return NotebookClient(
        notebook,
        timeout=seconds,
        kernel_manager_class=_ThisPython,
        extra_arguments=["--log-level=CRITICAL"],
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        # No tag and no setting spares a cell, as with nbval.
        skip_cells_with_tag="",
        force_raise_errors=True,
    )


def put(notebook, lesson, name, value):
    """Put another value into the one line of a lesson that sets a name.

    Args:
        notebook: an `nbformat.NotebookNode`, changed in place.
        lesson: its name, for the sentence of an error.
        name: what stands before ` = ` in that line.
        value: what shall stand after it, as Python writes it.

    Raises:
        ValueError: no line sets this name, or more than one.
    """
    line = re.compile(rf"^{re.escape(name)} = .*$", re.MULTILINE)
    changed = 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            # A function, since a path may hold what re takes for a sign.
            cell.source, count = line.subn(
                lambda _: f"{name} = {value}", cell.source
            )
            changed += count
    if changed != 1:
        raise ValueError(
            f"{lesson}: {changed} lines begin with {name} =, and it takes "
            "one; put it back as it was."
        )


class _ThisPythonSpecs(KernelSpecManager):
    """Knows one kernel: the Python that runs this."""

    def get_kernel_spec(self, kernel_name):
        return self.kernel_spec_class(
            resource_dir=ipykernel.kernelspec.RESOURCES,
            **ipykernel.kernelspec.get_kernel_dict(),
        )


class _ThisPython(AsyncKernelManager):
    """Starts that kernel, whatever the notebook's kernelspec names."""

    def _kernel_spec_manager_default(self):
        return _ThisPythonSpecs(parent=self)
