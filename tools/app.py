"""Opens a page that classifies photos, dropped there or from the camera."""

import argparse
import importlib
import logging
import os
import sys
import tempfile

from helpers import setup
from helpers.network import predictors
from helpers.paths import WriteError
from tools import _extras, _venv, check

HOST = "127.0.0.1"  # no other computer reaches the page
MAX_UPLOAD = "100mb"  # of one file
# Gradio's own fonts would come from the network.
FONT, MONO = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")


def main(argv: list[str]) -> int:
    """Serve the page until Ctrl-C; return the exit code.

    0: it was stopped. 1: it could not be opened. 2: the model or the folder
    of photos is not usable.
    """
    parser = argparse.ArgumentParser(prog="app", description=__doc__)
    parser.add_argument(
        "model", help="a .keras file, or the folder that retrain has written"
    )
    parser.add_argument(
        "--photos", metavar="FOLDER", help="its wrong labels can be listed"
    )
    check.add_options(parser)
    parser.add_argument("--port", type=int, help="(default: 7860 or the next)")
    parser.add_argument(
        "--share",
        action="store_true",
        help="also make a public link, through Gradio's servers",
    )
    args = parser.parse_args(argv)
    try:
        _serve(args)
    except (ValueError, WriteError) as error:
        print(error, file=sys.stderr)
        return 2
    except _venv.SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _serve(args: argparse.Namespace):
    """Load the model, install Gradio and show the page until Ctrl-C.

    Raises:
        ValueError: the model or the folder of photos is not usable.
        SetupError: Gradio can't be installed, or the port is not free.
    """
    path = predictors.find_model(args.model)
    if path.suffix != ".keras":
        raise ValueError(
            f"{path}: Grad-CAM needs the .keras file of this model; give that."
        )
    setup.tensorflow()
    from tools import _app_page

    classifier, labels = _app_page.Classifier(path), None
    if args.photos:
        labels = _app_page.Labels(args.photos, *check.options(args))
    _install()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    # Gradio asks its own address first, which no proxy reaches.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = HOST
    # Gradio itself would keep the photos for ever.
    with tempfile.TemporaryDirectory(prefix="workbook-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        import gradio

        page = _app_page.build(classifier, labels)
        try:
            _, address, link = page.launch(
                server_name=HOST,
                server_port=args.port,
                share=args.share,
                inbrowser=True,
                quiet=True,
                prevent_thread_lock=True,
                theme=gradio.themes.Default(font=FONT, font_mono=MONO),
                css=_app_page.CSS,
                js=_app_page.SCRIPT,
                footer_links=[],
                run_history=False,
                enable_monitoring=False,
                max_file_size=MAX_UPLOAD,
            )
        except (OSError, OverflowError):
            raise _venv.SetupError(
                f"Port {args.port or '7860 to 7959'} is not free: name "
                "another one, from 1024 to 65535, with --port."
            ) from None
        print(f"The page is at {address}; Ctrl-C stops it.", flush=True)
        if link:
            print(f"Anyone with this link can use it, too: {link}", flush=True)
        # Ctrl-C does not wait for open pages, nor report each of them.
        page.server.config.timeout_graceful_shutdown = 1
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        page.block_thread()


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
