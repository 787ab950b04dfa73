"""Syntax trees to nodes of the graph: names are resolved, arguments bound, mistakes pointed at.

In: a checked tree, the constants and the expressions already lowered. Out: the expression's node,
and the place where each field of the panel was first named.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import nearest
from .graph import Graph, GraphError, Node
from .operators import MAX_WINDOW, OPERATORS, Operator, Parameter
from .parse import Source

_BINARY: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.And: "and",
    ast.Or: "or",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}


@dataclass(frozen=True)
class Scope:
    """What names mean: numbers, expressions, and the places where fields were first named."""

    graph: Graph
    constants: Mapping[str, float]
    expressions: dict[str, Node]
    fields: dict[str, tuple[Source, int]]


def lower(source: Source, tree: ast.expr, scope: Scope) -> Node:
    """Turn one expression into a node.

    Raises
    ------
    ExpressionError
        With a caret under the operator, argument or name at fault.
    """
    try:
        return _lower(source, tree, scope)
    except GraphError as error:
        raise source.error(str(error), tree) from None


def _lower(source: Source, tree: ast.expr, scope: Scope) -> Node:
    match tree:
        case ast.Constant(value=int() | float() as value):
            try:
                return scope.graph.number(float(value))
            except OverflowError:
                raise GraphError("is too large a number") from None
        case ast.Name(id=name):
            return _name(source, tree, scope)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return lower(source, operand, scope)
        case ast.UnaryOp(op=sign, operand=operand):
            name = "not" if isinstance(sign, ast.Not) else "negative"
            return scope.graph.apply(name, [lower(source, operand, scope)])
        case ast.BinOp(op=operator, left=left, right=right):
            return _fold(source, operator, [left, right], scope)
        case ast.BoolOp(op=junction, values=values):
            return _fold(source, junction, values, scope)
        case ast.Compare(left=left, ops=[comparison], comparators=[right]):
            return _fold(source, comparison, [left, right], scope)
        case ast.Call(func=ast.Name(id=name)):
            return _call(source, tree, name, scope)
        case _:
            raise AssertionError(f"{type(tree).__name__} passed the parser")


def _fold(source: Source, operator: ast.AST, operands: list[ast.expr], scope: Scope) -> Node:
    node = lower(source, operands[0], scope)
    for operand in operands[1:]:
        node = scope.graph.apply(_BINARY[type(operator)], [node, lower(source, operand, scope)])
    return node


def _name(source: Source, tree: ast.Name, scope: Scope) -> Node:
    if tree.id in scope.constants:
        value = scope.constants[tree.id]
        if not isinstance(value, (int, float)):
            raise GraphError(f"is no number but the constant {value!r}")
        return scope.graph.number(float(value))
    if tree.id in scope.expressions:
        return scope.expressions[tree.id]
    if tree.id in OPERATORS:
        raise source.error(f"{tree.id} is an operator; call it as {_usage(tree.id)}", tree)
    scope.fields.setdefault(tree.id, (source, source.column(tree)))
    return scope.graph.field(tree.id)


def _usage(name: str) -> str:
    return f"{name}({', '.join(p.name for p in OPERATORS[name].parameters)})"


def _call(source: Source, tree: ast.Call, name: str, scope: Scope) -> Node:
    if name not in OPERATORS:
        raise source.error(f"unknown operator {name!r}", tree, nearest(name, OPERATORS))
    operator = OPERATORS[name]
    given = _bind(source, tree, operator)
    series: list[Node] = []
    rows: list[int] = []
    for parameter in operator.parameters:
        argument = given.get(parameter.name)
        if parameter.kind == "series":
            assert argument is not None
            series.append(lower(source, argument, scope))
        elif argument is not None:
            limit = rows[0] if parameter.kind == "periods" else MAX_WINDOW
            rows.append(_whole(source, argument, name, parameter, limit, scope))
        else:
            rows.append(rows[0] if parameter.default is None else parameter.default)
    return operator.build(scope.graph, series, tuple(rows))


def _bind(source: Source, tree: ast.Call, operator: Operator) -> dict[str, ast.expr]:
    """Match arguments to parameters as Python does."""
    names = [p.name for p in operator.parameters]
    if len(tree.args) > len(names):
        raise source.error(
            f"too many arguments; it is {_usage(operator.name)}", tree.args[len(names)]
        )
    given = dict(zip(names, tree.args, strict=False))
    for keyword in tree.keywords:
        assert keyword.arg is not None
        if keyword.arg not in names:
            raise source.error(
                f"{operator.name} has no argument {keyword.arg!r}",
                keyword,
                nearest(keyword.arg, names),
            )
        if keyword.arg in given:
            raise source.error(f"argument {keyword.arg!r} is given twice", keyword)
        given[keyword.arg] = keyword.value
    for parameter in operator.parameters:
        optional = parameter.default is not None or parameter.kind == "periods"
        if parameter.name not in given and not optional:
            raise source.error(
                f"argument {parameter.name!r} is missing; it is {_usage(operator.name)}", tree
            )
    return given


def _whole(
    source: Source,
    argument: ast.expr,
    name: str,
    parameter: Parameter,
    limit: int,
    scope: Scope,
) -> int:
    value = lower(source, argument, scope).value
    if value is None:
        raise source.error(f"{parameter.name} of {name} must be a number, not a series", argument)
    if value != int(value) or not parameter.least <= value <= limit:
        raise source.error(
            f"{parameter.name} of {name} must be a whole number from {parameter.least} to {limit},"
            f" not {value:g}",
            argument,
        )
    return int(value)
