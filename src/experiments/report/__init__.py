"""The HTML report of a run: one file that opens anywhere, offline."""

from .content import Feature, FoldSpan, LabelPredictions, ReportContent
from .render import write_report

__all__ = ["Feature", "FoldSpan", "LabelPredictions", "ReportContent", "write_report"]
