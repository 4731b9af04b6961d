output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "handover" {
  description = "Parameters that later layers read."
  value       = sort([for parameter in aws_ssm_parameter.handover : parameter.name])
}
