# with -var image=…@sha256:… and -var certificate_arn=…, without which prod is refused
models      = ["breast_cancer"]
size        = { cpu = 1024, memory = 2048 }
tasks       = 2
autoscaling = { minimum = 2, maximum = 6, cpu_percent = 60 }
log_days    = 90
