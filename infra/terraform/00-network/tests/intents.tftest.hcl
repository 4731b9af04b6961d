# the provider wants ARNs where a resource names another
mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:ap-northeast-1:111122223333:log-group:flow" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/flow" }
  }
}

variables {
  environment = "dev"
  account_id  = "111122223333"
  region      = "ap-northeast-1"
  zones       = ["ap-northeast-1a", "ap-northeast-1c"]
}

run "the_service_accepts_the_balancer_and_nobody_else" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.service_from_balancer.security_group_id == aws_security_group.service.id
    error_message = "the rule opens another group than the service's"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.service_from_balancer.referenced_security_group_id == aws_security_group.balancer.id
    error_message = "the service accepts another group than the balancer's"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.service_from_balancer.cidr_ipv4 == null
    error_message = "the service accepts addresses"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.service_from_balancer.from_port == 8000 && aws_vpc_security_group_ingress_rule.service_from_balancer.to_port == 8000
    error_message = "more than the service's port is open"
  }
}

run "clients_reach_the_balancer_only" {
  variables {
    clients = ["203.0.113.0/24"]
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.balancer_https : rule.security_group_id == aws_security_group.balancer.id && rule.cidr_ipv4 == "203.0.113.0/24"])
    error_message = "HTTPS is open to other networks, or for another group"
  }
  assert {
    condition     = alltrue([for subnet in merge(aws_subnet.public, aws_subnet.private) : !subnet.map_public_ip_on_launch])
    error_message = "a subnet hands out public addresses"
  }
}

run "the_service_s_ways_out_are_endpoints" {
  assert {
    condition     = aws_vpc_security_group_egress_rule.service_to_endpoints.referenced_security_group_id == aws_security_group.endpoints.id
    error_message = "the service may ask others than the endpoints"
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.service_to_s3.cidr_ipv4 == null && aws_vpc_security_group_egress_rule.service_to_s3.prefix_list_id == data.aws_ec2_managed_prefix_list.s3.id
    error_message = "the service may ask others than S3"
  }
  assert {
    condition     = aws_route.internet.route_table_id == aws_route_table.public.id
    error_message = "the way to the internet is not that of the public subnets"
  }
}

run "the_default_group_is_closed" {
  assert {
    condition     = length(aws_default_security_group.closed.ingress) == 0 && length(aws_default_security_group.closed.egress) == 0
    error_message = "the VPC's default group lets something through"
  }
}

run "one_zone_is_refused" {
  command = plan
  variables {
    zones = ["ap-northeast-1a"]
  }
  expect_failures = [var.zones]
}

run "a_network_without_room_is_refused" {
  command = plan
  variables {
    cidr = "10.20.0.0/24"
  }
  expect_failures = [var.cidr]
}

run "a_number_that_is_no_account_is_refused" {
  command = plan
  variables {
    account_id = "42"
  }
  expect_failures = [var.account_id]
}
