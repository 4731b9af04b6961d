"""Targets: what it takes to run a version somewhere, and what that costs."""
