"""compare: finished runs in; their standing on common test cells, and what to make of it, out."""

from .comparison import Comparison, Standing, compare

__all__ = ["Comparison", "Standing", "compare"]
