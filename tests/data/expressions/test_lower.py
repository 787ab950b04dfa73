import pytest
from marketlab.data.expressions import compile_program
from marketlab.errors import ExpressionError


@pytest.mark.parametrize(
    ("text", "message", "under"),
    [
        ("1 + ts_maen(close, 3)", "unknown operator 'ts_maen'; did you mean 'ts_mean'", "ts_maen"),
        ("close + log", r"call it as log\(x\)", "log"),
        ("log(close, 3)", "too many arguments", "3"),
        ("1 / delay(close)", "argument 'n' is missing", "delay"),
        ("delay(close, n=3, m=4)", "no argument 'm'", "m=4"),
        ("delay(close, 3, n=4)", "given twice", "n=4"),
        ("delay(close, 0)", "whole number from 1 to 100000, not 0", "0"),
        ("delay(close, -1)", "not -1", "-1"),
        ("delay(close, 2.5)", "not 2.5", "2.5"),
        ("delay(close, 10**9)", "not 1e", "10**9"),
        ("delay(close, close)", "must be a number, not a series", "close)"),
        ("ts_std(close, 1)", "from 2", "1"),
        ("ts_mean(close, 5, min_periods=6)", "from 1 to 5, not 6", "6"),
        ("ts_mean(2 + 3, 5)", "ts_mean needs a series", "ts_mean"),
        ("close / (1 / 0)", "not a finite number", "1 / 0"),
        ("9 ** 9 ** 9 ** 9", "not a finite number", "9 ** 9 ** 9"),
        ("close * 1e999", "not a finite number", "1e999"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, message: str, under: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        compile_program({"f": text})
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^") :].startswith(under)


def test_a_sum_of_reaches_is_bounded() -> None:
    chain = {"f0": "close"} | {f"f{i}": f"delay(f{i - 1}, 90000)" for i in range(1, 20)}
    with pytest.raises(ExpressionError, match="more than 1000000 rows"):
        compile_program(chain)


def test_constants_can_be_windows() -> None:
    program = compile_program({"f": "lead(close, h) / delay(close, 2 * h) + k"}, {"h": 5, "k": 0.5})
    assert program.lookahead["f"] == 5
    assert program.lookback["f"] == 10
    assert program.fields == {"close"}
