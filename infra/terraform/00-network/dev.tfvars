cidr     = "10.20.0.0/16"
zones    = ["ap-northeast-1a", "ap-northeast-1c"]
log_days = 14
