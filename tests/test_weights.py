"""The choice of weights, with and without a network."""

import errno

import keras
import numpy as np
import pytest

import start
from helpers import downloads, paths
from helpers.network import starter, weights

IMAGENET = weights.Weights("imagenet", "here")
STARTER = weights.Weights("starter", "expanded.h5")
RANDOM = weights.Weights("random", None)


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("WORKBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WORKBOOK_WORK", str(tmp_path / "work"))
    monkeypatch.delenv(weights.VARIABLE, raising=False)


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
    begun_offline, capsys
):
    assert weights.choose() == STARTER
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Weights: starter")
    assert 'call network.weights.choose("imagenet")' in second
    assert not begun_offline


@pytest.mark.parametrize("name", start.WEIGHTS)
def test_what_start_py_was_told_holds_in_all_lessons(
    network, monkeypatch, capsys, name
):
    network(OFFLINE) if name == "starter" else network()
    start.remember(name)
    assert weights.choose().name == weights.choose().name == name
    assert f"Weights: {name}" in capsys.readouterr().out


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
    assert "switch to" not in capsys.readouterr().out
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


@pytest.mark.parametrize("damaged", [b"", b"\xff", b"[]", b"{}", b'{"na'])
def test_a_damaged_note_of_the_choice_is_written_anew(
    begun_offline, tmp_path, damaged
):
    note = tmp_path / "work" / weights.REMEMBERED
    note.write_bytes(damaged)
    assert weights.choose() == IMAGENET
    assert b"imagenet" in note.read_bytes()


def test_a_folder_that_cannot_be_written_is_one_line(monkeypatch, capsys):
    def read_only(*args):
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(paths.os, "replace", read_only)
    assert weights.choose("random") == RANDOM
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Weights: random")
    assert second.startswith("The choice of weights is not remembered: ")
    assert "its disk is read-only" in second


# --- Files ----------------------------------------------------------------


def test_damaged_weights_in_keras_cache_are_neither_used_nor_deleted(
    tmp_path, monkeypatch
):
    path = tmp_path / "keras" / "models" / weights.IMAGENET_NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    monkeypatch.setattr(weights, "IMAGENET_MD5", downloads.digest(path, "md5"))
    monkeypatch.setattr(weights, "IMAGENET_URL", "http://127.0.0.1:9/none")
    assert weights.imagenet() == path
    path.write_bytes(b"damaged")
    with pytest.raises(downloads.DownloadError):
        weights.imagenet()
    (tmp_path / "there.h5").write_bytes(b"weights")
    url = (tmp_path / "there.h5").as_uri()
    monkeypatch.setattr(weights, "IMAGENET_URL", url)
    own = weights.imagenet()
    assert own != path and own.read_bytes() == b"weights"
    assert path.read_bytes() == b"damaged"


def test_starter_weights_are_written_once(monkeypatch):
    chosen = weights.choose("starter")
    base = keras.applications.InceptionV3(
        weights=chosen.path, include_top=False, input_shape=(299, 299, 3)
    )
    for loaded, shipped in zip(
        base.get_weights(), starter.read(), strict=True
    ):
        assert np.array_equal(loaded, shipped)
    monkeypatch.setattr(starter, "read", None)
    assert str(weights._starter()) == chosen.path
