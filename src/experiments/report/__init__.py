"""The HTML report of a run: one file that opens anywhere, offline."""

from .content import FoldSpan, LabelPredictions, ReportContent
from .render import write_report

__all__ = ["FoldSpan", "LabelPredictions", "ReportContent", "write_report"]
