"""Text to a syntax tree of a closed list of node types; nothing is ever executed.

In: one expression as a user typed it. Out: an `ast` tree in which only arithmetic, comparisons,
calls of plain names, names and numbers occur, and a `Source` that can point at a place in the text.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from ...errors import ExpressionError

MAX_TEXT = 4_000
MAX_NODES = 2_000
MAX_DEPTH = 100
SHOWN = 88
"""Longest piece of an expression that an error message prints."""

_BINARY = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.BitAnd, ast.BitOr)
_UNARY = (ast.USub, ast.UAdd, ast.Not)
_COMPARE = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_INSTEAD: dict[type[ast.AST], str] = {
    ast.FloorDiv: "'//' is not an operator here; use '/'",
    ast.Mod: "'%' is not an operator here",
    ast.BitXor: "'^' is not an operator here; a power is written '**'",
    ast.Invert: "'~' is not an operator here; use 'not'",
    ast.IfExp: "'if' is not an operator here; use where(condition, a, b)",
    ast.Attribute: "attributes ('.') are not part of the language",
    ast.Subscript: "brackets are not part of the language; an earlier row is delay(x, n)",
}


@dataclass(frozen=True)
class Source:
    """One named expression, able to point at a place in its own text."""

    name: str
    text: str

    def error(self, message: str, place: ast.AST | int = 0, hint: str = "") -> ExpressionError:
        """Build the error: what and where, then the text, then a caret under the place.

        Parameters
        ----------
        message : str
            What is wrong.
        place : ast node or int
            The node, or the index of the character, that is at fault.
        hint : str
            A clause to end the first line with, such as `errors.nearest` gives.
        """
        at = place if isinstance(place, int) else self.column(place)
        at = min(max(at, 0), len(self.text))
        start = max(0, min(at - SHOWN // 2, len(self.text) - SHOWN))
        shown = self.text[start : start + SHOWN]
        before, after = "..." * (start > 0), "..." * (start + SHOWN < len(self.text))
        line = before + "".join(c if c.isprintable() else "?" for c in shown) + after
        caret = " " * (len(before) + at - start) + "^"
        what = "".join(c if c.isprintable() else "?" for c in f"{message}{hint}")
        return ExpressionError(f"expression {self.name!r}: {what}\n  {line}\n  {caret}")

    def column(self, node: ast.AST) -> int:
        """Return the index of the character at which a node begins."""
        # ast counts bytes of UTF-8.
        offset = int(getattr(node, "col_offset", 0))
        return len(self.text.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore"))


def parse(name: str, text: object) -> tuple[Source, ast.expr]:
    """Parse one expression.

    Raises
    ------
    ExpressionError
        Whatever the text is, this is the only exception.
    """
    if not isinstance(text, str):
        raise Source(name, repr(text)[:SHOWN]).error("an expression is text; put it in quotes")
    source = Source(name, " ".join(text[: MAX_TEXT + 1].split()))
    if len(text) > MAX_TEXT:
        raise source.error(f"longer than {MAX_TEXT} characters; split it into named parts")
    if not source.text:
        raise source.error("is empty")
    if "#" in source.text:
        raise source.error("comments belong outside the expression", source.text.index("#"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.text, mode="eval").body
    except SyntaxError as error:
        raise source.error(f"does not parse ({error.msg})", (error.offset or 1) - 1) from None
    except (RecursionError, MemoryError):
        raise source.error("is nested too deeply; split it into named parts") from None
    except (ValueError, OverflowError) as error:
        raise source.error(f"does not parse ({error})") from None
    _check(source, tree)
    return source, tree


def _check(source: Source, tree: ast.expr) -> None:
    """Refuse every node that is not on the closed list, and trees too large to compile."""
    stack: list[tuple[ast.expr, int]] = [(tree, 1)]
    seen = 0
    while stack:
        node, depth = stack.pop()
        seen += 1
        if seen > MAX_NODES:
            raise source.error(f"has more than {MAX_NODES} parts; split it into named parts", node)
        if depth > MAX_DEPTH:
            raise source.error(
                f"is nested more than {MAX_DEPTH} deep; split it into named parts", node
            )
        stack.extend((child, depth + 1) for child in _children(source, node))


def _children(source: Source, node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(op=op) if isinstance(op, _BINARY):
            return [node.left, node.right]
        case ast.UnaryOp(op=op) if isinstance(op, _UNARY):
            return [node.operand]
        case ast.BoolOp():
            return node.values
        case ast.Compare(ops=[op]) if isinstance(op, _COMPARE):
            return [node.left, *node.comparators]
        case ast.Compare(ops=[_]):
            raise source.error("only < <= > >= == != compare", node)
        case ast.Compare():
            raise source.error("comparisons do not chain; write (a < b) & (b < c)", node)
        case ast.Call(func=ast.Name()):
            if any(keyword.arg is None for keyword in node.keywords):
                raise source.error("'**' arguments are not part of the language", node)
            return [*node.args, *(keyword.value for keyword in node.keywords)]
        case ast.Call():
            raise source.error("only a named operator can be called", node)
        case ast.Constant(value=value) if type(value) in (int, float):
            return []
        case ast.Name():
            return []
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) in _INSTEAD:
            raise source.error(_INSTEAD[type(op)], node)
        case _:
            kind = type(node).__name__
            raise source.error(
                _INSTEAD.get(type(node), f"{kind} is not part of the language"), node
            )
