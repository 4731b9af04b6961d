# an environment that may be thrown away
force_destroy = true
images_kept   = 20
