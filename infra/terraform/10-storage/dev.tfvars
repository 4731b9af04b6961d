# an environment that may be thrown away
force_destroy = true
