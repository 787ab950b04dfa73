"""The disk: a known hash, and syncing files and folders that exist."""

import pytest
from marketlab.data.disk import sha256_of, sync


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
