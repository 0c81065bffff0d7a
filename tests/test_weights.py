"""The choice of weights, with and without a network."""

import concurrent.futures
import errno
import hashlib
import http.server
import io
import socket
import ssl
import tarfile
import threading

import numpy as np
import pytest

from helpers import downloads, paths
from helpers.dataset import flowers
from helpers.network import starter, weights

CONTENT = b"weights " * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    """A local server: whole, short, wrong, silent, empty; else 404."""
    done = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            half = len(CONTENT) // 2
            pages = {
                "/whole": CONTENT,
                "/short": CONTENT[:half],
                "/silent": CONTENT[:half],
                "/wrong": b"?" * len(CONTENT),
            }
            if self.path == "/empty":
                return  # not even a status
            if self.path not in pages:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(pages[self.path])
            if self.path == "/silent":
                self.wfile.flush()
                done.wait(60)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as it:
        thread = threading.Thread(target=it.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{it.server_port}"
        done.set()
        it.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.delenv(weights.VARIABLE, raising=False)


def cached(tmp_path, content):
    path = tmp_path / "keras" / "models" / weights.IMAGENET_NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_a_download_arrives_whole(server, tmp_path):
    path = downloads.fetch(f"{server}/whole", tmp_path / "f", MD5, "md5")
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("page", "expected", "says"),
    [
        ("short", MD5, "could not be downloaded"),
        ("silent", MD5, "could not be downloaded"),
        ("empty", MD5, "could not be downloaded"),
        ("wrong", MD5, "not the expected file"),
        ("whole", "0" * 32, "not the expected file"),
        ("missing", MD5, "could not be downloaded"),
    ],
)
def test_a_bad_download_leaves_the_old_file(
    server, tmp_path, page, expected, says
):
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(downloads.DownloadError, match=says) as error:
        downloads.fetch(
            f"{server}/{page}", tmp_path / "f", expected, "md5", timeout=0.5
        )
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_a_network_that_is_too_slow_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "PATIENCE", 0)
    monkeypatch.setattr(downloads, "SLOWEST", 10**12)
    with pytest.raises(downloads.DownloadError, match="too slow"):
        downloads.fetch(f"{server}/whole", tmp_path / "f", MD5, "md5")


def test_a_network_that_swallows_everything_is_given_up(tmp_path):
    with socket.socket() as deaf:  # takes the call and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/f"
        with pytest.raises(downloads.DownloadError, match="timed out"):
            downloads.fetch(url, tmp_path / "f", MD5, "md5", timeout=0.5)


def test_a_connection_that_is_not_safe_gets_its_own_sentence(server, tmp_path):
    url = server.replace("http:", "https:")
    with pytest.raises(downloads.DownloadError, match="safe") as error:
        downloads.fetch(f"{url}/whole", tmp_path / "f", MD5, "md5", 5)
    assert "clock is right" in str(error.value)
    assert "connect to the network" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_python_that_trusts_nobody_can_download(tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(empty))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    assert ssl.create_default_context().get_ca_certs() == []
    context = downloads._trusting()
    assert len(context.get_ca_certs()) > 50
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_full_disk_is_not_taken_for_the_network(server, tmp_path):
    def full(*args):
        raise OSError(errno.ENOSPC, "full")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloads, "_stream", full)
        with pytest.raises(paths.WriteError, match="disk is full"):
            downloads.fetch(f"{server}/whole", tmp_path / "f", MD5, "md5")


def test_imagenet_comes_from_keras_cache_without_a_network(tmp_path):
    path = cached(tmp_path, CONTENT)
    assert weights.imagenet("http://127.0.0.1:9/", MD5) == path


def test_a_wrong_cache_file_is_neither_used_nor_lost(server, tmp_path):
    path = cached(tmp_path, b"damaged")
    with pytest.raises(downloads.DownloadError):
        weights.imagenet("http://127.0.0.1:9/none", MD5)
    assert path.read_bytes() == b"damaged"
    ours = weights.imagenet(f"{server}/whole", MD5)
    assert ours != path and ours.read_bytes() == CONTENT
    assert path.read_bytes() == b"damaged"


def offline(monkeypatch):
    def fetch(*args, **kwargs):
        raise downloads.DownloadError("no network.")

    monkeypatch.setattr(downloads, "fetch", fetch)


def test_offline_says_so_and_goes_on(monkeypatch, capsys, tmp_path):
    offline(monkeypatch)
    monkeypatch.setattr(starter, "FILE", tmp_path / "none")
    chosen = weights.choose()
    assert (chosen.name, chosen.path) == ("random", None)
    said = capsys.readouterr().out
    assert "no network" in said and "Weights: random" in said


