"""A training state as one safetensors file: nested values in; the same values out, without pickle.

Tensors are stored as such; everything around them is JSON in the file's header. The file appears
under its name only when it is whole, and says in its header what its bytes must hash to.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ..data.disk import replaced
from ..errors import RunError
from .spec import unreadable

FORMAT = 1


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Write nested dicts, lists and tuples of tensors, numbers, texts and None.

    Parameters
    ----------
    path : Path
        In an existing folder; what was there stays until the new file is on the disk.
    state : mapping
        Its keys may be anything that can be written; shared tensors are stored several times.

    Raises
    ------
    RunError
        If it holds a value of another kind.
    OSError
        If the disk refuses.
    """
    tensors: dict[str, torch.Tensor] = {}
    text = json.dumps(_encoded(state, tensors, "checkpoint"), allow_nan=False)
    header = {"format": str(FORMAT), "state": text, "sha256": _digest(text, tensors)}
    with replaced(path) as temporary:
        save_file(tensors, temporary, metadata=header)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what `write_checkpoint` wrote, its tensors on the CPU.

    Raises
    ------
    RunError
        If the file is missing, cut short, changed, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header["format"] != str(FORMAT):
            raise RunError(f"{path} has format {header['format']}, not {FORMAT}: fit it again")
        if header["sha256"] != _digest(header["state"], tensors):
            raise RunError(f"{path} is not what was saved: fit it again")
        state = _decoded(json.loads(header["state"]), tensors)
    except (OSError, ValueError, LookupError, TypeError, RecursionError, SafetensorError) as error:
        raise unreadable(path, error) from error
    if not isinstance(state, dict):
        raise RunError(f"{path} holds no training state: fit it again")
    return state


def _encoded(value: Any, tensors: dict[str, torch.Tensor], where: str) -> Any:
    """Turn a value into JSON; a container becomes [its kind, its items]."""
    if isinstance(value, torch.Tensor):
        name = f"{len(tensors):05d}"
        tensors[name] = value.detach().cpu().contiguous().clone()
        return ["tensor", name]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else ["float", str(float(value))]
    if isinstance(value, Mapping):
        items = [
            [_encoded(key, tensors, where), _encoded(item, tensors, f"{where}.{key}")]
            for key, item in value.items()
        ]
        return ["dict", items]
    if isinstance(value, list | tuple):
        items = [_encoded(item, tensors, f"{where}.{k}") for k, item in enumerate(value)]
        return ["tuple" if isinstance(value, tuple) else "list", items]
    raise RunError(
        f"{where} is a {type(value).__name__}, which a checkpoint cannot hold: this fit resumes "
        "from its first epoch"
    )


def _decoded(node: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if not isinstance(node, list):
        return node
    kind, content = node
    if kind == "tensor":
        return tensors[content]
    if kind == "float":
        return float(content)
    if kind == "dict":
        return {_decoded(key, tensors): _decoded(item, tensors) for key, item in content}
    if kind not in ("list", "tuple"):
        raise ValueError(f"unknown kind {kind!r}")
    items = [_decoded(item, tensors) for item in content]
    return items if kind == "list" else tuple(items)


def _digest(text: str, tensors: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        flat = tensors[name].reshape(-1)
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        if len(flat):
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
