# p95 as slo.yaml has it; errors at ten times the share that its availability allows
slo      = { error_percent = 1, p95_seconds = 0.1 }
alarm    = { minutes = 3, of_minutes = 5, minimum_requests = 20 }
log_days = 90
