import math

import pytest
from marketlab.data.expressions.graph import Graph, GraphError, Node, ordered
from marketlab.data.expressions.primitives import PRIMITIVES


@pytest.fixture
def graph() -> Graph:
    return Graph(PRIMITIVES)


def test_equal_expressions_are_one_node(graph: Graph) -> None:
    def ratio() -> Node:
        delayed = graph.apply("shift", [graph.field("close")], (3,))
        return graph.apply("divide", [graph.field("close"), delayed])

    assert ratio() is ratio()
    assert len(ordered([ratio(), ratio()])) == 3


def test_numbers_fold(graph: Graph) -> None:
    total = graph.apply("add", [graph.number(2.0), graph.number(3.0)])
    assert total is graph.number(5.0)
    assert graph.number(0.0) is not graph.number(-0.0)


def test_shifts_of_shifts_are_one_shift(graph: Graph) -> None:
    close = graph.field("close")
    later = graph.apply("shift", [close], (3,))
    assert graph.apply("shift", [later], (-3,)) is close
    assert graph.apply("shift", [later], (-5,)) is graph.apply("shift", [close], (-2,))


def test_a_number_has_no_window(graph: Graph) -> None:
    with pytest.raises(GraphError, match="needs a series"):
        graph.apply("ts_mean", [graph.number(1.0)], (5, 5))


def test_reach_adds_up(graph: Graph) -> None:
    close = graph.field("close")
    ahead = graph.apply("shift", [graph.apply("ts_mean", [close], (5, 5))], (-7,))
    assert (ahead.back, ahead.ahead) == (0, 7)
    mixed = graph.apply("add", [ahead, graph.apply("shift", [close], (2,))])
    assert (mixed.back, mixed.ahead) == (2, 7)
    # What is delayed must have been there, though only row 2 of it counts.
    twice = graph.apply("multiply", [graph.number(2.0), ahead])
    delayed = graph.apply("shift", [twice], (5,))
    assert (delayed.back, delayed.ahead) == (5, 2)
    smooth = graph.apply("ewm_mean", [mixed], (9,))
    assert (smooth.back, smooth.ahead) == (math.inf, 7)
    # (1 - 2/10) ** 42 is the first power below 1e-4.
    assert smooth.warmup == 2 + 42
