"""JSON from strangers: plain values of a sane size and depth, or an error that callers word."""

import os

import pytest
from marketlab.data.plain_json import read_json


def test_plain_values_come_back(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": [1, 2.5, null, "é"]}', encoding="utf-8")
    assert read_json(path) == {"a": [1, 2.5, None, "é"]}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"9" * 10_000, b"\xff\xfe", b" " * 1001]
)
def test_what_is_none_is_a_value_error(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r".") as caught:
        read_json(path, most=200_000 if len(content) != 1001 else 1000)
    assert not isinstance(caught.value, RecursionError)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "x.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ValueError, match="no regular file"):
            read_json(path)
