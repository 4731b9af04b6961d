"""`POST /feedback`: what became of predictions. It is on the disk before it is acknowledged."""

from tabi.serving.feedback.endpoint import Feedback
from tabi.serving.feedback.writer import Writer

__all__ = ["Feedback", "Writer"]
