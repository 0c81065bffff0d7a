"""Shows a cell that is meant to fail, without stopping the lesson."""

import contextlib


@contextlib.contextmanager
def error(kind):
    """Run a block that must raise `kind`; print the error's first lines.

    Raises:
        AssertionError: the block raised nothing, so what the lesson says
            about it is no longer true.
    """
    try:
        yield
    except kind as raised:
        text = [line.strip() for line in str(raised).splitlines()]
        text = [line for line in text if line and "File " not in line]
        last = next(
            (line for line in reversed(text) if "Error" in line), text[0]
        )
        print(f"{type(raised).__name__}: {last}")
        return
    raise AssertionError(
        f"This was expected to raise {kind.__name__}, and it ran through."
    )
