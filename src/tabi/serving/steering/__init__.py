"""Routing by policy: which of the loaded versions answers a request, and which gets a copy of it."""
