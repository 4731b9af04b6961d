alarm    = { minutes = 3, of_minutes = 5, minimum_requests = 20 }
log_days = 90
