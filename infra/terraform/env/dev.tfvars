# What all layers of this environment share. What one layer needs lies beside it, in its own dev.tfvars.
environment = "dev"
account_id  = "111122223333" # yours
region      = "ap-northeast-1"