def test_the_variable_pins_the_choice(monkeypatch, capsys):
    monkeypatch.setenv(weights.VARIABLE, "random")
    assert weights.choose().name == "random"
    assert weights.choose("random").path is None
    monkeypatch.setenv(weights.VARIABLE, "nonsense")
    with pytest.raises(ValueError, match="nonsense"):
        weights.choose()


def test_imagenet_by_name_is_not_replaced_in_silence(monkeypatch):
    offline(monkeypatch)
    with pytest.raises(ValueError, match="no network"):
        weights.choose("imagenet")


def test_a_path_is_taken_as_it_is(tmp_path, capsys):
    path = tmp_path / "mine.weights.h5"
    path.write_bytes(b"")
    chosen = weights.choose(str(path))
    assert chosen.path == str(path)
    said = capsys.readouterr().out
    assert str(path) in said and chosen.name in said


def test_two_files_of_one_name_are_told_apart(tmp_path):
    names = []
    for folder, content in (("a", b"1"), ("b", b"2"), ("c", b"1")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "imagenet.h5").write_bytes(content)
        path = tmp_path / folder / "imagenet.h5"
        names.append(weights.choose(str(path)).name)
    assert names[0] == "imagenet-6b86b2"
    assert names[1] != names[0] == names[2]


def test_an_empty_variable_counts_as_not_set(monkeypatch, capsys):
    monkeypatch.setattr(weights, "imagenet", lambda: "here")
    for value in ("", None):
        if value is None:
            monkeypatch.delenv(weights.VARIABLE)
        else:
            monkeypatch.setenv(weights.VARIABLE, value)
        assert weights.choose() == weights.Weights("imagenet", "here")


def test_without_room_for_imagenet_it_is_the_starter(monkeypatch, capsys):
    def fetch(*args, **kwargs):
        raise paths.WriteError("it cannot be written: the disk is full.")

    monkeypatch.setattr(downloads, "fetch", fetch)
    monkeypatch.setattr(weights, "_starter", lambda: "expanded.h5")
    assert weights.choose() == weights.Weights("starter", "expanded.h5")
    said = capsys.readouterr().out
    assert "No ImageNet weights: it cannot be written: the disk is" in said
    with pytest.raises(paths.WriteError, match="disk is full"):
        weights.choose("imagenet")


# --- Remembered -----------------------------------------------------------


@pytest.fixture
def begun_offline(monkeypatch, capsys):
    """A folder of work whose first lesson had no network."""
    with monkeypatch.context() as patch:
        offline(patch)
        weights.choose()
    capsys.readouterr()
    monkeypatch.setattr(weights, "imagenet", lambda: pytest.fail("asked"))


@pytest.fixture(autouse=True)
def expanded_already(monkeypatch, request):
    if "begun_offline" in request.fixturenames:
        monkeypatch.setattr(weights, "_starter", lambda: "expanded.h5")


def test_lessons_begun_offline_keep_their_weights_when_connected(
    begun_offline, capsys
):
    assert weights.choose() == weights.Weights("starter", "expanded.h5")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Weights: starter, learned from pictures")
    assert "Earlier lessons used the same weights; to switch" in second
    assert "(a download)" in second
    assert 'call network.weights.choose("imagenet")' in second


def test_imagenet_that_has_come_since_is_mentioned_and_not_taken(
    begun_offline, tmp_path, monkeypatch, capsys
):
    cached(tmp_path, CONTENT)
    monkeypatch.setattr(weights, "IMAGENET_MD5", MD5)
    assert weights.choose().name == "starter"
    assert "imagenet (already on this computer)" in capsys.readouterr().out


def test_the_first_lesson_says_no_more_than_its_weights(monkeypatch, capsys):
    monkeypatch.setattr(weights, "imagenet", lambda: "here")
    weights.choose()
    assert capsys.readouterr().out == weights._SENTENCES["imagenet"] + "\n"
    weights.choose()
    second = capsys.readouterr().out.splitlines()[1]
    assert 'call network.weights.choose("starter")' in second


def test_an_argument_is_remembered(begun_offline, tmp_path, monkeypatch):
    assert weights.choose("random").name == "random"
    assert weights.choose().name == "random"
    path = tmp_path / "mine.h5"
    path.write_bytes(b"1")
    monkeypatch.chdir(tmp_path)
    chosen = weights.choose("mine.h5")
    monkeypatch.chdir("/")
    assert weights.choose() == weights.Weights(chosen.name, str(path))


