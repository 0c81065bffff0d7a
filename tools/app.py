"""Opens a page that classifies a photo, dropped there or from the camera."""

import argparse
import importlib
import os
import runpy
import sys
import tempfile
from pathlib import Path

from helpers.dataset import decoding  # noqa: F401, lets Pillow read HEIC
from tools import _extras, _venv

HOST = "127.0.0.1"  # no other computer reaches the page


def main(argv: list[str]) -> int:
    """Serve the page until Ctrl-C; return the exit code.

    It is the `app.py` that `retrain` leaves beside a model.

    0: it was stopped. 1: it could not be opened. 2: the folder has no page.
    """
    parser = argparse.ArgumentParser(prog="app", description=__doc__)
    parser.add_argument("folder", type=Path, help="what retrain has written")
    parser.add_argument("--port", type=int, help="(default: 7860 or the next)")
    parser.add_argument(
        "--share",
        action="store_true",
        help="also make a public link, through Gradio's servers",
    )
    args = parser.parse_args(argv)
    folder = args.folder.resolve()
    if not (folder / "app.py").is_file() or not [*folder.glob("*.tflite")]:
        print(
            f"{args.folder}: there is no app.py with a .tflite file in this "
            "folder; give one that retrain has written.",
            file=sys.stderr,
        )
        return 2
    try:
        _install()
        _serve(folder, args.port, args.share)
    except _venv.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _serve(folder: Path, port: int | None, share: bool):
    """Show the page of a folder until Ctrl-C."""
    # Gradio asks its own address first, which no proxy reaches.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = HOST
    sys.path.insert(0, str(folder))  # app.py imports use_it.py
    # Gradio itself would keep the photos for ever.
    with tempfile.TemporaryDirectory(prefix="workbook-app-") as temporary:
        os.environ["GRADIO_TEMP_DIR"] = temporary
        page = runpy.run_path(str(folder / "app.py"))["page"]
        try:
            page.launch(
                server_name=HOST,
                server_port=port,
                share=share,
                inbrowser=True,
            )
        except (OSError, OverflowError):
            raise _venv.SetupError(
                f"Port {port or '7860 to 7959'} is not free: name another "
                "one, from 1024 to 65535, with --port."
            ) from None


def _install():
    """Install Gradio into .venv, if it is not there.

    Raises:
        SetupError: it can't be installed, or this is not .venv.
    """
    if _extras.why_no_app():
        print("The page needs Gradio: 60 MB are downloaded once.", flush=True)
    _extras.install(_extras.APP)
    importlib.invalidate_caches()
    if why := _extras.why_no_app():
        raise _venv.SetupError(f"{why} Install it, and start again.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
