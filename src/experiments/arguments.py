"""Arguments: a config node in, or one line that names the key that its class cannot take.

A class says in its signature what it wants: names, types, and ranges (`marketlab.ranges`, or
`schemas` for the classes of other libraries). Read before it is called, the signature tells the
user which key of the recipe to mend, where the class itself could only fail somewhere inside.
"""

from __future__ import annotations

import inspect
import math
import pydoc
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen

from ..errors import ConfigError, nearest
from ..ranges import MOST
from .schemas import ranges_of, signature_of

HYDRA = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")
"""Hydra's own words in a node."""
_WANTED = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
_SEVERAL = {int: "whole numbers", float: "numbers", str: "names"}
_MOST_LISTED = 12
"""More arguments than this are not listed."""
_LISTS = (list, tuple, set, frozenset, Sequence, Collection)
_MAPPINGS = (dict, Mapping)
_LARGEST = 2**63


def check_arguments(
    node: Any, what: str, given: Collection[str] = (), kind: type | None = None
) -> None:
    """Refuse keys that the class of a node does not have, lacks, or cannot take the value of.

    Parameters
    ----------
    node : plain value
        Nodes inside it are checked too.
    what : str
        The node's place in the recipe.
    given : names
        Further arguments, which the caller adds.
    kind : type, optional
        What the node must build.

    Raises
    ------
    ConfigError
    """
    _check_numbers(node, what)
    if isinstance(node, list):
        for index, child in enumerate(node):
            check_arguments(child, f"{what}.{index}")
    if not isinstance(node, dict):
        return
    _check_own(node, what, given, kind)
    for key, value in node.items():
        check_arguments(value, f"{what}.{key}")


