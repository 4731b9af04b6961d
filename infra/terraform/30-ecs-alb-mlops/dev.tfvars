# the image comes with -var image=…@sha256:…
models    = ["breast_cancer"]
size      = { cpu = 512, memory = 1024 }
tasks     = 1
protected = false
log_days  = 14
