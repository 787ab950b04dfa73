import pytest
from marketlab.data.expressions import compile_program
from marketlab.data.expressions.parse import MAX_TEXT, parse
from marketlab.errors import ExpressionError


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("close /", "does not parse"),
        ("close\0", "null bytes"),
        ("a < b < c", "do not chain"),
        ("a > b & c > d", "do not chain"),
        ("a is b", "only < <="),
        ("close.mean()", "only a named operator"),
        ("close.values", "attributes"),
        ("close[0]", "delay"),
        ("a if b else c", "where"),
        ("a // b", "use '/'"),
        ("a ^ b", r"'\*\*'"),
        ("lambda: 0", "Lambda is not part"),
        ("(x := 3)", "NamedExpr is not part"),
        ("f(*a)", "Starred is not part"),
        ("f(**a)", "arguments are not part"),
        ("[c for c in b]", "ListComp is not part"),
        ("'close'", "Constant is not part"),
        ("True", "Constant is not part"),
        ("1j", "Constant is not part"),
        ("close # the close", "comments"),
        ("import os", "does not parse"),
        ("1" * 3_999, "is too large|does not parse|is not a finite"),
        ("x" * (MAX_TEXT + 1), "longer than"),
        ("-" * 3_999 + "x", "nested"),
        ("(" * 1_999 + "x" + ")" * 1_999, "does not parse|nested"),
        ("+".join(["x"] * 1_500), "nested|parts"),
        ("\ud800", "does not parse"),
    ],
)
def test_what_is_not_the_language_is_refused_with_a_caret(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message) as caught:
        compile_program({"f": text})
    first, shown, caret = str(caught.value).split("\n")
    assert first.startswith("expression 'f': ")
    assert caret.strip() == "^"
    assert len(caret) <= len(shown) + 1


def test_the_caret_stands_under_the_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse("f", "délta + close.x * 2")
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^") :].startswith("close.x")


def test_the_place_is_shown_in_a_long_text() -> None:
    text = " + ".join(["close"] * 60) + " + open.x + " + " + ".join(["close"] * 30)
    with pytest.raises(ExpressionError) as caught:
        parse("f", text)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^") :].startswith("open.x")
    assert len(shown) < 100


def test_lines_are_joined() -> None:
    source, _ = parse("f", "close\n  / open\n")
    assert source.text == "close / open"


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(ExpressionError, match="quotes"):
        parse("f", 3)
