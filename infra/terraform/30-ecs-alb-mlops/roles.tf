# Two roles: ECS itself starts the task with the one, the server runs with the other.

locals {
  trust = templatefile("${path.module}/policies/trust-tasks.json", {
    account = var.account_id
    region  = var.region
  })
}

resource "aws_iam_role" "execution" {
  name               = local.role_execution
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "execution" {
  name = "start-task"
  role = aws_iam_role.execution.id

  policy = templatefile("${path.module}/policies/execution.json", {
    account    = var.account_id
    region     = var.region
    repository = local.repository
    log_group  = local.log_group
  })
}

resource "aws_iam_role" "task" {
  name               = local.role_task
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "task" {
  name   = "read-models"
  role   = aws_iam_role.task.id
  policy = templatefile("${path.module}/policies/task.json", { bucket = local.bucket })
}