def test_the_variable_holds_while_it_is_set_and_changes_nothing(
    begun_offline, tmp_path, monkeypatch, capsys
):
    note = tmp_path / "work" / weights.REMEMBERED
    before = note.read_bytes()
    monkeypatch.setenv(weights.VARIABLE, "random")
    assert weights.choose().name == "random"
    assert capsys.readouterr().out == weights._SENTENCES["random"] + "\n"
    assert note.read_bytes() == before
    monkeypatch.delenv(weights.VARIABLE)
    assert weights.choose().name == "starter"


def test_what_the_variable_chose_first_is_remembered(monkeypatch):
    monkeypatch.setattr(weights, "imagenet", lambda: pytest.fail("asked"))
    monkeypatch.setenv(weights.VARIABLE, "random")
    weights.choose()
    monkeypatch.delenv(weights.VARIABLE)
    assert weights.choose().name == "random"


def test_a_wish_that_fails_is_not_remembered(begun_offline):
    with pytest.raises(ValueError, match="nonsense"):
        weights.choose("nonsense")
    assert weights.choose().name == "starter"


def test_remembered_imagenet_that_is_gone_is_replaced_until_it_is_back(
    begun_offline, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(weights, "imagenet", lambda: "here")
    weights.choose("imagenet")
    attempts = []

    def gone():
        attempts.append(1)
        raise downloads.DownloadError("no network.")

    monkeypatch.setattr(weights, "imagenet", gone)
    capsys.readouterr()
    assert weights.choose().name == "starter"
    first, second = capsys.readouterr().out.splitlines()
    assert "imagenet, which are not available now: no network" in first
    assert second.startswith("Weights: starter")
    assert len(attempts) == 1  # each may be a long wait
    monkeypatch.setattr(weights, "imagenet", lambda: "here")
    assert weights.choose().name == "imagenet"


@pytest.mark.parametrize(
    ("left", "says"),
    [(None, "neither a weights file"), (b"2", "has changed since")],
)
def test_a_remembered_file_that_is_gone_or_changed_is_not_used(
    begun_offline, tmp_path, monkeypatch, capsys, left, says
):
    monkeypatch.setattr(weights, "imagenet", lambda: "here")
    path = tmp_path / "mine.h5"
    path.write_bytes(b"1")
    name = weights.choose(str(path)).name
    path.unlink() if left is None else path.write_bytes(left)
    capsys.readouterr()
    assert weights.choose() == weights.Weights("imagenet", "here")
    first, second = capsys.readouterr().out.splitlines()
    assert name in first and str(path) in first and says in first
    assert second.startswith("Weights: imagenet")


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\xff", b"[]", b"{}", b'{"name": "x", "path": null}', b'{"na'],
)
def test_a_damaged_note_of_the_choice_is_written_anew(
    begun_offline, tmp_path, monkeypatch, capsys, damaged
):
    monkeypatch.setattr(weights, "imagenet", lambda: "here")
    (tmp_path / "work" / weights.REMEMBERED).write_bytes(damaged)
    assert weights.choose().name == "imagenet"
    first, second = capsys.readouterr().out.splitlines()
    assert f"{weights.REMEMBERED} does not say which weights" in first
    assert second.startswith("Weights: imagenet")
    weights.choose()
    assert "does not say" not in capsys.readouterr().out


def test_a_folder_that_cannot_be_written_is_told_in_one_line(
    monkeypatch, capsys
):
    def read_only(*args):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(paths.os, "replace", read_only)
    assert weights.choose("random").name == "random"
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Weights: random")
    assert second.startswith("The choice of weights is not remembered: ")
    assert "its disk can only be read" in second


