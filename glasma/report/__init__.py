"""The report of a run: one self-contained HTML page and a film, from the stored files alone."""

from glasma.report.html import write_report

__all__ = ["write_report"]
