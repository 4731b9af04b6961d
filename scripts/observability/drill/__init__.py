"""`make alerts-test`: real Prometheus, Alertmanager and server, with drift and failures made on purpose."""
