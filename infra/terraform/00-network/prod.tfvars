cidr     = "10.30.0.0/16"
zones    = ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
log_days = 90
