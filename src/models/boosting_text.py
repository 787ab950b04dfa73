"""LightGBM's text of a booster, from a run directory that may be a stranger's: text in, or refused.

LightGBM believes what it reads: a wrong index or length aborts the process, or makes it read what
lies beyond its arrays. So every number that it follows is checked before it sees the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_HEADER = (
    "version num_class num_tree_per_iteration label_index max_feature_idx objective feature_names "
    "feature_infos tree_sizes monotone_constraints"
)
_INNER = ("split_gain", "threshold", "internal_value", "internal_weight", "internal_count")
_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
_WHOLE = ("split_feature", "decision_type", "left_child", "right_child")
_TREE = {"num_leaves", "num_cat", "is_linear", "shrinkage", *_INNER, *_LEAVES, *_WHOLE}
_MOST_LEAVES = 131_072
_MOST = 1_000_000
_OBJECTIVE = re.compile(r"regression|binary sigmoid:[\d.]+|multiclass num_class:(\d{1,4})|quantile")
_TAIL = "end of trees\n"


class MalformedTextError(ValueError):
    """A text that LightGBM did not write."""


def check_text(text: str) -> None:
    """Refuse a text that LightGBM's own reader would stumble over.

    Raises
    ------
    MalformedTextError
    """
    head, found, body = text.partition("\nTree=0\n")
    body = f"Tree=0\n{body}" if found else ""
    first, *lines = head.strip("\n").split("\n")
    header = _pairs([line for line in lines if line != "average_output"], set(_HEADER.split()))
    if first != "tree" or not re.fullmatch(r"v\d", header.get("version", "")):
        raise MalformedTextError("it does not begin as a booster does")
    features = _whole(header, "max_feature_idx", 0, _MOST) + 1
    for key in ("feature_names", "feature_infos"):
        if len(header.get(key, "").split(" ")) != features:
            raise MalformedTextError(f"{key} are not {features}")
    objective = _OBJECTIVE.fullmatch(header.get("objective", ""))
    if objective is None:
        raise MalformedTextError(f"objective={header.get('objective', '')[:40]!r} is none of ours")
    classes = int(objective.group(1) or 1)
    for key in ("num_class", "num_tree_per_iteration"):
        if _whole(header, key, 1, 10_000) != classes:
            raise MalformedTextError(f"{key} is not {classes}")
    sizes = [_number(size, "tree_sizes", 1, len(text)) for size in header["tree_sizes"].split(" ")]\
        if header.get("tree_sizes") else []  # fmt: skip
    data, start = body.encode(), 0
    for k, size in enumerate(sizes):
        block = data[start : start + size].decode(errors="replace")
        if not block.startswith(f"Tree={k}\n"):
            raise MalformedTextError(f"tree {k} is not where tree_sizes says")
        _check_tree(_pairs(block.split("\n")[1:], _TREE), k, features)
        start += size
    rest = data[start:].decode(errors="replace") if found else text[len(head) :].lstrip("\n")
    if len(sizes) % classes or not rest.startswith(_TAIL) or "\nTree=" in rest:
        raise MalformedTextError("its trees do not end where tree_sizes says")
    if not rest.endswith("\npandas_categorical:null\n") or rest.count("pandas_categorical") != 1:
        raise MalformedTextError("it does not end as a booster does")


def _check_tree(tree: Mapping[str, str], k: int, features: int) -> None:
    leaves = _whole(tree, "num_leaves", 1, _MOST_LEAVES)
    for key in ("num_cat", "is_linear"):
        if tree.get(key) != "0":
            raise MalformedTextError(f"tree {k}: {key} is not 0")
    _numbers(tree, "shrinkage", 1)
    for key in _LEAVES:
        # A tree that never split has one value and no weights.
        if leaves > 1 or key == "leaf_value":
            _numbers(tree, key, leaves)
    if leaves == 1:
        return
    inner = leaves - 1
    for key in _INNER:
        _numbers(tree, key, inner)
    for value in tree.get("split_feature", "").split(" "):
        _number(value, "split_feature", 0, features - 1)
    for value in tree.get("decision_type", "").split(" "):
        if _number(value, "decision_type", 0, 15) % 2:
            raise MalformedTextError(f"tree {k}: decision_type is of categories")
    seen: set[int] = set()
    for key in ("left_child", "right_child"):
        for node, text in enumerate(tree.get(key, "").split(" ")):
            child = _number(text, key, -leaves, inner - 1)
            # Children follow their parent, and nothing has two: no walk can go round.
            if 0 <= child <= node or child in seen:
                raise MalformedTextError(f"tree {k}: {key} makes no tree")
            seen.add(child)
    for key in _WHOLE:
        if len(tree.get(key, "").split(" ")) != inner:
            raise MalformedTextError(f"tree {k}: {key} are not {inner}")


def _pairs(lines: list[str], known: set[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in lines:
        if line:
            key, equals, value = line.partition("=")
            if not equals or key not in known or key in pairs:
                raise MalformedTextError(f"{line[:40]!r} is not expected there")
            pairs[key] = value
    return pairs


def _whole(pairs: Mapping[str, str], key: str, least: int, most: int) -> int:
    return _number(pairs.get(key, ""), key, least, most)


def _number(text: str, key: str, least: int, most: int) -> int:
    if not re.fullmatch(r"-?\d{1,10}", text) or not least <= int(text) <= most:
        raise MalformedTextError(f"{key} has {text[:20]!r}")
    return int(text)


def _numbers(tree: Mapping[str, str], key: str, count: int) -> None:
    values = tree.get(key, "").split(" ")
    if len(values) != count:
        raise MalformedTextError(f"{key} are not {count}")
    for value in values:
        if not re.fullmatch(r"-?[\d.]{1,30}(e[-+]?\d{1,4})?", value):
            raise MalformedTextError(f"{key} has {value[:20]!r}")
        if not math.isfinite(float(value)):
            raise MalformedTextError(f"{key} has {value!r}")
