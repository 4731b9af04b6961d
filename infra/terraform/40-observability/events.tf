# ECS forgets a stopped task within an hour. The event, which says why it stopped, is kept, and the rule that finds it is
# what the third alarm counts.

locals {
  # a deployment, a scaling or a person stops tasks too: those are not counted
  abnormal = {
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = ["arn:aws:ecs:${var.region}:${var.account_id}:cluster/${local.cluster}"]
      group      = ["service:${local.service}"]
      lastStatus = ["STOPPED"]
      "$or" = [
        { stopCode = ["EssentialContainerExited", "TaskFailedToStart"] },
        { stoppedReason = [{ prefix = "Task failed" }] },
      ]
    }
  }
}

resource "aws_cloudwatch_event_rule" "stops" {
  name          = "${local.name}-task-stopped"
  description   = "Tasks of the service that ended by themselves, could not start or were unhealthy"
  event_pattern = jsonencode(local.abnormal)
}

resource "aws_cloudwatch_event_target" "stops" {
  rule = aws_cloudwatch_event_rule.stops.name
  arn  = aws_cloudwatch_log_group.stops.arn
}

resource "aws_cloudwatch_log_group" "stops" {
  #checkov:skip=CKV_AWS_338:kept as long as log_days says
  #checkov:skip=CKV_AWS_158:encrypted by CloudWatch's own key; names of tasks and reasons only
  name              = "/aws/events/${local.name}-task-stopped"
  retention_in_days = var.log_days
}

resource "aws_cloudwatch_log_resource_policy" "stops" {
  policy_name = "${local.name}-task-stopped"

  policy_document = templatefile("${path.module}/policies/events.json", {
    account   = var.account_id
    region    = var.region
    log_group = aws_cloudwatch_log_group.stops.name
    rule      = aws_cloudwatch_event_rule.stops.name
  })
}
