# What all layers of this environment share. What one layer needs lies beside it, in its own prod.tfvars.
environment = "prod"
account_id  = "444455556666" # yours
region      = "ap-northeast-1"
