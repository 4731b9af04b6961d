"""Measuring a server: a load generator, the floor of the web server under it, and both side by side."""
