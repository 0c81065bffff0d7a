"""A download arrives whole, or one sentence says why not."""

import errno
import hashlib
import http.server
import socket
import ssl
import tarfile

import browser
import pytest

from helpers import downloads, paths
from helpers.dataset import flowers

CONTENT = b"weights " * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
PAGES = {
    "/whole": CONTENT,
    "/short": CONTENT[: len(CONTENT) // 2],
    "/wrong": b"?" * len(CONTENT),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path in PAGES:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(PAGES[self.path])
        elif self.path != "/empty":  # that has not even a status
            self.send_error(404)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    """The address of a local server: whole, short, wrong, empty; else 404."""
    with browser.served(Handler) as address:
        yield address


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.5)


def fetch(url, tmp_path, expected=MD5):
    return downloads.fetch(url, tmp_path / "f", expected, "md5")


def test_a_download_arrives_whole(server, tmp_path):
    assert fetch(f"{server}/whole", tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "expected", "message"),
    [
        ("short", MD5, "not the expected file"),
        ("wrong", MD5, "not the expected file"),
        ("whole", "0" * 32, "not the expected file"),
        ("empty", MD5, "could not be downloaded"),
        ("missing", MD5, "could not be downloaded .*Not Found"),
    ],
)
def test_a_failed_download_leaves_the_old_file(
    server, tmp_path, page, expected, message
):
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(downloads.DownloadError, match=message) as error:
        fetch(f"{server}/{page}", tmp_path, expected)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_server_that_never_answers_is_given_up(tmp_path):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(downloads.DownloadError, match="timed out"):
            fetch(f"http://127.0.0.1:{deaf.getsockname()[1]}/f", tmp_path)


def test_a_connection_that_is_not_secure_is_refused(server, tmp_path):
    url = server.replace("http:", "https:")
    with pytest.raises(downloads.DownloadError, match="SSL.*clock"):
        fetch(f"{url}/whole", tmp_path)


def test_a_python_without_certificates_can_download(tmp_path, monkeypatch):
    (tmp_path / "empty").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert ssl.create_default_context().get_ca_certs() == []
    context = downloads.ssl_context()
    assert len(context.get_ca_certs()) > 50
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_full_disk_is_not_reported_as_the_network(
    server, tmp_path, monkeypatch
):
    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(downloads.shutil, "copyfileobj", full)
    with pytest.raises(paths.WriteError, match="disk is full"):
        fetch(f"{server}/whole", tmp_path)


# --- Flowers --------------------------------------------------------------


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """The address and digest of an archive of one photo."""
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    photo, path = tmp_path / "photo.jpg", tmp_path / "f.tgz"
    photo.write_bytes(b"photo")
    with tarfile.open(path, "w:gz") as tar:
        tar.add(photo, "flower_photos/daisy/1.jpg")
    return path.as_uri(), downloads.digest(path)


def test_flowers_are_downloaded_once_and_unpacked(archive, tmp_path):
    url, digest = archive
    folder = flowers.folder(url, digest)
    assert (folder / "daisy" / "1.jpg").read_bytes() == b"photo"
    assert list((tmp_path / "data").iterdir()) == [folder]
    (tmp_path / "f.tgz").unlink()
    assert flowers.folder(url, digest) == folder


def test_an_archive_that_is_there_is_used_if_it_is_whole(archive, tmp_path):
    url, digest = archive
    whole = (tmp_path / "f.tgz").read_bytes()
    nowhere = (tmp_path / "gone.tgz").as_uri()
    there = paths.work() / "flower_photos.tgz"
    there.parent.mkdir()
    there.write_bytes(whole[:-9])
    with pytest.raises(downloads.DownloadError):
        flowers.folder(nowhere, digest)
    there.write_bytes(whole)
    folder = flowers.folder(nowhere, digest)
    assert (folder / "daisy" / "1.jpg").read_bytes() == b"photo"
    assert not there.exists()
