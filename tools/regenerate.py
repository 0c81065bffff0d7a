"""Runs the notebooks and stores their outputs: all, or those named."""

import os
import sys
import time

import ipykernel.kernelspec
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)

from helpers.files import atomic
from tools import _outputs, _pinned

SECONDS = 1800  # for one cell; far more than any lesson may take


class RegenerateError(Exception):
    """A notebook can't be stored; the message says which cell and why."""


def main(argv):
    """Regenerate the notebooks named, or all; return the exit code.

    Stops at the first that fails, which is left as it was.
    """
    # A kernel takes its environment from this process.
    os.environ.update(_pinned.environment())
    try:
        paths = _chosen(argv)
        if not argv:
            _pinned.forget_journal()
        for path in paths:
            seconds = regenerate(path)
            name, slowest = max(
                seconds.items(), key=lambda item: item[1], default=("-", 0)
            )
            print(
                f"{path.name}: {sum(seconds.values()):.1f} s, of which "
                f"{slowest:.1f} s in {name}",
                flush=True,
            )
    except RegenerateError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _chosen(names):
    """Return the paths of the notebooks named, in the order they are run."""
    known = {path.stem: path for path in _pinned.notebooks()}
    wanted = {os.path.basename(n).removesuffix(".ipynb"): n for n in names}
    for stem, name in wanted.items():
        if stem not in known:
            raise RegenerateError(
                f"{name}: no such notebook; there are {', '.join(known)}."
            )
    return [p for stem, p in known.items() if stem in wanted or not names]


def regenerate(path):
    """Run one notebook from a new kernel and store its outputs.

    Args:
        path: the notebook; its folder is the kernel's working directory.

    Returns:
        {name of a code cell: seconds it took}.

    Raises:
        RegenerateError: a cell failed, or an output is not one for others
            to read. The file is untouched.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        raise RegenerateError(f"{path.name}: not a notebook.") from None
    seconds = _execute(notebook, path)
    _outputs.normalise(notebook)
    found = _outputs.complaints(notebook)
    if found:
        raise RegenerateError(
            f"{path.name} is left as it was, for its outputs hold\n"
            + "\n".join(f"  {sentence}" for sentence in found)
        )
    with atomic(path) as part:
        mode = path.stat().st_mode
        part.write_text(text(notebook), encoding="utf-8", newline="\n")
        part.chmod(mode)
    return seconds


def text(notebook):
    """Return the notebook as it is written: the same bytes every time."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1).rstrip("\n") + "\n"


def _execute(notebook, path):
    """Run all cells in place; return the seconds of each code cell."""
    starts, seconds = {}, {}

    def started(cell, cell_index):
        starts[cell_index] = time.monotonic()

    def done(cell, cell_index, execute_reply):
        name = _outputs.label(cell_index + 1, cell)
        seconds[name] = time.monotonic() - starts[cell_index]

    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_manager_class=_ThisPython,
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        store_widget_state=False,
        # Errors stop the run whatever a tag or the metadata say.
        force_raise_errors=True,
        coalesce_streams=False,
        on_cell_execute=started,
        on_cell_executed=done,
    )
    notebook.metadata.pop("widgets", None)
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        number = max(starts, default=0)
        cell = _outputs.label(number + 1, notebook.cells[number])
        raise RegenerateError(
            f"{path.name}, {cell} failed; the file is left as it was.\n"
            + _outputs.shown(str(error)).strip()
        ) from None
    return seconds


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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
