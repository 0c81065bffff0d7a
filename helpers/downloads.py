"""Fetches a file over the network, whole and checked, or says why not."""

import hashlib
import http.client
import ssl
import sys
import time
import urllib.error
import urllib.request

import certifi
from tqdm import tqdm

from helpers.paths import WriteError, atomic

CHUNK = 1 << 18  # bytes
PATIENCE = 30  # seconds, after which it is asked how fast it comes
SLOWEST = 10_000  # bytes a second: ImageNet's weights in two hours and a half


class DownloadError(Exception):
    """A download that did not come through, told in one sentence."""


def digest(path, kind="sha256"):
    """Return the hex digest of a file.

    Args:
        path: the file.
        kind: a name known to `hashlib`, for example "sha256" or "md5".
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def fetch(url, path, expected, kind="sha256", timeout=10):
    """Download `url` to `path` and return `path`.

    `path` appears only when the whole file has come and its digest is the
    expected one; an older file there is replaced only then.

    Args:
        url: http, https or file address.
        path: where the file goes.
        expected: its hex digest.
        kind: how the digest is made ("sha256" or "md5").
        timeout: seconds that the other side may stay silent.

    Raises:
        DownloadError: no network, a refused, broken or unsafe connection, a
            silent or very slow server, or a file that is not the expected
            one.
        helpers.paths.WriteError: the disk is full or may not be written.
    """
    name = url.rsplit("/", 1)[-1]
    try:
        with atomic(path) as temporary:
            got = _stream(url, name, temporary, hashlib.new(kind), timeout)
            if got != expected:
                raise DownloadError(
                    f"{name}: what came from {url} is not the expected file "
                    f"({kind} {got}, not {expected}); try again later or "
                    "on another network."
                )
    except WriteError:
        raise
    except (OSError, http.client.HTTPException, EOFError) as error:
        wrapped = isinstance(error, urllib.error.URLError)
        reason = error.reason if wrapped else error
        # One that breaks off says nothing of safety.
        broken = isinstance(reason, ssl.SSLEOFError)
        if isinstance(reason, ssl.SSLError) and not broken:
            raise DownloadError(
                f"{name}: no safe connection to {url} ({reason}); see that "
                "this computer's clock is right, and try again later or on "
                "another network."
            ) from None
        raise DownloadError(
            f"{name} could not be downloaded ({reason}); connect to the "
            "network and try again."
        ) from None
    return path


def _trusting():
    """Return whom a safe connection may be vouched for by.

    The Python of python.org knows nobody on macOS, so certifi's list is
    added. What the system knows stays: a school may have added its own.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _stream(url, name, part, running, timeout):
    """Write the answer of `url` to `part`; return its digest."""
    with urllib.request.urlopen(
        url, timeout=timeout, context=_trusting()
    ) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        bar = tqdm(
            total=total, desc=name, unit="B", unit_scale=True, file=sys.stdout
        )
        begun = time.monotonic()
        with bar, open(part, "wb") as file:
            # read() would wait for a whole chunk, however slowly it comes.
            while chunk := answer.read1(CHUNK):
                file.write(chunk)
                running.update(chunk)
                bar.update(len(chunk))
                spent = time.monotonic() - begun
                if spent > PATIENCE and file.tell() < SLOWEST * spent:
                    raise EOFError(
                        f"{file.tell():,} bytes in {spent:.0f} seconds: the "
                        "network is too slow"
                    )
            if total and file.tell() < total:
                raise EOFError(f"it ended after {file.tell():,} bytes")
    return running.hexdigest()
