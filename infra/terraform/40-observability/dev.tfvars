log_days = 14
