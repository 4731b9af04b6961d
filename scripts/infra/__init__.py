"""Checks of infra/terraform, which need no account of AWS: `python -m scripts.infra --help`."""
