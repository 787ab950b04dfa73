"""A snapshot is what its name promises, or it is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from marketlab.data.snapshots import store
from marketlab.data.snapshots.store import find_snapshot, read_snapshot, write_snapshot
from marketlab.errors import SnapshotError


def bars(close: float = 11.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": pd.date_range("2020-01-06 21:00", periods=3, tz="UTC").as_unit("ns"),
            "symbol": pd.Categorical(["A", "A", "B"]),
            "open": [np.nan, 10.0, 11.0],
            "high": [12.0, 13.0, 14.0],
            "low": [9.0, 10.0, 10.0],
            "close": [close, 12.0, 13.0],
            "volume": np.nan,
        }
    )


META = {"dataset": "d", "source": "here", "clock": "XNYS", "notes": ["one"]}


def test_bars_come_back_as_they_went(tmp_path: Path) -> None:
    written = write_snapshot(bars(), tmp_path, META)
    assert written.path == tmp_path / f"{written.sha256}.parquet"
    frame, read = read_snapshot(written.path)
    pd.testing.assert_frame_equal(frame, bars())
    assert read == written
    assert read.metadata["clock"] == "XNYS"
    assert read.rows == 3
    pd.testing.assert_frame_equal(pd.read_parquet(written.path), bars())


def test_equal_bars_give_one_file_that_is_written_once(tmp_path: Path) -> None:
    first = write_snapshot(bars(), tmp_path, META)
    stamp = first.path.stat().st_mtime_ns
    again = write_snapshot(bars(), tmp_path, dict(reversed(META.items())))
    assert again == first
    assert first.path.stat().st_mtime_ns == stamp
    other = write_snapshot(bars(close=12.0), tmp_path, META)
    assert other.sha256 != first.sha256
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted([first.path.name, other.path.name, "latest"])


def test_a_snapshot_is_found_by_hash_digits_path_or_as_the_latest(tmp_path: Path) -> None:
    first = write_snapshot(bars(), tmp_path, META)
    other = write_snapshot(bars(close=12.0), tmp_path, META)
    assert find_snapshot(tmp_path) == other.path
    assert find_snapshot(tmp_path, first.sha256) == first.path
    assert find_snapshot(tmp_path, first.sha256[:8]) == first.path
    assert find_snapshot(tmp_path, str(first.path)) == first.path


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("latest", "there is no snapshot in"),
        ("0123456789", "no snapshot in .* whose name begins with 0123456789"),
        ("0123", "snapshot=0123 is neither 'latest', nor a SHA-256"),
        ("../../etc/passwd", "is neither 'latest'"),
        ("*", "is neither 'latest'"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, wanted: str, message: str) -> None:
    with pytest.raises(SnapshotError, match=message):
        find_snapshot(tmp_path, wanted)


def test_a_damaged_index_is_told(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("../../elsewhere\n")
    with pytest.raises(SnapshotError, match="does not hold a SHA-256"):
        find_snapshot(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "changed", "empty"])
def test_damaged_bytes_are_refused(tmp_path: Path, damage: str) -> None:
    path = write_snapshot(bars(), tmp_path, META).path
    data = bytearray(path.read_bytes())
    if damage == "changed":
        data[len(data) // 2] ^= 1
    path.write_bytes({"truncated": bytes(data[:-10]), "changed": bytes(data), "empty": b""}[damage])
    with pytest.raises(
        SnapshotError, match=r"is damaged: its .* not the one in its name"
    ) as refusal:
        read_snapshot(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("failure", [UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), MemoryError()])
def test_whatever_decoding_damaged_bytes_raises_they_are_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    path = write_snapshot(bars(), tmp_path, META).path
    monkeypatch.setattr(store, "_decoded", fail)
    with pytest.raises(type(failure)):
        read_snapshot(path)  # sound bytes: the fault is elsewhere, and is not hidden
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SnapshotError, match="is damaged"):
        read_snapshot(path)


def test_random_damages_are_always_told(tmp_path: Path) -> None:
    path = write_snapshot(bars(), tmp_path, META).path
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(1500):
        data = bytearray(good)
        for at in rng.integers(0, len(good), rng.choice([1, 3, 20])):
            data[at] ^= rng.integers(1, 256)
        if bytes(data) == good:
            continue
        path.write_bytes(data)
        with pytest.raises(SnapshotError, match="is damaged"):
            read_snapshot(path)


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    import hashlib

    with pytest.raises(SnapshotError, match="cannot be read: No such file"):
        read_snapshot(tmp_path / f"{'0' * 64}.parquet")
    text = b"not parquet"
    path = tmp_path / f"{hashlib.sha256(text).hexdigest()}.parquet"
    path.write_bytes(text)
    with pytest.raises(SnapshotError, match="does not hold bars in the format bars-1"):
        read_snapshot(path)
    plain = tmp_path / "plain.parquet"
    bars().to_parquet(plain)
    with pytest.raises(SnapshotError, match="its name is no SHA-256; read it with dataset=parquet"):
        read_snapshot(plain)
    renamed = tmp_path / f"{hashlib.sha256(plain.read_bytes()).hexdigest()}.parquet"
    plain.rename(renamed)
    with pytest.raises(SnapshotError, match="does not hold bars in the format bars-1"):
        read_snapshot(renamed)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match="snapshots cannot be written to"):
        write_snapshot(bars(), tmp_path / "file" / "store", META)


def test_a_crash_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write_snapshot(bars(), tmp_path, META)
    assert list(tmp_path.iterdir()) == []
