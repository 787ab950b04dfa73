"""The language of features and targets: text in, arrays with a known reach in time out."""

from .frozen import frozen_future
from .program import Program, compile_program

__all__ = ["Program", "compile_program", "frozen_future"]
