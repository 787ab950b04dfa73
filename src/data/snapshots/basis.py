"""What the bars of a snapshot depend on: two statements of it in, their differences in words out.

A dataset states its own, a snapshot's metadata those of the dataset that took it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMED = 5
"""How many symbols are named."""

FILES = ("ratios", "universe")
RULES = ("allow_negative", "on_invalid")

KEYS = ("source", "exchange", "exchanges", *RULES, *FILES)
"""What every snapshot states; one of a remote source also has its request.

``exchange`` dates all symbols but those in ``exchanges``; a file is stated by its SHA-256 or null.
"""

Stated = Mapping[str, Any]


def differences(taken: Stated, asked: Stated, *, fetched: bool) -> tuple[str, ...]:
    """Return in what a snapshot is not what a dataset asks for: predicates of the snapshot.

    Parameters
    ----------
    taken : names to JSON values
        The snapshot's metadata.
    asked : names to JSON values
        The dataset's.
    fetched : bool
        Whether the source is remote.
    """
    how = "fetched" if fetched else "taken"
    if any(key not in taken for key in KEYS):
        return (f"was {how} before snapshots stated what their bars depend on",)
    said = [*_requests(taken.get("request") or {}, asked.get("request") or {})]
    if taken["source"] != asked["source"]:
        said.append(f"was {how} from {taken['source']}, this reads {asked['source']}")
    names = {*taken["exchanges"], *asked["exchanges"]}
    if taken["exchange"] != asked["exchange"]:
        said.append(f"was dated by {taken['exchange']}, this asks for {asked['exchange']}")
    places = {name: (exchange_of(taken, name), exchange_of(asked, name)) for name in sorted(names)}
    said += [
        f"has {name} dated by {was}, this asks for {now}"
        for name, (was, now) in places.items()
        if was != now and (was, now) != (taken["exchange"], asked["exchange"])
    ]
    said += [f"was {how} with {rule}" for rule in rules_that_differ(taken, asked)]
    for key in FILES:
        if taken[key] == asked[key]:
            continue
        if taken[key] is None:
            said.append(f"was {how} without dataset.{key}")
        elif asked[key] is None:
            said.append(f"was {how} with dataset.{key}, this asks for none")
        else:
            said.append(f"was {how} with other contents of dataset.{key}")
    return tuple(said)


def exchange_of(stated: Stated, symbol: str) -> Any:
    """Return the exchange that dates a symbol."""
    return stated.get("exchanges", {}).get(symbol, stated.get("exchange"))


def rules_that_differ(taken: Stated, asked: Stated) -> list[str]:
    """Return the rules that let other bars through, in words."""
    return [
        f"dataset.{rule}={_word(taken.get(rule))}, this asks for {_word(asked[rule])}"
        for rule in RULES
        if taken.get(rule) != asked[rule]
    ]


def _requests(taken: Stated, asked: Stated) -> list[str]:
    lacking = [symbol for symbol in asked if symbol not in taken]
    odd = [symbol for symbol in taken if symbol not in asked]
    said = []
    if lacking and odd:
        said.append(f"was fetched for {_symbols(odd)}, this asks for {_listed(lacking)}")
    elif lacking:
        said.append(f"was fetched without {_symbols(lacking)}")
    elif odd:
        said.append(f"was fetched with {_symbols(odd)}, which this does not ask for")
    for symbol in asked:
        if symbol not in taken or taken[symbol] == asked[symbol]:
            continue
        keys = sorted({*taken[symbol], *asked[symbol]})
        key = next(k for k in keys if taken[symbol].get(k) != asked[symbol].get(k))
        was, now = (_word(one[symbol].get(key)) for one in (taken, asked))
        said.append(f"was fetched with {key}={was} of {symbol}, this asks for {now}")
        break
    return said


def _symbols(names: list[str]) -> str:
    return f"the symbol{'' if len(names) == 1 else 's'} {_listed(names)}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _word(value: Any) -> str:
    return {None: "null", True: "true", False: "false"}.get(value, str(value))
