"""A/B tests: how many units one needs, what the log says of them, and what to do now."""
