"""The disk: a known hash, and syncing files and folders that exist."""

from pathlib import Path

import pytest
from marketlab.data.disk import given_path, replaced, sha256_of, sync, write_together


def test_the_hash_of_abc(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-4, the example of one block.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(tmp_path / "abc") == expected


def test_files_and_folders_can_be_synced(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    sync(tmp_path / "abc")
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "absent")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "abc"
    path.write_text("old")
    with replaced(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"

    def stopped():
        with replaced(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stopped()
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["abc"]


def test_files_written_together_replace_what_was_there(tmp_path):
    (tmp_path / "a").write_text("old")
    written = write_together([(tmp_path / "a", b"new"), (tmp_path / "deep" / "b", b"too")])
    assert written == (tmp_path / "a", tmp_path / "deep" / "b")
    assert [path.read_bytes() for path in written] == [b"new", b"too"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "deep"]


def test_none_is_replaced_when_one_cannot_be_made(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "folder").mkdir()

    def files(bad):
        yield tmp_path / "a", b"new"
        yield bad, b"x"

    with pytest.raises(OSError, match="folder"):
        write_together(files(tmp_path / "folder"))
    with pytest.raises((NotADirectoryError, FileExistsError)):
        write_together(files(tmp_path / "a" / "below"))

    def stops():
        yield tmp_path / "a", b"new"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_together(stops())
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]


def test_a_full_disk_leaves_the_files_that_were_there(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")

    def full(path):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("marketlab.data.disk.sync", full)
    with pytest.raises(OSError, match="No space"):
        write_together([(tmp_path / "a", b"new")])
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_tilde_in_a_config_is_the_home_of_its_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert given_path("~/bars.csv") == Path("/home/ada/bars.csv")
    assert given_path("~bob/bars.csv") == Path("~bob/bars.csv")
    assert given_path("data/~/x") == Path("data/~/x")
