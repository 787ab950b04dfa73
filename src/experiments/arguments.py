"""Arguments: a config node in, or one line that names the key that its class cannot take.

A class says in its signature what it wants. Read before it is called, the signature tells the user
which key of the recipe to mend, where the class itself could only fail somewhere inside.
"""

from __future__ import annotations

import inspect
import pydoc
import types
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..errors import ConfigError, nearest

_WANTED = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_SEVERAL = {int: "whole numbers", float: "numbers", str: "names"}
_MOST = 12
"""More arguments than this are not listed."""
_LISTS = (list, tuple, set, frozenset, Sequence, Collection)
_MAPPINGS = (dict, Mapping)


def check_arguments(node: Any, what: str, given: Collection[str] = ()) -> None:
    """Refuse keys that the class of a node does not have, lacks, or cannot take the value of.

    Parameters
    ----------
    node : plain value
        Nodes inside it are checked too.
    what : str
        The node's place in the recipe.
    given : names
        Further arguments, which the caller adds.

    Raises
    ------
    ConfigError
    """
    if isinstance(node, list):
        for index, child in enumerate(node):
            check_arguments(child, f"{what}.{index}")
    if not isinstance(node, dict):
        return
    own = {str(key): value for key, value in node.items() if not str(key).startswith("_")}
    for key, value in own.items():
        check_arguments(value, f"{what}.{key}")
    signature, hints = _signature(node.get("_target_"))
    if signature is None or "_args_" in node:
        return
    name = str(node["_target_"]).rpartition(".")[2]
    named = {
        key: parameter
        for key, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    for key, value in own.items():
        if key not in named and inspect.Parameter.VAR_KEYWORD not in kinds:
            hint = nearest(key, named)
            short = len(named) <= _MOST or "did you mean" in hint
            raise ConfigError(f"{what}: {name} has no argument {key!r}{hint if short else ''}")
        wanted = _wanted(value, hints.get(key, Any))
        if wanted:
            raise ConfigError(f"{what}.{key}={value!r} must be {wanted}")
    for key, parameter in named.items():
        needed = parameter.default is parameter.empty and not node.get("_partial_")
        if needed and key not in own and key not in given:
            raise ConfigError(f"{what}.{key} is missing: {name} needs it")


def _signature(target: Any) -> tuple[inspect.Signature | None, dict[str, Any]]:
    """Return the signature and type hints of what a ``_target_`` names, as far as they show."""
    try:
        found: Any = pydoc.locate(target) if isinstance(target, str) else None
        if not callable(found):
            return None, {}
        signature = inspect.signature(found)
        hints = get_type_hints(vars(found)["__init__"] if inspect.isclass(found) else found)
    except Exception:  # whatever is wrong with it, instantiating it says so
        return None, {}
    return signature, hints


def _wanted(value: Any, hint: Any) -> str | None:
    """Say what `hint` wants in the place of `value`, or None if it takes it or cannot be said."""
    if isinstance(value, dict) and "_target_" in value:
        return None
    arms = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    takes = [_takes(arm, value) for arm in arms]
    words = [word for arm in arms if (word := _word(arm))]
    if any(takes) or not words:
        return None
    return " or ".join(dict.fromkeys([*words, *(["null"] if type(None) in arms else [])]))


def _takes(arm: Any, value: Any) -> bool:
    origin = get_origin(arm) or arm
    if arm is type(None):
        return value is None
    if arm is str:
        return isinstance(value, str | int | float)  # a symbol may look like a number
    if arm in (int, float, bool):
        number = int if arm is int else (int, float) if arm is float else bool
        return isinstance(value, number) and (arm is bool or not isinstance(value, bool))
    if origin in _LISTS:
        each = [a for a in get_args(arm) if a is not Ellipsis]
        return isinstance(value, list) and (
            len(each) != 1 or all(_wanted(item, each[0]) is None for item in value)
        )
    if origin in _MAPPINGS:
        return isinstance(value, dict)
    if origin is Literal:
        return value in get_args(arm)
    # YAML cannot say an object of any other class; what is no class, such as Any, may take all.
    return not isinstance(arm, type) or arm is object


def _word(arm: Any) -> str | None:
    origin = get_origin(arm) or arm
    if origin in _LISTS:
        each = [_SEVERAL[a] for a in get_args(arm)[:1] if a in _SEVERAL]
        return f"a list of {each[0]}" if each else "a list"
    return "a mapping" if origin in _MAPPINGS else _WANTED.get(arm)
