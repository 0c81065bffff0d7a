"""Downloads a file whole and verified, or says in one sentence why not."""

import hashlib
import http.client
import shutil
import ssl
import sys
import urllib.request
from pathlib import Path

import certifi
from tqdm import tqdm

from helpers.paths import WriteError, atomic

TIMEOUT = 10  # seconds to wait for the server each time


class DownloadError(ValueError):
    """A download that failed, told in one sentence."""


def digest(path: str | Path, kind: str = "sha256") -> str:
    """Return the hex digest of a file.

    Args:
        kind: a name known to `hashlib`, for example "sha256" or "md5".
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def fetch(url: str, path: Path, expected: str, kind: str = "sha256") -> Path:
    """Download `url` to `path` and return `path`.

    A file that is there is replaced only by the expected one.

    Args:
        url: http, https or file address.

    Raises:
        DownloadError: no network, a refused, broken or unsafe connection, a
            silent server, or a file that is not the expected one.
        helpers.paths.WriteError: the disk is full or may not be written.
    """
    name = url.rsplit("/", 1)[-1]
    try:
        with atomic(path) as temporary:
            _download(url, name, temporary)
            actual = digest(temporary, kind)
            if actual != expected:
                raise DownloadError(
                    f"{name}: what came from {url} is not the expected file "
                    f"({kind} {actual}, not {expected}); try again later or "
                    "on another network."
                )
    except WriteError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise DownloadError(
            f"{name} could not be downloaded from {url} "
            f"({getattr(error, 'reason', error)}); check the network and "
            "this computer's clock, and try again."
        ) from None
    return path


def _download(url: str, name: str, path: Path) -> None:
    with urllib.request.urlopen(
        url, timeout=TIMEOUT, context=ssl_context()
    ) as response:
        size = int(response.headers.get("Content-Length") or 0)
        bar = tqdm.wrapattr(
            response, "read", total=size or None, desc=name, file=sys.stdout
        )
        with bar as stream, open(path, "wb") as file:
            shutil.copyfileobj(stream, file)


def ssl_context() -> ssl.SSLContext:
    """Return the system's certificates and those of certifi.

    Python of python.org has none on macOS; a school may have added its own
    to the system's.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
