# Levels of the server's JSON lines, as metrics.

resource "aws_cloudwatch_log_metric_filter" "level" {
  for_each = { error = "LogErrors", warning = "LogWarnings" }

  name           = "${local.name}-${each.key}"
  log_group_name = local.log_group
  pattern        = "{ $.level = \"${each.key}\" }"

  metric_transformation {
    namespace     = local.namespace
    name          = each.value
    value         = "1"
    default_value = "0"
  }
}