def _check_own(
    node: Mapping[str, Any], what: str, given: Collection[str], kind: type | None
) -> None:
    """Check the arguments of a node itself."""
    if "_target_" not in node:
        return
    own = {str(key): value for key, value in node.items() if str(key) not in HYDRA}
    if not isinstance(node.get("_partial_", False), bool):
        raise ConfigError(f"{what}._partial_={node['_partial_']!r} must be true or false")
    target = str(node["_target_"])
    if kind is not None and (reason := _not_a(kind, node)):
        raise ConfigError(f"{what}: {reason}")
    signature, hints = _signature(target)
    if signature is None or "_args_" in node:
        return
    name = target.rpartition(".")[2]
    named = {
        key: parameter
        for key, parameter in signature.parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    for key, value in own.items():
        if key not in named and inspect.Parameter.VAR_KEYWORD not in kinds:
            hint = nearest(key, named)
            short = len(named) <= _MOST_LISTED or "did you mean" in hint
            raise ConfigError(f"{what}: {name} has no argument {key!r}{hint if short else ''}")
        hint_of = hints.get(key, Any)
        if wanted := unfit(value, hint_of):
            raise ConfigError(f"{what}.{key}={_shown(value)} must be {wanted}")
        _check_node(value, hint_of, f"{what}.{key}")
    for key, parameter in named.items():
        needed = parameter.default is parameter.empty and not node.get("_partial_")
        if needed and key not in own and key not in given:
            raise ConfigError(f"{what}.{key} is missing: {name} needs it")


def unfit(value: Any, hint: Any) -> str | None:
    """Say what `hint` wants in the place of `value`, or None if it takes it or cannot be said."""
    if _fits(value, hint, item=False):
        return None
    arms = _arms(hint)
    words = [word for arm in arms if (word := _word(arm, value))]
    words = words or ["a mapping with _target_, the name of the class to build"]
    wanted = " or ".join(dict.fromkeys([*words, *(["null"] if type(None) in arms else [])]))
    names = [name for arm in arms if get_origin(arm) is Literal for name in map(str, get_args(arm))]
    hint_text = nearest(value, names) if isinstance(value, str) else ""
    return wanted + (hint_text if "did you mean" in hint_text else "")


def _check_numbers(value: Any, what: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{what}={value!r} must be a finite number")
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise ConfigError(f"{what}={_shown(value)} is too large a number")


def _check_node(value: Any, hint: Any, what: str) -> None:
    """Refuse a nested node that builds something else than the signature wants."""
    if not _is_node(value):
        return
    arms = _arms(hint)
    if any(get_origin(arm) is Callable for arm in arms):
        signature, _ = _signature(value["_target_"])
        needs = [] if signature is None else [
            key for key, p in signature.parameters.items()
            if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        ]  # fmt: skip
        if not value.get("_partial_") and any(key not in value for key in needs):
            name = str(value["_target_"]).rpartition(".")[2]
            raise ConfigError(f"{what} lacks _partial_: true, since {name} is called later")
        return
    reasons = [
        _not_a(arm, value) if _builds(arm) else None for arm in arms if arm is not type(None)
    ]
    if reasons and all(reasons):
        raise ConfigError(f"{what}: {reasons[0]}")


def _not_a(kind: type, node: Mapping[str, Any]) -> str | None:
    """Say why a node does not build a `kind`, as far as its target tells."""
    found, name = _located(node["_target_"]), str(node["_target_"]).rpartition(".")[2]
    if node.get("_partial_"):
        return f"_partial_ gives no {kind.__name__}: leave it out"
    if inspect.isclass(found) and not issubclass(found, kind):
        return f"{name} is no {kind.__name__}"
    return None


def _is_node(value: Any) -> bool:
    return isinstance(value, dict) and "_target_" in value


def _located(target: Any) -> Any:
    try:
        return pydoc.locate(target) if isinstance(target, str) else None
    except pydoc.ErrorDuringImport:  # instantiating it says so
        return None


def _signature(target: Any) -> tuple[inspect.Signature | None, dict[str, Any]]:
    """Return the signature and type hints of what a ``_target_`` names, as far as they show."""
    found = _located(signature_of(target) if isinstance(target, str) else None)
    if not callable(found):
        return None, {}
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # written in C, without one
        return None, {}
    function = vars(found).get("__init__", found.__init__) if inspect.isclass(found) else found
    if is_dataclass(found):
        function = found  # its fields keep the names of the modules that they were written in
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError):  # a name that only type checkers import
        hints = {}
    return signature, {**hints, **ranges_of(target)}


def _arms(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) not in (Union, types.UnionType):
        return (hint,)
    return tuple(arm for part in get_args(hint) for arm in _arms(part))


def _bare(arm: Any) -> tuple[Any, tuple[Any, ...]]:
    """Part an annotated type from its ranges."""
    if get_origin(arm) is Annotated:
        base, *ranges = get_args(arm)
        return base, tuple(ranges)
    return arm, ()


def _builds(arm: Any) -> bool:
    """Whether YAML can say an `arm` only by a node."""
    if get_origin(arm) is Callable:
        return True
    plain = (*_WANTED, *_LISTS, *_MAPPINGS, object, type(None), Any)
    return inspect.isclass(arm) and arm not in plain and get_origin(arm) is None


def _ours(arm: Any) -> bool:
    """Whether only a node can be meant: a class of the contracts, or what is called later."""
    known = ("marketlab", "pytorch_lightning")
    return get_origin(arm) is Callable or (
        _builds(arm) and arm.__module__.partition(".")[0] in known
    )


def _takes(arm: Any, value: Any, *, item: bool = False) -> bool:
    base, ranges = _bare(arm)
    origin = get_origin(base) or base
    if base is type(None):
        return value is None
    if base is str:
        # A symbol may look like a number, and in a list like true: whoever reads the list says so.
        return isinstance(value, str | int | float) and (item or not isinstance(value, bool))
    if base in (int, float, bool):
        number = int if base is int else (int, float) if base is float else bool
        fits = isinstance(value, number) and (base is bool or not isinstance(value, bool))
        return fits and _within(value, ranges)
    if origin in _LISTS:
        each = [a for a in get_args(base) if a is not Ellipsis]
        return (
            isinstance(value, list)
            and _within(value, ranges)
            and (len(each) != 1 or all(_fits(entry, each[0]) for entry in value))
        )
    if origin in _MAPPINGS:
        each = list(get_args(base)[1:])
        return isinstance(value, dict) and all(
            _fits(entry, hint) for entry in value.values() for hint in each
        )
    if origin is Literal:
        return any(value is known or (type(value) is str and value == known) for known in
                   get_args(base))  # fmt: skip
    # YAML cannot say an object of any other class; what is no class, such as Any, may take all.
    return not _builds(base)


def _fits(value: Any, hint: Any, *, item: bool = True) -> bool:
    arms = _arms(hint)
    if _is_node(value) or any(_takes(arm, value, item=item) for arm in arms):
        return True
    # What a class of somebody else's takes cannot be said, if it stands alone.
    return not any(_word(arm, value) or _ours(arm) for arm in arms)


def _within(value: Any, ranges: Sequence[Any]) -> bool:
    for bound in ranges:
        if isinstance(bound, MinLen | MaxLen):
            short = isinstance(bound, MinLen) and len(value) < bound.min_length
            if short or (isinstance(bound, MaxLen) and len(value) > bound.max_length):
                return False
        elif not (
            (not isinstance(bound, Ge) or value >= bound.ge)
            and (not isinstance(bound, Gt) or value > bound.gt)
            and (not isinstance(bound, Le) or value <= bound.le)
            and (not isinstance(bound, Lt) or value < bound.lt)
        ):
            return False
    return True


def _word(arm: Any, value: Any) -> str | None:
    base, ranges = _bare(arm)
    origin = get_origin(base) or base
    if origin in _LISTS:
        most = next((f" of at most {r.max_length}" for r in ranges if isinstance(r, MaxLen)), " of")
        least = any(isinstance(r, MinLen) for r in ranges)
        start = "a list, not empty," if least and value == [] else "a list"
        if any(_ours(arm) for each in get_args(base)[:1] for arm in _arms(each)):
            return "a list of mappings with _target_"
        several = _several(get_args(base)[:1], value if isinstance(value, list) else [])
        long = isinstance(value, list) and not _within(value, ranges) and value != []
        return f"{start}{most if long else ' of'} {several}" if several else start
    if origin in _MAPPINGS:
        values = list(value.values()) if isinstance(value, dict) else []
        several = _several(get_args(base)[1:], values)
        return f"a mapping to {several}" if several else "a mapping"
    if origin is Literal:
        return " or ".join(map(str, get_args(base)))
    word = _WANTED.get(base)
    return word and f"{word}{_range(ranges, [value])}"


def _several(hints: Sequence[Any], values: Sequence[Any]) -> str:
    """Word what a container holds, where that can be said in a few words."""
    for hint in hints:
        base, ranges = _bare(hint)
        if base in _SEVERAL:
            return _SEVERAL[base] + _range(ranges, values)
    return ""


def _range(ranges: Sequence[Any], values: Sequence[Any]) -> str:
    """Word the bounds of a number; the largest of all only where it is what a value exceeds."""
    huge = any(isinstance(value, int) and value > MOST for value in values)
    least = next((f" from {r.ge}" for r in ranges if isinstance(r, Ge)), "")
    above = next((f" above {r.gt}" for r in ranges if isinstance(r, Gt)), "")
    most = next((f" to {r.le}" for r in ranges if isinstance(r, Le) and (r.le != MOST or huge)), "")
    below = next((f"below {r.lt}" for r in ranges if isinstance(r, Lt)), "")
    start = least or above
    if below:
        return f"{start}{' and' if start else ''} {below}"
    if most:
        return f"{above} and at most{most.removeprefix(' to')}" if above else f"{least}{most}"
    return f"{start} up" if least else start


def _shown(value: Any) -> str:
    """Show a value in one line of bearable length."""
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return f"a number of {int(math.log10(abs(value))) + 1} digits"
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
