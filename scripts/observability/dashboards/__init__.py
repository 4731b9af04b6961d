"""Dashboards of Grafana, by code: the same code gives the same JSON."""
