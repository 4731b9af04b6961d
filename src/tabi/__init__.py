"""Tabi: from a table to a model in production that you can prove is done."""

__version__ = "0.1.0"
