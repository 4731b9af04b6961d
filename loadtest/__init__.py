"""Load tests: k6 against a real server, with the thresholds of slo.yaml."""
