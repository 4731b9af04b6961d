"""The failures of docs/runbooks, made for real and mended: how long each took."""
