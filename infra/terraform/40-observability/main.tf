# Three alarms, one topic: errors, latency, and tasks that stop by themselves.

data "aws_ssm_parameter" "service" {
  for_each = toset(["balancer", "target_group"])

  name = "${local.path}/service/${each.key}"
}

locals {
  balancer     = data.aws_ssm_parameter.service["balancer"].insecure_value
  target_group = data.aws_ssm_parameter.service["target_group"].insecure_value
  namespace    = "${title(var.project)}/${var.environment}"
  runbook      = "docs/infra/aws.md#alarms"
}

resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:CloudWatch cannot publish to a topic under the account's own key, and a message holds an alarm's name and figures only
  name = "${local.name}-alarms"
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = templatefile("${path.module}/policies/topic.json", {
    account = var.account_id
    region  = var.region
    name    = local.name
  })
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.key
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${local.name}-5xx-rate"
  alarm_description   = "More than ${var.slo.error_percent} % of answers are server errors. ${local.runbook}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.slo.error_percent
  evaluation_periods  = var.alarm.of_minutes
  datapoints_to_alarm = var.alarm.minutes
  # no traffic is no error
  treat_missing_data = "notBreaching"
  alarm_actions      = [aws_sns_topic.alarms.arn]
  ok_actions         = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "rate"
    label       = "server errors, percent"
    expression  = "IF(requests >= ${var.alarm.minimum_requests}, 100 * (FILL(target, 0) + FILL(balancer, 0)) / requests, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      requests = "RequestCount"
      target   = "HTTPCode_Target_5XX_Count"
      balancer = "HTTPCode_ELB_5XX_Count"
    }
    content {
      id = metric_query.key
      metric {
        namespace   = "AWS/ApplicationELB"
        metric_name = metric_query.value
        dimensions  = { LoadBalancer = local.balancer }
        period      = 60
        stat        = "Sum"
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${local.name}-p95"
  alarm_description   = "5 % of answers take longer than ${var.slo.p95_seconds} s. ${local.runbook}"
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = { LoadBalancer = local.balancer, TargetGroup = local.target_group }
  extended_statistic  = "p95"
  period              = 60
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.slo.p95_seconds
  evaluation_periods  = var.alarm.of_minutes
  datapoints_to_alarm = var.alarm.minutes
  treat_missing_data  = "notBreaching"
  # of a handful of answers p95 is the slowest one
  evaluate_low_sample_count_percentiles = "ignore"
  alarm_actions                         = [aws_sns_topic.alarms.arn]
  ok_actions                            = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "stops" {
  alarm_name          = "${local.name}-task-stopped"
  alarm_description   = "A task has ended that nobody stopped. ${local.runbook}"
  namespace           = "AWS/Events"
  metric_name         = "TriggeredRules"
  dimensions          = { RuleName = aws_cloudwatch_event_rule.stops.name }
  statistic           = "Sum"
  period              = 60
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
