"""What a person should know of a model before it is trusted: figures as JSON and pictures as PNG.

Each report is a function of a `Subject`, which is told everything that the report reads, for any task.
"""

from tabi.training.reports.subject import Rows, Subject
from tabi.training.reports.write import write_reports

__all__ = ["Rows", "Subject", "write_reports"]
