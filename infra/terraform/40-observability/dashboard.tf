locals {
  on_balancer = ["LoadBalancer", local.balancer]
  on_targets  = ["TargetGroup", local.target_group, "LoadBalancer", local.balancer]
  on_service  = ["ClusterName", local.cluster, "ServiceName", local.service]

  graphs = [
    {
      title   = "Requests a minute"
      stat    = "Sum"
      metrics = [concat(["AWS/ApplicationELB", "RequestCount"], local.on_balancer)]
    },
    {
      title = "Server errors a minute"
      stat  = "Sum"
      metrics = [
        concat(["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"], local.on_balancer),
        concat(["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count"], local.on_balancer),
      ]
    },
    {
      title = "Seconds to an answer: p50, p95, p99"
      stat  = "p95"
      limit = var.slo.p95_seconds
      metrics = [for stat in ["p50", "p95", "p99"] :
        concat(["AWS/ApplicationELB", "TargetResponseTime"], local.on_targets, [{ stat = stat }])
      ]
    },
    {
      title   = "Healthy tasks"
      stat    = "Minimum"
      metrics = [concat(["AWS/ApplicationELB", "HealthyHostCount"], local.on_targets)]
    },
    {
      title   = "CPU and memory, percent"
      stat    = "Average"
      metrics = [for name in ["CPUUtilization", "MemoryUtilization"] : concat(["AWS/ECS", name], local.on_service)]
    },
    {
      title   = "Log lines of level error and warning"
      stat    = "Sum"
      metrics = [for name in ["LogErrors", "LogWarnings"] : [local.namespace, name]]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "service" {
  dashboard_name = local.service

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type   = "alarm"
        x      = 0
        y      = 0
        width  = 24
        height = 2
        properties = {
          title = "Alarms"
          alarms = [for alarm in [
            aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.latency, aws_cloudwatch_metric_alarm.stops
          ] : alarm.arn]
        }
      }],
      [for index, graph in local.graphs : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 2 + 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = merge(
          { title = graph.title, region = var.region, period = 60, stat = graph.stat, metrics = graph.metrics },
          can(graph.limit) ? { annotations = { horizontal = [{ label = "objective", value = graph.limit }] } } : {},
        )
      }],
    )
  })
}
