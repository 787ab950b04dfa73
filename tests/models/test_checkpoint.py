"""A training state comes back as it was, and nothing that was damaged is believed."""

import math
from collections import OrderedDict

import pytest
import torch
from marketlab.errors import RunError
from marketlab.models.checkpoint import read_checkpoint, write_checkpoint

STATE = {
    "numbers": [1, -2.5, True, None, "text", 1e-320, 2**70],
    "odd": {"inf": math.inf, "minus": -math.inf, "list": ["tensor", "00000"]},
    "keys": {0: "zero", 1.5: "half", None: "none", (1, "a"): "pair", "0": "text"},
    "tuple": (1, (2.0, [3])),
    "ordered": OrderedDict(b=1, a=2),
    "tensors": [
        torch.arange(6).reshape(2, 3).t(),
        torch.tensor(3.5),
        torch.empty(0, 4),
        torch.tensor([1.0, math.nan], dtype=torch.bfloat16),
        torch.get_rng_state(),
    ],
}


def same(a, b):
    assert type(a) is type(b) or (isinstance(a, dict) and isinstance(b, dict))
    if isinstance(a, dict):
        assert [*a] == [*b]
        assert [type(key) for key in a] == [type(key) for key in b]
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            same(one, other)
    elif isinstance(a, torch.Tensor):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert torch.equal(a.contiguous().reshape(-1).view(torch.uint8),
                           b.contiguous().reshape(-1).view(torch.uint8))  # fmt: skip
    else:
        assert a == b


def test_a_state_comes_back_as_it_was(tmp_path):
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, STATE)
    same(STATE, read_checkpoint(path))
    assert math.isnan(read_checkpoint_of(tmp_path, {"x": math.nan})["x"])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def read_checkpoint_of(folder, state):
    write_checkpoint(folder / "state.safetensors", state)
    return read_checkpoint(folder / "state.safetensors")


def test_tensors_that_share_memory_are_stored_each(tmp_path):
    base = torch.arange(4.0)
    found = read_checkpoint_of(tmp_path, {"a": base, "b": base[1:]})
    assert torch.equal(found["b"], base[1:])


@pytest.mark.parametrize("value", [{1}, b"bytes", object(), print, torch.float32])
def test_a_value_that_cannot_be_plain_is_refused_and_the_old_file_stays(tmp_path, value):
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, {"epoch": 1})
    with pytest.raises(RunError, match=r"checkpoint\.inner\.0 is a ") as error:
        write_checkpoint(path, {"inner": [value]})
    assert "\n" not in str(error.value)
    assert read_checkpoint(path) == {"epoch": 1}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_of_any_length_but_its_own_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, STATE)
    whole = path.read_bytes()
    for length in [0, 1, 7, 8, 100, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(RunError) as error:
            read_checkpoint(path)
        assert "\n" not in str(error.value)


def test_a_changed_byte_is_noticed(tmp_path):
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, {"x": torch.arange(1000.0), "epoch": 7})
    whole = path.read_bytes()
    for place in [whole.index(b"[[") + 2, len(whole) - 5, len(whole) // 2]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(RunError):
            read_checkpoint(path)


def test_no_file_is_one_line(tmp_path):
    with pytest.raises(RunError, match="is missing"):
        read_checkpoint(tmp_path / "absent.safetensors")
    with pytest.raises(RunError):
        read_checkpoint(tmp_path)
