"""The page on a dataset: its health, coverage, gaps and outliers, and what its provider changed."""

from .content import Comparison, Findings
from .render import render

__all__ = ["Comparison", "Findings", "render"]
