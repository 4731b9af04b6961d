"""The command line: one file per verb group. It parses and prints; what is done lies below."""