def test_lessons_that_choose_at_once_leave_a_whole_note(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wishes = ["random", None] * 20
        weights.choose("random")
        names = {chosen.name for chosen in pool.map(weights.choose, wishes)}
    assert names == {"random"}
    assert [p.name for p in (tmp_path / "work").iterdir()] == [
        weights.REMEMBERED
    ]


# --- Flowers --------------------------------------------------------------


def archive(path, *names):
    with tarfile.open(path, "w:gz") as tar:
        for name in names:
            source = path.parent / "photo.jpg"
            source.write_bytes(b"photo")
            tar.add(source, name)
    return path.as_uri(), downloads.digest(path)


def test_flowers_are_fetched_once_and_unpacked(tmp_path):
    url, sha = archive(tmp_path / "f.tgz", "flower_photos/daisy/1.jpg")
    folder = flowers.folder(url, sha)
    assert (folder / "daisy" / "1.jpg").read_bytes() == b"photo"
    (tmp_path / "f.tgz").unlink()
    assert flowers.folder(url, sha) == folder


def test_a_whole_archive_is_not_fetched_again(tmp_path):
    url, sha = archive(tmp_path / "f.tgz", "flower_photos/daisy/1.jpg")
    there = paths.work() / "flower_photos.tgz"
    there.parent.mkdir()
    nowhere = (tmp_path / "gone.tgz").as_uri()
    there.write_bytes((tmp_path / "f.tgz").read_bytes()[:-9])
    with pytest.raises(downloads.DownloadError):
        flowers.folder(nowhere, sha)
    there.write_bytes((tmp_path / "f.tgz").read_bytes())
    folder = flowers.folder(nowhere, sha)
    assert (folder / "daisy" / "1.jpg").read_bytes() == b"photo"
    assert not there.exists()


def test_whoever_comes_second_has_the_flowers_too(tmp_path, monkeypatch):
    url, sha = archive(tmp_path / "f.tgz", "flower_photos/daisy/1.jpg")
    opened = tarfile.open

    def meanwhile(path):
        monkeypatch.setattr(tarfile, "open", opened)
        tar = opened(path)
        flowers.folder(url, sha)  # by another process
        return tar

    monkeypatch.setattr(tarfile, "open", meanwhile)
    folder = flowers.folder(url, sha)
    assert (folder / "daisy" / "1.jpg").read_bytes() == b"photo"
    assert list((tmp_path / "data").iterdir()) == [folder]


def half(tar, path, filter):
    (path / "flower_photos").mkdir(parents=True)
    raise KeyboardInterrupt


def test_a_killed_unpacking_is_tidied_up(tmp_path, monkeypatch):
    url, sha = archive(tmp_path / "f.tgz", "flower_photos/daisy/1.jpg")
    with monkeypatch.context() as patch:
        # Of a process that is no more, and could not remove it.
        patch.setattr(paths.os, "getpid", lambda: 2**22 + 1)
        patch.setattr(paths, "_remove", lambda split: None)
        patch.setattr(flowers, "digest", lambda path: "another")
        patch.setattr(tarfile.TarFile, "extractall", half)
        with pytest.raises(KeyboardInterrupt):
            flowers.folder(url, sha)
    paths._swept.discard(tmp_path / "data")
    assert len(list((tmp_path / "data").iterdir())) == 1
    folder = flowers.folder(url, sha)
    assert list((tmp_path / "data").iterdir()) == [folder]


def test_an_archive_that_reaches_out_of_its_folder_is_refused(tmp_path):
    url, sha = archive(tmp_path / "f.tgz", "../outside.jpg")
    with pytest.raises(Exception, match="outside"):
        flowers.folder(url, sha)
    assert not (tmp_path / "outside.jpg").exists()
    assert not (tmp_path / "data" / "flower_photos").exists()


# --- Starter weights ------------------------------------------------------


def test_starter_weights_are_what_the_file_holds(capsys):
    import keras

    chosen = weights.choose("starter")
    base = keras.applications.InceptionV3(
        weights=chosen.path, include_top=False, input_shape=(299, 299, 3)
    )
    for got, shipped in zip(base.get_weights(), starter.read(), strict=True):
        assert np.array_equal(got, shipped)


@pytest.fixture(scope="module")
def expanded(tmp_path_factory):
    """The starter weights as they are written out, the bytes of the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBOOK_WORK", str(tmp_path_factory.mktemp("expanded")))
        return weights._starter().read_bytes()


def few_arrays():
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros(3)
    return content.getvalue()


@pytest.mark.parametrize("left", ["nothing", "a part", "zeros", "few arrays"])
def test_damaged_starter_weights_are_written_out_anew(
    expanded, tmp_path, monkeypatch, left
):
    path = tmp_path / "work" / "weights"
    path = path / f"starter-{starter.SHA256[:8]}.weights.h5"
    path.parent.mkdir(parents=True)
    path.write_bytes(
        {
            "nothing": b"",
            "a part": expanded[:-1000],
            "zeros": bytes(len(expanded)),
            "few arrays": few_arrays(),
        }[left]
    )

    def read():
        raise LookupError("it is read anew")

    monkeypatch.setattr(starter, "read", read)
    with pytest.raises(LookupError, match="it is read anew"):
        weights._starter()
    path.write_bytes(expanded)
    assert weights._starter() == path
