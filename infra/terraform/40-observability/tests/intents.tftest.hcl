# the provider wants ARNs where a resource names another
mock_provider "aws" {
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:ap-northeast-1:111122223333:log-group:stops" }
  }
  mock_resource "aws_sns_topic" {
    defaults = { arn = "arn:aws:sns:ap-northeast-1:111122223333:tabi-dev-alarms" }
  }
  mock_resource "aws_cloudwatch_metric_alarm" {
    defaults = { arn = "arn:aws:cloudwatch:ap-northeast-1:111122223333:alarm:some" }
  }
}

override_data {
  target = data.aws_ssm_parameter.service["balancer"]
  values = { insecure_value = "app/tabi-dev-api/1234" }
}

override_data {
  target = data.aws_ssm_parameter.service["target_group"]
  values = { insecure_value = "targetgroup/tabi-dev-api/5678" }
}

variables {
  environment = "dev"
  account_id  = "111122223333"
  region      = "ap-northeast-1"
  slo         = { error_percent = 2.5, p95_seconds = 0.42 }
}

run "alarms_compare_with_the_objectives" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.errors.threshold == 2.5 && aws_cloudwatch_metric_alarm.latency.threshold == 0.42
    error_message = "an alarm compares with something else"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.latency.extended_statistic == "p95" && aws_cloudwatch_metric_alarm.latency.metric_name == "TargetResponseTime"
    error_message = "latency is not p95 of TargetResponseTime"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.latency.dimensions == tomap({ LoadBalancer = "app/tabi-dev-api/1234", TargetGroup = "targetgroup/tabi-dev-api/5678" })
    error_message = "latency of another service is watched"
  }
}

run "every_alarm_tells_and_recovers" {
  assert {
    condition = alltrue([
      for alarm in [aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.latency, aws_cloudwatch_metric_alarm.stops] :
      alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.ok_actions == toset([aws_sns_topic.alarms.arn]) && alarm.treat_missing_data == "notBreaching"
    ])
    error_message = "an alarm is silent, or sounds without traffic"
  }
}

run "a_stop_that_nobody_asked_for_is_counted_and_kept" {
  assert {
    condition     = contains(jsondecode(aws_cloudwatch_event_rule.stops.event_pattern).detail["$or"][0].stopCode, "EssentialContainerExited")
    error_message = "a container that ends is not counted"
  }
  assert {
    condition     = !strcontains(aws_cloudwatch_event_rule.stops.event_pattern, "ServiceSchedulerInitiated")
    error_message = "a deployment would sound the alarm"
  }
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.stops.event_pattern).detail.group == ["service:tabi-dev-api"]
    error_message = "tasks of another service are counted"
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.stops.dimensions["RuleName"] == aws_cloudwatch_event_rule.stops.name
    error_message = "the alarm counts another rule"
  }
  assert {
    condition     = aws_cloudwatch_event_target.stops.arn == aws_cloudwatch_log_group.stops.arn && aws_cloudwatch_log_group.stops.retention_in_days == 30
    error_message = "the reason of a stop is not kept"
  }
}

run "log_lines_become_metrics" {
  assert {
    condition     = aws_cloudwatch_log_metric_filter.level["error"].log_group_name == "/tabi/dev/api" && aws_cloudwatch_log_metric_filter.level["error"].pattern == "{ $.level = \"error\" }"
    error_message = "errors of another group are counted, or other lines"
  }
}

run "the_dashboard_shows_all_alarms" {
  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.service.dashboard_body).widgets[0].properties.alarms) == 3
    error_message = "an alarm is missing"
  }
}

run "an_objective_of_nothing_is_refused" {
  command = plan
  variables {
    slo = { error_percent = 0, p95_seconds = 0.3 }
  }
  expect_failures = [var.slo]
}
