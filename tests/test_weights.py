"""The choice of weights, with and without a network."""

import errno
import hashlib
import http.server
import socket
import ssl
import tarfile
import threading

import keras
import numpy as np
import pytest

from helpers import downloads, paths
from helpers.dataset import flowers
from helpers.network import starter, weights

CONTENT = b"weights " * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()
IMAGENET = weights.Weights("imagenet", "here")
STARTER = weights.Weights("starter", "expanded.h5")
RANDOM = weights.Weights("random", None)


@pytest.fixture
def server():
    """The address of a local server: whole, short, wrong, empty; else 404."""
    pages = {
        "/whole": CONTENT,
        "/short": CONTENT[: len(CONTENT) // 2],
        "/wrong": b"?" * len(CONTENT),
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path in pages:
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(pages[self.path])
            elif self.path != "/empty":  # that has not even a status
                self.send_error(404)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.delenv(weights.VARIABLE, raising=False)


def cached(tmp_path, content):
    path = tmp_path / "keras" / "models" / weights.IMAGENET_NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


# --- Downloads ------------------------------------------------------------


def fetch(url, tmp_path, expected=MD5):
    return downloads.fetch(url, tmp_path / "f", expected, "md5", timeout=0.5)


def test_a_download_arrives_whole(server, tmp_path):
    assert fetch(f"{server}/whole", tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "expected", "message"),
    [
        ("short", MD5, "could not be downloaded"),
        ("empty", MD5, "could not be downloaded"),
        ("missing", MD5, "could not be downloaded"),
        ("wrong", MD5, "not the expected file"),
        ("whole", "0" * 32, "not the expected file"),
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


def test_an_insecure_connection_has_its_own_message(server, tmp_path):
    url = server.replace("http:", "https:")
    with pytest.raises(downloads.DownloadError, match="secure") as error:
        fetch(f"{url}/whole", tmp_path)
    assert "clock" in str(error.value)
    assert "connect to the network" not in str(error.value)


def test_a_python_without_certificates_can_download(tmp_path, monkeypatch):
    (tmp_path / "empty").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert ssl.create_default_context().get_ca_certs() == []
    context = downloads._ssl_context()
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


def test_imagenet_comes_from_keras_cache_without_a_network(tmp_path):
    path = cached(tmp_path, CONTENT)
    assert weights.imagenet("http://127.0.0.1:9/", MD5) == path


def test_a_damaged_cache_is_neither_used_nor_deleted(server, tmp_path):
    path = cached(tmp_path, b"damaged")
    with pytest.raises(downloads.DownloadError):
        weights.imagenet("http://127.0.0.1:9/none", MD5)
    own = weights.imagenet(f"{server}/whole", MD5)
    assert own != path and own.read_bytes() == CONTENT
    assert path.read_bytes() == b"damaged"


# --- The choice -----------------------------------------------------------


@pytest.fixture
def network(monkeypatch):
    """Sets what `imagenet` does: an error to raise, or None to return."""
    calls = []

    def set_to(error=None):
        def imagenet():
            calls.append(1)
            if error:
                raise error
            return "here"

        monkeypatch.setattr(weights, "imagenet", imagenet)
        calls.clear()
        return calls

    monkeypatch.setattr(weights, "_starter", lambda: "expanded.h5")
    set_to()
    return set_to


OFFLINE = downloads.DownloadError("no network.")
FULL = paths.WriteError("it cannot be written: the disk is full.")


@pytest.mark.parametrize("error", [OFFLINE, FULL], ids=["offline", "full"])
@pytest.mark.parametrize("shipped", [True, False])
def test_without_imagenet_it_is_the_starter_or_random(
    network, monkeypatch, capsys, tmp_path, error, shipped
):
    network(error)
    if not shipped:
        monkeypatch.setattr(starter, "FILE", tmp_path / "none")
    expected = STARTER if shipped else RANDOM
    assert weights.choose() == expected
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"No ImageNet weights: {error}"
    assert second.startswith(f"Weights: {expected.name}")
    with pytest.raises((ValueError, paths.WriteError), match=str(error)):
        weights.choose("imagenet")


def test_the_variable_decides_without_an_argument(network, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, "random")
    assert weights.choose() == RANDOM
    monkeypatch.delenv(weights.VARIABLE)
    assert weights.choose() == RANDOM  # the first choice is remembered
    monkeypatch.setenv(weights.VARIABLE, "random")
    assert weights.choose("imagenet") == IMAGENET
    monkeypatch.setenv(weights.VARIABLE, "nonsense")
    with pytest.raises(ValueError, match="nonsense: neither a weights file"):
        weights.choose()
    monkeypatch.setenv(weights.VARIABLE, "")
    assert weights.choose() == IMAGENET


def test_two_files_of_one_name_have_different_names(tmp_path, capsys):
    names = []
    for folder, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        path = tmp_path / folder / "imagenet.h5"
        path.parent.mkdir()
        path.write_bytes(content)
        chosen = weights.choose(str(path))
        assert chosen.path == str(path)
        assert str(path) in capsys.readouterr().out
        names.append(chosen.name)
    assert names[0] == "imagenet-6b86b2"
    assert names[1] != names[0] == names[2]


# --- Remembered -----------------------------------------------------------


@pytest.fixture
def begun_offline(network, capsys):
    """The first lesson had no network; now there is one."""
    network(OFFLINE)
    weights.choose()
    capsys.readouterr()
    return network()


def test_lessons_begun_offline_keep_their_weights_when_connected(
    begun_offline, tmp_path, monkeypatch, capsys
):
    assert weights.choose() == STARTER
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Weights: starter")
    assert "switch to imagenet (a download)" in second
    assert 'call network.weights.choose("imagenet")' in second
    cached(tmp_path, CONTENT)
    monkeypatch.setattr(weights, "IMAGENET_MD5", MD5)
    assert weights.choose() == STARTER
    assert "imagenet (already on this computer)" in capsys.readouterr().out
    assert not begun_offline


def test_only_later_lessons_mention_other_weights(network, capsys):
    weights.choose()
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Weights: imagenet")
    weights.choose()
    same, other = capsys.readouterr().out.splitlines()
    assert same == line and 'call network.weights.choose("starter")' in other


def test_an_argument_is_remembered(begun_offline, tmp_path, monkeypatch):
    assert weights.choose("random") == weights.choose() == RANDOM
    (tmp_path / "mine.h5").write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    name = weights.choose("mine.h5").name
    monkeypatch.chdir("/")
    own = weights.Weights(name, str(tmp_path / "mine.h5"))
    assert weights.choose() == own
    with pytest.raises(ValueError, match="nonsense"):
        weights.choose("nonsense")
    assert weights.choose() == own


def test_the_variable_holds_while_it_is_set(
    begun_offline, monkeypatch, capsys
):
    monkeypatch.setenv(weights.VARIABLE, "random")
    assert weights.choose() == RANDOM
    assert len(capsys.readouterr().out.splitlines()) == 1
    monkeypatch.delenv(weights.VARIABLE)
    assert weights.choose() == STARTER


def test_remembered_imagenet_is_replaced_until_it_is_back(network, capsys):
    weights.choose("imagenet")
    capsys.readouterr()
    calls = network(OFFLINE)
    assert weights.choose() == STARTER
    first, second = capsys.readouterr().out.splitlines()
    assert "imagenet, which are not available now: no network" in first
    assert second.startswith("Weights: starter")
    assert len(calls) == 1  # each may be a long wait
    network()
    assert weights.choose() == IMAGENET


@pytest.mark.parametrize(
    ("left", "message"),
    [(None, "neither a weights file"), (b"2", "has changed since")],
)
def test_a_remembered_file_that_is_gone_or_changed_is_not_used(
    network, tmp_path, capsys, left, message
):
    path = tmp_path / "mine.h5"
    path.write_bytes(b"1")
    name = weights.choose(str(path)).name
    path.unlink() if left is None else path.write_bytes(left)
    capsys.readouterr()
    assert weights.choose() == IMAGENET
    first, second = capsys.readouterr().out.splitlines()
    assert name in first and str(path) in first and message in first
    assert second.startswith("Weights: imagenet")


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\xff", b"[]", b"{}", b'{"name": "x", "path": null}', b'{"na'],
)
def test_a_damaged_note_of_the_choice_is_written_anew(
    begun_offline, tmp_path, capsys, damaged
):
    (tmp_path / "work" / weights.REMEMBERED).write_bytes(damaged)
    assert weights.choose() == IMAGENET
    first, second = capsys.readouterr().out.splitlines()
    assert f"{weights.REMEMBERED} does not say which weights" in first
    assert second.startswith("Weights: imagenet")
    weights.choose()
    assert "does not say" not in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_one_line(monkeypatch, capsys):
    def read_only(*args):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(paths.os, "replace", read_only)
    assert weights.choose("random") == RANDOM
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Weights: random")
    assert second.startswith("The choice of weights is not remembered: ")
    assert "its disk is read-only" in second


# --- Flowers --------------------------------------------------------------


@pytest.fixture
def archive(tmp_path):
    """Makes an archive of one photo; returns its address and digest."""

    def make(name="flower_photos/daisy/1.jpg"):
        photo = tmp_path / "photo.jpg"
        photo.write_bytes(b"photo")
        with tarfile.open(tmp_path / "f.tgz", "w:gz") as tar:
            tar.add(photo, name)
        path = tmp_path / "f.tgz"
        return path.as_uri(), downloads.digest(path)

    return make


def test_flowers_are_downloaded_once_and_unpacked(archive, tmp_path):
    url, digest = archive()
    folder = flowers.folder(url, digest)
    assert (folder / "daisy" / "1.jpg").read_bytes() == b"photo"
    assert list((tmp_path / "data").iterdir()) == [folder]
    (tmp_path / "f.tgz").unlink()
    assert flowers.folder(url, digest) == folder


def test_an_archive_that_is_there_is_used_if_it_is_whole(archive, tmp_path):
    url, digest = archive()
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


def test_an_archive_that_reaches_out_of_its_folder_is_refused(
    archive, tmp_path
):
    with pytest.raises(Exception, match="outside"):
        flowers.folder(*archive("../outside.jpg"))
    assert not (tmp_path / "outside.jpg").exists()
    assert not (tmp_path / "data" / "flower_photos").exists()


# --- Starter weights ------------------------------------------------------


def test_starter_weights_are_written_once_and_anew_if_damaged(monkeypatch):
    chosen = weights.choose("starter")
    base = keras.applications.InceptionV3(
        weights=chosen.path, include_top=False, input_shape=(299, 299, 3)
    )
    for loaded, shipped in zip(
        base.get_weights(), starter.read(), strict=True
    ):
        assert np.array_equal(loaded, shipped)

    def read():
        raise LookupError("it is read anew")

    monkeypatch.setattr(starter, "read", read)
    path = weights._starter()
    assert str(path) == chosen.path
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1000], bytes(len(whole))):
        path.write_bytes(damaged)
        with pytest.raises(LookupError, match="it is read anew"):
            weights._starter()
