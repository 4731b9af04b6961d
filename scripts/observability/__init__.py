"""What watches the service: rules, alerts, routing, dashboards and figures, all of them generated from `slo.yaml`."""
