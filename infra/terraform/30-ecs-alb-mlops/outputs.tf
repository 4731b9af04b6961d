locals {
  handover = {
    cluster      = aws_ecs_cluster.this.name
    service      = aws_ecs_service.api.name
    task_family  = aws_ecs_task_definition.api.family
    url          = "${var.certificate_arn == null ? "http" : "https"}://${aws_lb.this.dns_name}"
    balancer     = aws_lb.this.arn_suffix
    target_group = aws_lb_target_group.api.arn_suffix
    log_group    = aws_cloudwatch_log_group.api.name
  }
}

# what layer 40, people and workflows look up
resource "aws_ssm_parameter" "handover" {
  #checkov:skip=CKV2_AWS_34:names and addresses, no secret
  #checkov:skip=CKV_AWS_337:names and addresses, no secret
  for_each = local.handover

  name           = "${local.path}/service/${each.key}"
  type           = "String"
  insecure_value = each.value
}

output "url" {
  description = "Where the service answers; a certificate's own name needs a DNS record that leads here."
  value       = local.handover.url
}

output "task_definition" {
  description = "The revision that Terraform has registered."
  value       = aws_ecs_task_definition.api.arn
}
