old_version_days = 365
