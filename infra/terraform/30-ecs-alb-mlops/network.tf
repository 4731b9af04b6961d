# What layer 00 has handed over.

data "aws_ssm_parameter" "network" {
  for_each = toset(["vpc_id", "public_subnets", "private_subnets", "balancer_group", "service_group", "service_port"])

  name = "${local.path}/network/${each.key}"
}

locals {
  network = { for key, parameter in data.aws_ssm_parameter.network : key => parameter.insecure_value }
  port    = tonumber(local.network.service_port)
}
