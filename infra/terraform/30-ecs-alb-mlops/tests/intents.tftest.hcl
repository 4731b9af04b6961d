# the provider wants ARNs where a resource names another
mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/some" }
  }
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:loadbalancer/app/tabi/1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/tabi/1" }
  }
  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:listener/app/tabi/1/1" }
  }
  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:ap-northeast-1:111122223333:task-definition/tabi-dev-api:1" }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:ap-northeast-1:111122223333:cluster/tabi-dev" }
  }
}

override_data {
  target = data.aws_ssm_parameter.network["service_port"]
  values = { insecure_value = "8000" }
}

override_data {
  target = data.aws_ssm_parameter.network["service_group"]
  values = { insecure_value = "sg-service" }
}

override_data {
  target = data.aws_ssm_parameter.network["private_subnets"]
  values = { insecure_value = "subnet-private-a,subnet-private-c" }
}

variables {
  environment = "dev"
  account_id  = "111122223333"
  region      = "ap-northeast-1"
  image       = "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/tabi-dev-api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  models      = ["adult", "credit-g@champion"]
}

run "an_image_by_tag_is_refused" {
  command = plan
  variables {
    image = "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/tabi-dev-api:1.0.0"
  }
  expect_failures = [var.image]
}

run "latest_is_refused" {
  command = plan
  variables {
    image = "tabi:latest"
  }
  expect_failures = [var.image]
}

run "half_a_digest_is_refused" {
  command = plan
  variables {
    image = "tabi@sha256:0123456789abcdef"
  }
  expect_failures = [var.image]
}

run "root_is_refused" {
  command = plan
  variables {
    user = "0:0"
  }
  expect_failures = [var.user]
}

run "prod_without_a_certificate_is_refused" {
  command = plan
  variables {
    environment = "prod"
  }
  expect_failures = [var.certificate_arn]
}

run "the_container_serves_what_is_named_and_can_write_nowhere_else" {
  assert {
    condition     = jsondecode(aws_ecs_task_definition.api.container_definitions)[0].image == var.image
    error_message = "another image runs than was named"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.api.container_definitions)[0].command == ["serve", "adult", "credit-g@champion"]
    error_message = "the container does not serve what was named"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.api.container_definitions)[0].readonlyRootFilesystem && jsondecode(aws_ecs_task_definition.api.container_definitions)[0].user == "10001:10001"
    error_message = "the container can write, or is root"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.api.container_definitions)[0].linuxParameters.capabilities.drop == ["ALL"]
    error_message = "the container keeps capabilities"
  }
  assert {
    condition     = toset([for mount in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].mountPoints : mount.sourceVolume]) == toset([for volume in aws_ecs_task_definition.api.volume : volume.name])
    error_message = "a mount names no volume"
  }
  assert {
    condition     = contains([for variable in jsondecode(aws_ecs_task_definition.api.container_definitions)[0].environment : "${variable.name}=${variable.value}"], "TABI_STORE=s3://tabi-dev-models-111122223333")
    error_message = "the container reads models from elsewhere"
  }
  assert {
    condition     = jsondecode(aws_ecs_task_definition.api.container_definitions)[0].logConfiguration.options.awslogs-group == aws_cloudwatch_log_group.api.name
    error_message = "the container logs into another group"
  }
}

run "a_bad_revision_goes_back_by_itself" {
  assert {
    condition     = aws_ecs_service.api.deployment_circuit_breaker[0].enable && aws_ecs_service.api.deployment_circuit_breaker[0].rollback
    error_message = "the circuit breaker is off"
  }
  assert {
    condition     = aws_ecs_service.api.deployment_minimum_healthy_percent == 100
    error_message = "old tasks stop before new ones are healthy"
  }
  assert {
    condition     = aws_lb_target_group.api.health_check[0].path == "/healthz" && aws_lb_target_group.api.health_check[0].matcher == "200"
    error_message = "health is asked elsewhere"
  }
  assert {
    condition     = tonumber(aws_lb_target_group.api.deregistration_delay) < jsondecode(aws_ecs_task_definition.api.container_definitions)[0].stopTimeout
    error_message = "a task is killed while requests may still run"
  }
}

run "tasks_stand_inside" {
  assert {
    condition     = !aws_ecs_service.api.network_configuration[0].assign_public_ip && aws_ecs_service.api.network_configuration[0].security_groups == toset(["sg-service"])
    error_message = "a task has a public address, or another group"
  }
  assert {
    condition     = aws_ecs_service.api.network_configuration[0].subnets == toset(["subnet-private-a", "subnet-private-c"])
    error_message = "a task stands in other subnets"
  }
}

run "without_a_certificate_http_is_answered" {
  assert {
    condition     = length(aws_lb_listener.https) == 0 && aws_lb_listener.http.default_action[0].type == "forward"
    error_message = "plain HTTP is not answered, and there is nothing else"
  }
}

run "with_a_certificate_http_is_sent_on" {
  variables {
    environment     = "prod"
    certificate_arn = "arn:aws:acm:ap-northeast-1:111122223333:certificate/0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f"
  }

  assert {
    condition     = aws_lb_listener.https[0].port == 443 && aws_lb_listener.https[0].certificate_arn == var.certificate_arn
    error_message = "HTTPS is not answered with the certificate"
  }
  assert {
    condition     = startswith(aws_lb_listener.https[0].ssl_policy, "ELBSecurityPolicy-TLS13-1-2")
    error_message = "older TLS than 1.2 is spoken"
  }
  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect"
    error_message = "plain HTTP is answered though there is HTTPS"
  }
}

run "the_number_of_tasks_is_left_alone" {
  assert {
    condition     = length(aws_appautoscaling_target.tasks) == 0 && length(aws_appautoscaling_policy.cpu) == 0
    error_message = "autoscaling is there though nobody asked"
  }
}

run "the_number_of_tasks_follows_the_load" {
  variables {
    autoscaling = { minimum = 2, maximum = 6, cpu_percent = 60 }
  }

  assert {
    condition     = aws_appautoscaling_target.tasks[0].min_capacity == 2 && aws_appautoscaling_target.tasks[0].max_capacity == 6
    error_message = "autoscaling has other bounds than was said"
  }
  assert {
    condition     = aws_appautoscaling_target.tasks[0].resource_id == "service/tabi-dev/tabi-dev-api"
    error_message = "autoscaling is for another service"
  }
}
