# Without this group a task cannot start, so it stands here and not in layer 40.
resource "aws_cloudwatch_log_group" "api" {
  #checkov:skip=CKV_AWS_338:kept as long as log_days says; the audit trail is kept elsewhere
  #checkov:skip=CKV_AWS_158:encrypted by CloudWatch's own key; log lines hold no value of a row
  name              = local.log_group
  retention_in_days = var.log_days
}

resource "aws_ecs_cluster" "this" {
  name = local.cluster

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

locals {
  # empty, and as writable as the image's own folder: the image declares both as VOLUME
  writable = { tmp = "/tmp", predictions = "/predictions" }

  variables = merge({
    TABI_STORE       = "s3://${local.bucket}"
    TABI_CACHE       = "/tmp/models"
    TABI_PREDICTIONS = "/predictions"
    TABI_HOST        = "0.0.0.0"
    TABI_PORT        = local.network.service_port
    TABI_WORKERS     = tostring(var.workers)
    # clients of the load balancer are no readers of metrics
    TABI_METRICS = "admin"
    AWS_REGION   = var.region
  }, var.variables)

  container = {
    name      = "api"
    image     = var.image
    essential = true
    user      = var.user
    # the image's entry point is tabi
    command = concat(["serve"], var.models)

    readonlyRootFilesystem = true
    linuxParameters = {
      initProcessEnabled = true
      capabilities       = { drop = ["ALL"] }
    }
    mountPoints = [for name, place in local.writable : { sourceVolume = name, containerPath = place, readOnly = false }]

    portMappings = [{ containerPort = local.port, hostPort = local.port, protocol = "tcp" }]
    environment  = [for name in sort(keys(local.variables)) : { name = name, value = local.variables[name] }]
    stopTimeout  = 30
    ulimits      = [{ name = "nofile", softLimit = 65536, hardLimit = 65536 }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.api.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "api"
        # an answer never waits for CloudWatch
        mode            = "non-blocking"
        max-buffer-size = "4m"
      }
    }
  }
}

resource "aws_ecs_task_definition" "api" {
  family                   = local.service
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.size.cpu
  memory                   = var.size.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode([local.container])
  # a rollback needs the revision before
  skip_destroy = true

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  dynamic "volume" {
    for_each = local.writable
    content {
      name = volume.key
    }
  }
}

resource "aws_ecs_service" "api" {
  name            = local.service
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.api.arn
  desired_count   = var.tasks
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"

  # no request is lost: new tasks are healthy before old ones stop
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 30
  wait_for_steady_state              = var.wait

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = split(",", local.network.private_subnets)
    security_groups  = [local.network.service_group]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.api.arn
    container_name   = local.container.name
    container_port   = local.port
  }

  lifecycle {
    # after the first apply a deployment says which revision runs, and autoscaling how many
    ignore_changes = [task_definition, desired_count]
  }

  depends_on = [aws_lb_listener.http, aws_lb_listener.https, aws_iam_role_policy.execution, aws_iam_role_policy.task]
}
